import type { KeyClaims, MlDsaSet, ProbeStep } from '../../contracts/keyFacts.ts'
import { PROBE_LABEL, type Result, type Where } from '../../contracts/keyProcess.ts'
import { encodeUtf8 } from '../../crypto/encoding.ts'
import { verifyProbe } from '../../crypto/signature.ts'
import { fromWire } from '../../contracts/wireSentence.ts'
import { toCountersignError } from '../../support/errors.ts'
import { said, type Sentence } from '../../support/l10n.ts'
import type { KeyProcess } from './supervisor.ts'

export interface ProbeReport {
  readonly algorithm: MlDsaSet
  /** In the order in which they were done; `verify` is ours, the others are the token's. */
  readonly steps: readonly {
    readonly step: ProbeStep['step'] | 'verify'
    readonly ok: boolean
    readonly ms: number
    readonly error?: Sentence
  }[]
  /** Whether the token made a key, signed with it what it should, and destroyed it. */
  readonly works: boolean
  /** What the module claims of a key that it makes; undefined where it made none. */
  readonly claims: KeyClaims | undefined
}

/**
 * What a token really does with an algorithm: it makes a key pair that is gone afterwards and signs with it, and the
 * signature is verified here, in software, since a module's word for its own signature is worth nothing.
 * @throws CountersignError `pin-needed`, `token-missing`, `token-unsupported`, `slot-missing`, and those of the process
 */
export async function probeToken(keyProcess: KeyProcess, where: Where, algorithm: MlDsaSet): Promise<ProbeReport> {
  const found = await keyProcess.call('probe', { where, algorithm })
  const token = found.steps.map(({ error, ...step }) => ({ ...step, ...(error && { error: fromWire(error) }) }))
  const steps = [...token, ...(found.signature === undefined ? [] : [await verifyStep(found, algorithm)])]
  return {
    algorithm,
    steps,
    works: steps.length === 4 && steps.every(({ ok }) => ok),
    claims: found.claims,
  }
}

async function verifyStep({ publicKey, message, signature }: Result<'probe'>, algorithm: MlDsaSet) {
  const began = performance.now()
  const outcome = (error?: Sentence) => ({
    step: 'verify' as const,
    ok: error === undefined,
    ms: performance.now() - began,
    ...(error === undefined ? {} : { error }),
  })
  if (publicKey === undefined) return outcome(said('The token does not show the public key of the key that it made.'))
  if (message === undefined || signature === undefined || !isProbe(message)) {
    return outcome(said('The key process signed something else than a probe.'))
  }
  try {
    const holds = await verifyProbe(algorithm, publicKey, message, signature)
    return outcome(holds ? undefined : said('The signature of the token does not verify.'))
  } catch (thrown) {
    return outcome(toCountersignError(thrown).sentence)
  }
}

function isProbe(message: Uint8Array): boolean {
  const head = [...encodeUtf8(PROBE_LABEL), 0]
  return head.every((byte, at) => message[at] === byte)
}

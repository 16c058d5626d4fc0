import { writeFile } from 'node:fs/promises'
import { parseArgs } from 'node:util'
import { checkConfig } from '../contracts/configFile.ts'
import { instant } from '../contracts/gatewayConfig.ts'
import { fingerprintWords } from '../crypto/fingerprint.ts'
import { buildTransition, readTransition } from '../evidence/transition.ts'
import type { TransitionParts } from '../evidence/transitionPayload.ts'
import { type OpenedIdentity, openIdentity } from '../keys/hsm/openIdentity.ts'
import { systemClock } from '../support/clock.ts'
import { CountersignError, toCountersignError } from '../support/errors.ts'
import { type CliContext, usage } from './endpoint.ts'
import { readIdentityFile } from './identityFile.ts'
import { shownTime } from './printable.ts'

const USAGE = `countersign identity rotate --old FILE --new FILE [--at TIME] --out FILE
  Makes the document by which one key follows another: the old key signs for the new one and the new one for the old one.
  FILE of --old and --new is a configuration of gateway or connect, or the value of its "identity" alone.
  --at   from when on the new key counts, like 2027-01-31T18:00:00Z; now where it is left out`

/**
 * `countersign identity rotate`: prints one JSON line `{"from":…,"to":…,"at":…,"transition":FILE}`. Each of the two keys is
 * opened in a process of its own, so each PIN is asked for anew.
 * @returns the exit code
 */
export async function runRotate(argv: readonly string[], context: CliContext): Promise<number> {
  const { old, next, at, out, help } = readArguments(argv)
  if (help) {
    context.stdout(USAGE)
    return 0
  }
  const opened: OpenedIdentity[] = []
  try {
    for (const file of [old, next]) opened.push(await openIdentity(await readIdentityFile(file), context))
    const [from, to] = opened.map(({ signer }) => signer)
    if (from === undefined || to === undefined) throw usage('Two identities are needed.')
    const input = { kind: 'transition', from: keyOf(from), to: keyOf(to), at } as const
    const signatures = { from: await from.sign(input), to: await to.sign(input) }
    const document = buildTransition({ ...keysOf(input), at, signatures })
    // What is handed out is what a receiver will find good.
    await readTransition(document)
    await write(out, document)
    context.stdout(JSON.stringify({ from: from.kid, to: to.kid, at, transition: out }))
    context.stderr(`Old key: ${fingerprintWords(from).join(' ')}`)
    context.stderr(`New key: ${fingerprintWords(to).join(' ')}, from ${shownTime(at)}`)
    return 0
  } finally {
    for (const one of opened) one.dispose()
    await Promise.all(opened.map((one) => one.closed()))
  }
}

function keyOf({ algorithm, publicKey }: TransitionParts['from']): TransitionParts['from'] {
  return { algorithm, publicKey }
}

function keysOf({ from, to }: TransitionParts): Pick<TransitionParts, 'from' | 'to'> {
  return { from, to }
}

/** A document that is there is not replaced: somebody may have been given it. */
async function write(file: string, document: Uint8Array): Promise<void> {
  try {
    await writeFile(file, document, { flag: 'wx' })
  } catch (cause) {
    throw new CountersignError('file-unreadable', `${file} cannot be written, or is there already.`, { cause })
  }
}

function readArguments(argv: readonly string[]): { old: string; next: string; at: number; out: string; help: boolean } {
  const options = {
    old: { type: 'string' },
    new: { type: 'string' },
    at: { type: 'string' },
    out: { type: 'string' },
    help: { type: 'boolean' },
  } as const
  try {
    const { values } = parseArgs({ args: [...argv], options, strict: true })
    const help = values.help === true
    const { old = '', new: next = '', out = '' } = values
    if (!help && [old, next, out].includes('')) throw usage('Say --old FILE, --new FILE and --out FILE.')
    const at = values.at === undefined ? systemClock.now() : checkConfig(values.at, instant, '--at')
    return { old, next, at, out, help }
  } catch (thrown) {
    throw usage(toCountersignError(thrown, thrown instanceof Error ? thrown.message : undefined).message)
  }
}

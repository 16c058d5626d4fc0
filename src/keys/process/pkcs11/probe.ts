import { Buffer } from 'node:buffer'
import type { KeyPair, PKCS11 } from 'pkcs11js'
import { type MlDsaSet, type ProbeStep, PUBLIC_KEY_BYTES } from '../../../contracts/keyFacts.ts'
import { type MlDsaIds, PROBE_LABEL, type Result } from '../../../contracts/keyProcess.ts'
import { concat, encodeUtf8 } from '../../../crypto/encoding.ts'
import { randomBytes } from '../../../crypto/random.ts'
import { SIGNATURE_LENGTHS } from '../../../crypto/signature.ts'
import type { WireSentence } from '../../../contracts/wireSentence.ts'
import { whyOf } from '../wireError.ts'
import { Attributes } from './attributes.ts'
import { tokenError } from './errors.ts'
import { generateKeyPair } from './generate.ts'
import type { Library } from './library.ts'
import { publicKeyIn } from './objects.ts'

type Mutable<T> = { -readonly [K in keyof T]: T[K] }
type Probe = Mutable<Result<'probe'>>

/**
 * What a token really does: a key pair of its own that ends with the session (CKA_TOKEN false), one signature with it, and
 * its end. Keys that were there are not touched. A step that fails is a finding, so nothing of this is thrown.
 */
export async function probe(
  library: Library,
  session: Buffer,
  ids: MlDsaIds,
  algorithm: MlDsaSet,
): Promise<Result<'probe'>> {
  const found: Probe = { steps: [] }
  const pair = await step(found, 'generate', () =>
    // A name and an id that no other key has: what is left behind by a token that keeps it all the same can be told apart.
    generateKeyPair(library, session, { ids, algorithm, label: PROBE_LABEL, id: randomBytes(16), kept: false }),
  )
  if (pair === undefined) return found
  await step(found, 'sign', () => signWith(found, library, session, pair, ids, algorithm))
  await step(found, 'destroy', () => destroy(library.module, session, pair))
  return found
}

async function signWith(
  found: Probe,
  { module, threaded }: Library,
  session: Buffer,
  { privateKey, publicKey }: KeyPair,
  ids: MlDsaIds,
  algorithm: MlDsaSet,
): Promise<void> {
  found.claims = new Attributes(module, session, privateKey).claims()
  const own = publicKeyIn(new Attributes(module, session, publicKey))
  if (own !== undefined && own.publicKey.length === PUBLIC_KEY_BYTES[algorithm]) found.publicKey = own.publicKey
  const message = concat(encodeUtf8(PROBE_LABEL), Uint8Array.of(0), randomBytes(32))
  // pkcs11js does not keep these alive while its thread works on them; they are used again after the call.
  const data = Buffer.from(message)
  const out = Buffer.alloc(SIGNATURE_LENGTHS[algorithm].signature)
  try {
    module.C_SignInit(session, { mechanism: ids.sign }, privateKey)
    const signature = threaded ? await module.C_SignAsync(session, data, out) : module.C_Sign(session, data, out)
    found.signature = Uint8Array.from(signature.subarray(0, out.length))
    found.message = Uint8Array.from(data)
  } catch (thrown) {
    throw tokenError(thrown, 'C_Sign')
  }
}

/** Both halves, also where the first does not go. */
function destroy(module: PKCS11, session: Buffer, { privateKey, publicKey }: KeyPair): void {
  try {
    module.C_DestroyObject(session, privateKey)
    module.C_DestroyObject(session, publicKey)
  } catch (thrown) {
    try {
      module.C_DestroyObject(session, publicKey)
    } catch {
      // The first refusal is the one that is told.
    }
    throw tokenError(thrown, 'C_DestroyObject')
  }
}

async function step<T>(found: Probe, name: ProbeStep['step'], work: () => Promise<T> | T): Promise<T | undefined> {
  const began = performance.now()
  const note = (outcome: { readonly ok: boolean; readonly error?: WireSentence }) =>
    found.steps.push({ step: name, ms: performance.now() - began, ...outcome })
  try {
    const made = await work()
    note({ ok: true })
    return made
  } catch (thrown) {
    note({ ok: false, error: whyOf(thrown) })
    return undefined
  }
}

import { readFile } from 'node:fs/promises'
import { parseStrictJson } from '../contracts/strictJson.ts'
import { isKid, parseJwk, thumbprint } from '../crypto/jwk.ts'
import { isMembers } from '../evidence/statement.ts'
import { extended, KEYS_TYP, narrowedTrust, parseRing, type TrustedWindow } from '../evidence/trustedKeys.ts'
import { CountersignError } from '../support/errors.ts'
import { readTransitionFile } from './identityFile.ts'
import { printable } from './printable.ts'

/**
 * The keys that somebody trusts, by kid, with the time in which each counts. A kid or a JWK counts at any time; of a key that
 * is named twice the narrower time counts.
 * @param values of `--trust`: kids and files
 * @param transitions files of `--transition`
 * @returns undefined where none was named
 * @throws CountersignError `file-unreadable`, `config-invalid`; `usage` for transitions without a key that is trusted
 */
export async function readTrust(
  values: readonly string[],
  transitions: readonly string[],
  warn: (line: string) => void,
): Promise<ReadonlyMap<string, TrustedWindow> | undefined> {
  if (values.length === 0 && transitions.length > 0) {
    throw new CountersignError('usage', 'A transition goes on from a key that you trust: name it with --trust.')
  }
  if (values.length === 0) return undefined
  const named = new Map<string, TrustedWindow>()
  for (const value of values) {
    for (const [kid, window] of isKid(value) ? [[value, {}] as const] : await readKeys(value)) {
      named.set(kid, narrowedTrust(named.get(kid) ?? {}, window))
    }
  }
  const documents = await Promise.all(transitions.map(readTransitionFile))
  const { trusted, unused } = extended(named, documents)
  for (const { from, to } of unused) {
    warn(
      `no trust goes from ${printable(from.kid, 43)} to ${printable(to.kid, 43)}: the old key is not trusted at that time.`,
    )
  }
  return trusted
}

/** A ring, a JWK, or what `countersign identity` printed; kids are computed from the keys, not read. */
async function readKeys(path: string): Promise<ReadonlyMap<string, TrustedWindow>> {
  try {
    const bytes = await readFile(path)
    const value = parseStrictJson(bytes)
    if (isMembers(value) && value['typ'] === KEYS_TYP) return parseRing(bytes)
    const { algorithm, publicKey } = parseJwk(isMembers(value) && 'jwk' in value ? value['jwk'] : value)
    return new Map([[thumbprint(algorithm, publicKey), {}]])
  } catch (cause) {
    const sentence = 'A value of --trust is neither a kid nor a file with a public key (JWK, kty "AKP") or a key ring.'
    throw new CountersignError('file-unreadable', sentence, { cause })
  }
}

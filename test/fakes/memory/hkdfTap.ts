import * as hkdf from '../../../src/crypto/hkdf.ts'
import { tell } from './tap.ts'

/** The key schedule, told as it goes. A secret is named by its way from the root: `hs/c hs/key`, `ms 0/res`. */
export { expand, ZERO } from '../../../src/crypto/hkdf.ts'

const names = new WeakMap<Uint8Array, string>()

export function extract(salt: Uint8Array, ikm: Uint8Array): Uint8Array {
  const from = names.get(salt)
  // early = Extract(0, 0) is a constant, and so is what is expanded from it: there is nothing to hide.
  if (from === undefined) return named('early', hkdf.extract(salt, ikm))
  if (from === 'early/derived' || from.endsWith('/rekey')) tell('ss', ikm)
  return named(nextOf(from), hkdf.extract(salt, ikm))
}

function nextOf(salt: string): string {
  if (salt === 'early/derived') return 'hs'
  if (salt === 'hs/derived') return 'ms 0'
  const epoch = /^ms (\d+)\/rekey$/.exec(salt)?.[1]
  if (epoch === undefined) throw new Error(`the key schedule has a step that this test does not know: ${salt}`)
  return `ms ${Number(epoch) + 1}`
}

export function expandLabel(secret: Uint8Array, label: string, context: Uint8Array, length: number): Uint8Array {
  return named(`${names.get(secret) ?? '?'}/${label}`, hkdf.expandLabel(secret, label, context, length))
}

function named(name: string, secret: Uint8Array): Uint8Array {
  names.set(secret, name)
  return name.startsWith('early') ? secret : tell(name, secret)
}

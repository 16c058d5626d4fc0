import type { InventoryKey } from '../../contracts/inventory.ts'
import type { ModuleSetting } from '../../contracts/settings.ts'
import { encodeBase64url, encodeUtf8 } from '../../crypto/encoding.ts'
import { sha384 } from '../../crypto/hash.ts'

/**
 * Names of modules and keys inside the inventory. By what they are, never by their place in a list: a button that destroys a
 * key must not mean another one because a token was plugged in meanwhile.
 */
export function moduleRef({ path, libraryParameters }: Pick<ModuleSetting, 'path' | 'libraryParameters'>): string {
  return `module ${shortHash(encodeUtf8(JSON.stringify([path, libraryParameters ?? null])))}`
}

const known = new WeakMap<InventoryKey, string>()

/** By label and public key. */
export function keyName(key: InventoryKey): string {
  const before = known.get(key)
  if (before !== undefined) return before
  const name = `key ${shortHash(encodeUtf8(`${key.label}\0`), key.publicKey)}`
  known.set(key, name)
  return name
}

/** 96 bits: enough that nobody makes two of one person's keys collide by trying. */
function shortHash(...parts: readonly Uint8Array[]): string {
  return encodeBase64url(sha384(...parts).subarray(0, 12))
}

import { createHash } from 'node:crypto'
import type { Custody } from '../../src/contracts/custody.ts'
import type { PanelIdentity } from '../../src/contracts/panelSession.ts'
import { fingerprintWords } from '../../src/crypto/fingerprint.ts'

export const hash = (...parts: (string | Uint8Array)[]) => {
  const running = createHash('sha384')
  for (const part of parts) running.update(part)
  return running.digest()
}
export const id = (text: string) => createHash('sha256').update(text).digest('base64url')
export const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex')

/** A small generator, so that two runs draw the same. */
export function dice(seed: number): () => number {
  let state = seed
  return () => {
    state = (state * 1664525 + 1013904223) % 4294967296
    return state / 4294967296
  }
}

export function identity(name: string, custody: Custody, where?: string): PanelIdentity {
  const more = where === undefined ? {} : { where }
  return {
    name,
    kid: id(name),
    algorithm: 'ML-DSA-87',
    custody,
    words: [...fingerprintWords({ kid: id(name) })],
    ...more,
  }
}

export const editor = identity('mcp-identity-key', 'hsm', 'Luna 7, slot 0')
export const NOW = Date.now()

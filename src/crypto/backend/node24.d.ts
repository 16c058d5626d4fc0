import type { KeyObject } from 'node:crypto'

/** What Node 24 adds to node:crypto. The types that we compile against are those of Node 20, the oldest that we run on. */
declare module 'node:crypto' {
  const encapsulate: ((key: KeyObject) => { sharedKey: Uint8Array; ciphertext: Uint8Array }) | undefined
  const decapsulate: ((key: KeyObject, ciphertext: Uint8Array) => Uint8Array) | undefined
}

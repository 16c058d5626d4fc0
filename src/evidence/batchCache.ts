import { constantTimeEqual, sha384Text } from '../crypto/hash.ts'
import { type ParsedBatch, parseBatch, verifyBatch } from './batch.ts'
import { checkThumbprint } from './checks.ts'
import { EvidenceError } from './errors.ts'
import type { VerificationKey } from './types.ts'

interface Entry {
  readonly batch: ParsedBatch
  readonly publicKey: Uint8Array
  verified: Promise<void> | undefined
  /** `verified` said so: nobody has to wait for it again. */
  holds: boolean
}

/**
 * Batches as they were read and verified, the least recently used forgotten first: up to 64 contexts share a signature,
 * and it is verified once. An entry belongs to the digest of the exact JWS, the kid and the key's bytes.
 */
export class BatchCache {
  private readonly size: number
  /** The contexts of a batch come one after the other, with the same JWS: it is hashed for the first of them only. */
  private last: { readonly jws: Uint8Array; readonly key: VerificationKey; readonly entry: Entry } | undefined
  private readonly entries = new Map<string, Entry>()

  /** @param size 0 verifies every time */
  constructor(size: number) {
    this.size = size
  }

  /** @throws EvidenceError `batch-invalid` */
  read(jws: Uint8Array, key: VerificationKey): Entry {
    const { last } = this
    if (last !== undefined && last.jws === jws && sameKey(last.key, key)) return last.entry
    const entry = this.find(jws, key)
    if (this.size > 0) this.last = { jws, key, entry }
    return entry
  }

  private find(jws: Uint8Array, key: VerificationKey): Entry {
    const name = `${key.algorithm} ${key.kid} ${sha384Text(jws)}`
    const known = this.entries.get(name)
    // Evidence that brings another key under a known kid must not profit from the verdict on the right one.
    if (known !== undefined && constantTimeEqual(known.publicKey, key.publicKey)) {
      this.entries.delete(name)
      this.entries.set(name, known)
      return known
    }
    const entry: Entry = { batch: parseBatch(jws), publicKey: key.publicKey.slice(), verified: undefined, holds: false }
    if (known === undefined && this.size > 0) this.add(name, entry)
    return entry
  }

  /** @throws EvidenceError `signature-invalid` */
  async verify(entry: Entry, { kid, algorithm }: VerificationKey): Promise<void> {
    const { batch, publicKey } = entry
    entry.verified ??= verify(batch, { kid, algorithm, publicKey }).catch((thrown: unknown) => {
      // A backend that could not load is no verdict: the next one asks again. A false signature stays false.
      if (!(thrown instanceof EvidenceError)) entry.verified = undefined
      throw thrown
    })
    await entry.verified
    entry.holds = true
  }

  private add(name: string, entry: Entry): void {
    this.entries.set(name, entry)
    if (this.entries.size <= this.size) return
    const oldest = this.entries.keys().next()
    if (oldest.done !== true) this.entries.delete(oldest.value)
  }
}

/** The same bytes in the same place, not only equal ones: what a caller cannot have mixed up. */
function sameKey(a: VerificationKey, b: VerificationKey): boolean {
  return a.publicKey === b.publicKey && a.kid === b.kid && a.algorithm === b.algorithm
}

async function verify(batch: ParsedBatch, key: VerificationKey): Promise<void> {
  checkThumbprint(key)
  await verifyBatch(batch, key)
}

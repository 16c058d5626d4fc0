import { concat, decodeBase64url, encodeUtf8, u32 } from '../crypto/encoding.ts'
import { HASH_LENGTH, sha384, sha384Public } from '../crypto/hash.ts'
import { badStatement } from './errors.ts'
import type { Direction } from './types.ts'

const LABEL = encodeUtf8('cs1 chain')

function prefixed(bytes: Uint8Array): Uint8Array {
  return concat(u32(bytes.length), bytes)
}

/**
 * `prev` of a direction's first statement: SHA-384 over "cs1 chain", the raw 48 bytes of `sid` and the direction in ASCII,
 * each behind its length as u32 big-endian (so no two triples share an input). 48 bytes.
 * @param sid base64url of 48 bytes
 * @throws EvidenceError `statement-invalid`
 */
export function chainStart(sid: string, dir: Direction): Uint8Array {
  const raw = decodeBase64url(sid)
  if (raw.length !== HASH_LENGTH) throw badStatement('A session id is not 48 bytes long.')
  return sha384(prefixed(LABEL), prefixed(raw), prefixed(encodeUtf8(dir)))
}

/** Chain head after a statement: SHA-384(prev ‖ statement); `prev` has a fixed length, so nothing is ambiguous. 48 bytes. */
export function chainNext(prev: Uint8Array, statement: Uint8Array): Uint8Array {
  return sha384Public(prev, statement)
}

/**
 * The chain of what this end signed in one direction. Heads are kept until the peer acknowledged past them, so that an
 * acknowledgement can be compared with what was really sent; `rollback` takes back the statement appended last.
 */
export class SentChain {
  private readonly heads: Uint8Array[]
  private first = 0

  constructor(sid: string, dir: Direction) {
    this.heads = [chainStart(sid, dir)]
  }

  /** Sequence of the next statement, which is also how many there are so far. */
  get seq(): number {
    return this.first + this.heads.length - 1
  }

  /** Chain head before the next statement: its `prev`. 48 bytes. */
  get head(): Uint8Array {
    const head = this.heads.at(-1)
    if (head === undefined) throw badStatement('A chain lost its head.')
    return head
  }

  append(statement: Uint8Array): void {
    this.heads.push(chainNext(this.head, statement))
  }

  /** Takes the last statement back: its batch was not signed, so nobody has seen it. */
  rollback(): void {
    if (this.heads.length < 2) throw badStatement('There is no statement to take back.')
    this.heads.pop()
  }

  /** Chain head after the first `seq` statements; `undefined` where they were never sent or are already forgotten. */
  headAt(seq: number): Uint8Array | undefined {
    return this.heads[seq - this.first]
  }

  /** The peer acknowledged `seq` statements: earlier heads can never be acknowledged again. */
  forgetBefore(seq: number): void {
    const drop = Math.min(seq, this.seq) - this.first
    if (drop <= 0) return
    this.heads.splice(0, drop)
    this.first += drop
  }
}

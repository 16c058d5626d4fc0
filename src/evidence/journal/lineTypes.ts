import type { PublicKey } from '../../crypto/jwk.ts'
import type { SealHeader } from '../../crypto/recipient.ts'
import { encodeBase64url } from '../../crypto/encoding.ts'
import type { EvidenceEntry, HandshakeNote } from '../types.ts'

/**
 * The lines of a journal (docs/PROTOCOL.md, "Journal"): JSON, one document a line, each with its number `n` and `prev`, the
 * SHA-384 of the line before it without its line feed (48 zero bytes for the first of a series). The chain finds accidents and
 * clumsy edits; that nobody rewrote the whole only the signatures in it can say.
 */
export type JournalLine = SegmentLine | HandshakeLine | KeyLine | BatchLine | RecordLine | PrunedLine | CloseLine

/** The first line of each file of a series. Its `n` and `prev` carry the chain over from the file before. */
export interface SegmentLine {
  readonly type: 'segment'
  readonly series: string
  /** From 0, rising; a number without a file is possible (a process that ended before its first line). */
  readonly segment: number
  /** Milliseconds since 1970, as everywhere in a journal: the writer's clock. */
  readonly at: number
  readonly contexts: ContextsKept
  /** Bytes behind the last whole line of the segment before, which a crash left there and which are not part of the chain. */
  readonly cut?: number | undefined
  /** With 'encrypted': how the content key of this segment is found by whoever has the recipient's private key. */
  readonly encryption?: SealHeader | undefined
}

export type ContextsKept = 'full' | 'digest' | 'encrypted'

/** A connection of a session, as the writer of the journal saw it: not signed, and not repeated in later segments. */
export interface HandshakeLine extends HandshakeNote {
  readonly type: 'handshake'
}

/** A public key that later batches are signed with. */
export interface KeyLine {
  readonly type: 'key'
  readonly kid: string
  readonly key: PublicKey
}

export interface BatchLine {
  readonly type: 'batch'
  /** SHA-384 of `jws`, base64url: how records name their batch. */
  readonly digest: string
  readonly kid: string
  readonly jws: Uint8Array
}

/** One context. Without `context` and `sealed` only its digest was kept, which is in the statement. */
export interface RecordLine
  extends Pick<EvidenceEntry, 'statement' | 'head' | 'index' | 'proof' | 'context' | 'how' | 'at'> {
  readonly type: 'record'
  readonly batch: string
  /** The context, encrypted: AES-256-GCM ciphertext ‖ tag, 16 bytes longer than the context. */
  readonly sealed?: Uint8Array | undefined
}

/** A file was deleted because of the limits of its folder. On the disk before the file is gone. */
export interface PrunedLine {
  readonly type: 'pruned'
  readonly at: number
  /** Its name, without the folder. */
  readonly file: string
  readonly bytes: number
  readonly why: 'size' | 'age'
  /** The number behind that of its last whole line, and the SHA-384 of that line: where its successor begins. */
  readonly next: number
  readonly head: string
}

/** The end of a segment that was closed in order: without it nobody knows how much is missing. */
export interface CloseLine {
  readonly type: 'close'
  readonly at: number
  /** Of this file. */
  readonly records: number
  /** The series goes on in another segment: this one was full, or old enough. */
  readonly next?: true | undefined
}

export interface NumberedLine {
  readonly n: number
  readonly prev: string
  readonly line: JournalLine
}

export const FIRST_PREV = encodeBase64url(new Uint8Array(48))
/**
 * How many batch and key lines back, in the same segment, a record's batch and a batch's key may be. Writers repeat older ones;
 * so a reader needs to remember no more, however long the file.
 */
export const BATCH_WINDOW = 256
export const KEY_WINDOW = 64
/** A context of 16 MiB in base64url, and everything else of its line. */
export const MAX_LINE_BYTES = 23 * 1024 * 1024

import { encodeUtf8 } from '../../crypto/encoding.ts'
import {
  type ContentKey,
  type RecipientKey,
  type RecipientPublicKey,
  type SealHeader,
  sealTo,
} from '../../crypto/recipient.ts'
import type { ContextsKept } from './lineTypes.ts'
import { segmentFile } from './names.ts'

/**
 * How the contexts of a journal are kept. Digests and what is encrypted leave out the bytes of the MCP message only: the
 * statement (method, id, digest) and the head (headers) stay readable, because nothing could be verified without them.
 */
export type KeepContexts = 'full' | 'digest' | { readonly encryptTo: RecipientPublicKey }

/** A context that only the recipient can read, with all that it needs for that beside its private key. */
export interface SealedContext {
  readonly header: SealHeader
  readonly series: string
  readonly segment: number
  /** Number of the record's line. */
  readonly n: number
  /** The record's statement: the associated data. */
  readonly statement: Uint8Array
  /** Ciphertext ‖ tag. */
  readonly bytes: Uint8Array
}

/** Says how the contexts of one segment are kept, and keeps them so. */
export interface ContextKeeper {
  readonly contexts: ContextsKept
  readonly encryption?: SealHeader
  /** @param n number of the record's line: never twice in one segment */
  keep(n: number, statement: Uint8Array, context: Uint8Array | undefined): Kept
  wipe(): void
}

type Kept = { readonly context?: Uint8Array | undefined; readonly sealed?: Uint8Array }

/** For one segment. @throws CountersignError `peer-protocol` for a recipient that has no usable key */
export async function contextKeeper(how: KeepContexts, series: string, segment: number): Promise<ContextKeeper> {
  if (how === 'full') return { contexts: 'full', keep: (_n, _statement, context) => ({ context }), wipe: () => {} }
  if (how === 'digest') return { contexts: 'digest', keep: () => ({}), wipe: () => {} }
  const { header, key } = await sealTo(how.encryptTo, contextOf(series, segment))
  return {
    contexts: 'encrypted',
    encryption: header,
    keep: (n, statement, context) => (context === undefined ? {} : { sealed: key.seal(n, statement, context) }),
    wipe: () => key.wipe(),
  }
}

/**
 * Decrypts a context.
 * @throws CountersignError `key-missing` where it was encrypted to another key, `decrypt-failed` where it was changed or
 *   belongs to another line, segment or statement; `peer-protocol`
 */
export async function openSealed(sealed: SealedContext, recipient: RecipientKey): Promise<Uint8Array> {
  const { header, series, segment, n, statement, bytes } = sealed
  const key: ContentKey = await recipient.contentKey(header, contextOf(series, segment))
  try {
    return key.open(n, statement, bytes)
  } finally {
    key.wipe()
  }
}

/** A content key belongs to one segment: copied into another one it opens nothing. */
function contextOf(series: string, segment: number): Uint8Array {
  return encodeUtf8(segmentFile(series, segment))
}

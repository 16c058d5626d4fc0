import type { Custody } from '../contracts/custody.ts'
import type { SignatureAlgorithm } from '../crypto/signature.ts'

/** What is being put together, member by member: a copy for each optional one costs more than all the rest. */
export type Draft<T> = { -readonly [M in keyof T]: T[M] }

/** c2s: from the client (the editor) to the gateway; s2c: the way back. */
export type Direction = 'c2s' | 's2c'

export type StatementKind = 'request' | 'head' | 'response' | 'event' | 'end' | 'cancel' | 'close'

/** What a signer is known by: the public key, its algorithm, and the kid derived from both (RFC 7638 over RFC 9964). */
export interface VerificationKey {
  readonly kid: string
  readonly algorithm: SignatureAlgorithm
  readonly publicKey: Uint8Array
}

/**
 * All that is needed to verify one context, as bytes: nothing in here is believed before `verifyEvidence` said so.
 * `statement` is the exact UTF-8 JSON that is a leaf of the batch; `head` is the deterministic CBOR of the exchange's
 * head (empty where the kind has none); `context` the bytes of the MCP message, absent where only its digest was kept.
 */
export interface Evidence {
  readonly statement: Uint8Array
  readonly head: Uint8Array
  readonly context: Uint8Array | undefined
  /** Leaf index, 0 ≤ index < size ≤ 64; `proof` is the inclusion path of RFC 9162 §2.1.3, 48 bytes a node. */
  readonly index: number
  readonly proof: readonly Uint8Array[]
  /** The batch as flattened JWS, exact UTF-8 bytes. */
  readonly jws: Uint8Array
  readonly signer: VerificationKey
}

/** Evidence that left the hands of its two ends: `head` and `context` are undefined where they were redacted. */
export interface OfflineEvidence extends Omit<Evidence, 'head'> {
  readonly head: Uint8Array | undefined
}

/** One context as its two ends saw it: handed to journals and views after the batch verified, before it is released. */
export interface EvidenceEntry extends Evidence {
  readonly how: 'sent' | 'received'
  /** Wall-clock milliseconds at which this end signed or verified it. */
  readonly at: number
}

/** Where evidence goes. The promise resolves when the entry is as durable as was asked for; only then is a context released. */
export interface EvidenceSink {
  append(entry: EvidenceEntry): Promise<void>
  /** A connection of a session was made: what names it is kept beside the evidence. Nothing waits for it. */
  handshake?(note: HandshakeNote): Promise<void>
}

/** What names a handshake, as this end saw it; nobody signed this line. */
export interface HandshakeNote {
  readonly sid: string
  /** SHA-384("cs1 conn" ‖ transcript), base64url. */
  readonly conn: string
  /** The transcript hash through the client's Finished, base64url of 48 bytes. */
  readonly transcript: string
  readonly suite: string
  /** Wall-clock milliseconds. */
  readonly at: number
}

/** The strictly parsed members of a statement (docs/PROTOCOL.md, "Statement"). Digests are base64url of 48 bytes. */
export interface Statement {
  readonly v: 1
  readonly typ: 'countersign-statement'
  readonly sid: string
  readonly dir: Direction
  /** From 0, without a gap, per session and direction. */
  readonly seq: number
  readonly kind: StatementKind
  /** 1 to 64 of A-Z a-z 0-9 . _ -; a `close` belongs to no server and says "-". */
  readonly server: string
  readonly exchange: number
  readonly head: string
  readonly method?: string
  /** The exact JSON token of the JSON-RPC id, quotes included. */
  readonly id?: string
  /** Milliseconds since 1970 by the signer's clock: a claim. */
  readonly ts: number
  readonly aud: string
  readonly salt: string
  readonly ctx: { readonly alg: 'sha-384'; readonly digest: string; readonly length: number }
  readonly prev: string
  readonly req?: string
  /** `seq`: how many statements of the other direction were verified and released; `head`: its chain head after them. */
  readonly ack: { readonly seq: number; readonly head: string }
  readonly end?: { readonly events: number; readonly reason: string }
}

/** The signed payload of a batch, as parsed. */
export interface BatchPayload {
  readonly v: 1
  readonly typ: 'countersign-batch'
  readonly alg: 'sha-384'
  readonly n: number
  readonly root: string
  readonly custody: Custody
}

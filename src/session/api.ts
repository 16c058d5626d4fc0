import type { Custody } from '../contracts/custody.ts'
import type { Role } from '../contracts/signInput.ts'
import type { SuiteName } from '../crypto/suite.ts'
import type { Direction, EvidenceEntry, Statement, StatementKind, VerificationKey } from '../evidence/types.ts'
import type { CountersignError } from '../support/errors.ts'

/** A party of a session as its identity element says: the key is proven, name and custody are its claims. */
export interface PeerIdentity extends VerificationKey {
  readonly name: string
  readonly custody: Custody
}

/** A context to be signed and sent. What its statement says of method and id is recomputed from `body`. */
export interface OutgoingContext {
  readonly kind: Exclude<StatementKind, 'close'>
  readonly server: string
  readonly exchange: number
  /** Deterministic CBOR head for `request`, `head` and `response`; empty otherwise. */
  readonly head: Uint8Array
  readonly body: Uint8Array
  /** Digest of the request's statement (base64url), for everything that answers one. */
  readonly req?: string
  readonly end?: { readonly events: number; readonly reason: string }
}

/** A context whose batch signature, proof, digest, sequence, chain, audience and time were all verified here. */
export interface VerifiedContext {
  readonly statement: Statement
  /** SHA-384 of the statement's bytes, base64url: what answers name in `req`. */
  readonly digest: string
  readonly head: Uint8Array
  readonly body: Uint8Array
}

/** What a gateway says to a transition: taken, waiting for its operator, or not taken. */
export const TRANSITION_STATUSES = ['accepted', 'pending', 'refused'] as const
export type TransitionStatus = (typeof TRANSITION_STATUSES)[number]

/**
 * How a gateway reaches a server: a process of its own machine (`pipe`), HTTP on its machine, HTTP over a network, TLS whose
 * key agreement it does not know (no connection was made yet, or its runtime does not tell), TLS that a quantum computer
 * can open later, and TLS with ML-KEM.
 */
export const REACHES = ['pipe', 'loopback', 'plain', 'tls', 'tls-classical', 'tls-mlkem'] as const
export type Reach = (typeof REACHES)[number]

/** The leg from a gateway to one of its servers, as the gateway says: nothing here can be verified by its client. */
export interface UpstreamLeg {
  readonly server: string
  readonly reach: Reach
  /** Through a proxy. */
  readonly proxied: boolean
}

export interface Session {
  readonly role: Role
  /** Base64url of 48 bytes; stays the same when the session is resumed. */
  readonly sid: string
  readonly suite: SuiteName
  readonly self: PeerIdentity
  readonly peer: PeerIdentity
  /** The next exchange number; only the client opens exchanges. */
  nextExchange(): number
  /**
   * Signs a context and sends it: fragments as credit allows, then the statement in the next batch.
   * Resolves when the batch that covers it was handed to a carrier. Contexts of one exchange go out in calling order.
   * While the connection is lost it waits, at the client for 25 s at most; what was signed is sent again after a resume.
   * An abort before the batch closes leaves no trace; after it the promise resolves as usual (the caller then sends `cancel`).
   * @throws CountersignError `signer-unavailable`, `session-closed`, `gateway-unreachable`, `limit`, `cancelled` (in all of them
   *   nothing was sent), `outcome-unknown`
   */
  send(context: OutgoingContext, signal?: AbortSignal): Promise<{ readonly digest: string }>
  /**
   * The one receiver of verified contexts, in sequence. The credit of a context's bytes is returned when the promise
   * resolves: a slow consumer slows its own exchange and no other.
   */
  receive(handler: (context: VerifiedContext) => Promise<void> | void): void
  /**
   * Tells the gateway which key follows this end's; only the client does. Waits for its answer, also over another connection.
   * Whoever is answered `pending` asks again with the same document later.
   * @param document exact bytes, see `buildTransition`
   * @throws CountersignError `decode`, `key-missing` for one about another key, `limit` while one is on its way,
   *   `session-refused` where the gateway knows no transitions, or why the session ended
   */
  transition(document: Uint8Array): Promise<TransitionStatus>
  /** Sends a `close` statement, waits for it to leave, closes the carrier. Safe to call twice. A session without a connection just ends. */
  close(): Promise<void>
  /** Resolves once with the reason; never rejects. `undefined` is an orderly close. */
  readonly closed: Promise<CountersignError | undefined>
}

/** One message or local step of a handshake, as the panel draws it. Lengths in bytes, times in ms since ClientHello. */
export interface HandshakeStep {
  readonly name: 'ClientHello' | 'Retry' | 'ServerHello' | 'ClientAuth' | 'Ready' | 'sign' | 'verify' | 'encapsulate'
  readonly by: Role
  readonly at: number
  /** Duration of a local step in ms; 0 for messages. */
  readonly took: number
  readonly bytes: number
  readonly parts: readonly { readonly label: string; readonly bytes: number; readonly sealed: boolean }[]
}

export interface HandshakeReport {
  readonly sid: string
  /** Base64url of 48 bytes; another one than `sid` where a session was resumed. */
  readonly conn: string
  readonly suite: SuiteName
  readonly steps: readonly HandshakeStep[]
  readonly transcript: string
  readonly took: number
  readonly bytes: number
}

/** An epoch began: both directions have new keys, and those of the epoch before are erased. */
export interface EpochReport {
  readonly sid: string
  readonly conn: string
  /** From 1; epoch 0 begins with the connection. */
  readonly epoch: number
  /** Wall-clock milliseconds. */
  readonly at: number
  /** Milliseconds from the first message of the rekey to the last. */
  readonly took: number
  /** What of the old epoch was used up; the gateway knows only that its client asked. */
  readonly cause: 'time' | 'contexts' | 'bytes' | 'peer'
}

/** What became of a session's connection. Times are wall-clock milliseconds. */
export type ConnectionEvent =
  | { readonly kind: 'lost'; readonly sid: string; readonly at: number; readonly error: CountersignError }
  /** An attempt to bring it back failed, and the next is at `next`. */
  | {
      readonly kind: 'waiting'
      readonly sid: string
      readonly at: number
      readonly next: number
      readonly error: CountersignError
    }
  | { readonly kind: 'resumed'; readonly sid: string; readonly at: number; readonly conn: string }

/** A context that did not verify: it is withheld, and this is what a person is told of it. */
export interface Rejection {
  readonly sid: string
  readonly direction: Direction
  readonly at: number
  readonly alert: number
  readonly error: CountersignError
  /** What the statement claimed, where one could be read: unverified, never acted on. */
  readonly claimed?: {
    readonly server: string
    readonly method?: string
    readonly seq: number
    readonly length: number
  }
  /** The evidence that did not hold, where there was as much: kept for people to look into. */
  readonly entry?: EvidenceEntry
}

/** What a root may watch: views and logs. Nothing here can change the course of a session. */
export interface SessionObserver {
  /** Also for each connection that a session is resumed on. */
  handshake?(report: HandshakeReport): void
  epoch?(report: EpochReport): void
  connection?(event: ConnectionEvent): void
  /** A context entered the signing queue: shown as pending until `evidence` has its statement. */
  pending?(pending: {
    readonly ref: number
    readonly sid: string
    readonly server: string
    readonly kind: StatementKind
    readonly body: Uint8Array
  }): void
  settled?(ref: number, outcome: 'sent' | 'failed' | 'cancelled'): void
  evidence?(entry: EvidenceEntry): void
  rejected?(rejection: Rejection): void
  /** At a client: what its gateway says now of the legs to its servers; `undefined` where it says nothing. */
  legs?(told: readonly UpstreamLeg[] | undefined): void
}

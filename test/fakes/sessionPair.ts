import { randomBytes } from '../../src/crypto/random.ts'
import { sha384 } from '../../src/crypto/hash.ts'
import { encodeBase64url } from '../../src/crypto/encoding.ts'
import type { OutgoingContext, PeerIdentity, Session, VerifiedContext } from '../../src/session/api.ts'
import type { Statement } from '../../src/evidence/types.ts'
import { CountersignError } from '../../src/support/errors.ts'

/**
 * Two ends of a session in one process: order, batches, credit and aborts as the real one has them, no cryptography.
 * A batch leaves after `latency`; what arrives meanwhile is the next one. Credit of an exchange returns as the receiver's
 * promises resolve; an exchange without credit waits alone.
 */
export interface PairOptions {
  /** Milliseconds that a signature takes. */
  readonly latency?: number
  readonly credit?: number
}

interface Queued {
  readonly context: OutgoingContext
  readonly resolve: (sent: { digest: string }) => void
  readonly reject: (error: Error) => void
  cancelled: boolean
}

const CREDIT = 1024 * 1024

export class SessionEnd implements Session {
  readonly suite = 'MLKEM1024_X25519_MLDSA87_AES256GCM_SHA384' as const
  readonly closed: Promise<CountersignError | undefined>
  readonly role: 'client' | 'server'
  readonly sid: string
  readonly self: PeerIdentity
  readonly peer: PeerIdentity
  /** Every statement that left this end, for tests that look at the order. */
  readonly sent: Statement[] = []
  /** Number of batches, each one signature of a real session. */
  batches = 0
  /** Set to make the signer fail. */
  broken: CountersignError | undefined
  /** The same for the next batch only. */
  failNext: CountersignError | undefined
  other!: SessionEnd
  private readonly options: PairOptions
  private exchanges = 0
  private queue: Queued[] = []
  private signing = false
  private over = false
  private readonly inFlight = new Map<number, number>()
  private handler: ((context: VerifiedContext) => Promise<void> | void) | undefined
  private early: VerifiedContext[] = []
  private end: (reason: CountersignError | undefined) => void = () => {}

  constructor(role: 'client' | 'server', sid: string, self: PeerIdentity, peer: PeerIdentity, options: PairOptions) {
    this.role = role
    this.sid = sid
    this.self = self
    this.peer = peer
    this.options = options
    this.closed = new Promise((resolve) => {
      this.end = resolve
    })
  }

  nextExchange(): number {
    return this.exchanges++
  }

  send(context: OutgoingContext, signal?: AbortSignal): Promise<{ readonly digest: string }> {
    if (this.over) return Promise.reject(new CountersignError('session-closed', 'The session is closed.'))
    return new Promise((resolve, reject) => {
      const queued: Queued = { context, resolve, reject, cancelled: false }
      this.queue.push(queued)
      signal?.addEventListener('abort', () => {
        queued.cancelled = true
        this.queue = this.queue.filter((other) => other !== queued)
        reject(new CountersignError('cancelled', 'The call was cancelled.'))
      })
      this.sign()
    })
  }

  receive(handler: (context: VerifiedContext) => Promise<void> | void): void {
    this.handler = handler
    for (const context of this.early.splice(0)) this.deliver(context)
  }

  transition(): Promise<never> {
    return Promise.reject(new CountersignError('session-refused', 'This gateway knows no key transitions.'))
  }

  close(): Promise<void> {
    this.finish(undefined)
    this.other.finish(undefined)
    return Promise.resolve()
  }

  /** Ends both ends as a lost session does. */
  fail(error: CountersignError): void {
    this.finish(error)
    this.other.finish(error)
  }

  private finish(reason: CountersignError | undefined): void {
    if (this.over) return
    this.over = true
    for (const { reject } of this.queue.splice(0)) {
      reject(new CountersignError('session-closed', 'The session is closed.'))
    }
    this.end(reason)
  }

  private sign(): void {
    if (this.signing) return
    this.signing = true
    setImmediate(() => {
      const waiting = new Set<number>()
      const batch: Queued[] = []
      for (const queued of Array.from(this.queue)) {
        const { exchange } = queued.context
        if (batch.length === 64) break
        if (waiting.has(exchange)) continue
        if ((this.inFlight.get(exchange) ?? 0) >= (this.options.credit ?? CREDIT)) {
          waiting.add(exchange)
          continue
        }
        batch.push(queued)
        this.inFlight.set(exchange, (this.inFlight.get(exchange) ?? 0) + queued.context.body.length)
      }
      this.queue = this.queue.filter((queued) => !batch.includes(queued))
      if (batch.length === 0) {
        this.signing = false
        return
      }
      setTimeout(() => this.leave(batch), this.options.latency ?? 0)
    })
  }

  private leave(batch: readonly Queued[]): void {
    this.batches += 1
    const failure = this.failNext ?? this.broken
    this.failNext = undefined
    for (const { context, resolve, reject } of batch) {
      if (this.over) reject(new CountersignError('session-closed', 'The session is closed.'))
      else if (failure !== undefined) reject(failure)
      else {
        const verified = this.state(context)
        resolve({ digest: verified.digest })
        setImmediate(() => this.other.deliver(verified))
      }
    }
    this.signing = false
    if (this.queue.length > 0) this.sign()
  }

  private state(context: OutgoingContext): VerifiedContext {
    const { kind, server, exchange, head, body, req, end } = context
    const digest = encodeBase64url(sha384(randomBytes(8)))
    const statement: Statement = {
      v: 1,
      typ: 'countersign-statement',
      sid: this.sid,
      dir: this.role === 'client' ? 'c2s' : 's2c',
      seq: this.sent.length,
      kind,
      server,
      exchange,
      head: '',
      ts: 0,
      aud: this.peer.kid,
      salt: '',
      ctx: { alg: 'sha-384', digest: '', length: body.length },
      prev: '',
      ack: { seq: 0, head: '' },
      ...(req === undefined ? {} : { req }),
      ...(end === undefined ? {} : { end }),
    }
    this.sent.push(statement)
    return { statement, digest, head: head.slice(), body: body.slice() }
  }

  private deliver(context: VerifiedContext): void {
    if (this.over) return
    if (this.handler === undefined) {
      this.early.push(context)
      return
    }
    void Promise.resolve(this.handler(context)).then(() => {
      const { exchange } = context.statement
      const { other } = this
      other.inFlight.set(exchange, (other.inFlight.get(exchange) ?? 0) - context.body.length)
      other.sign()
    })
  }
}

export function identity(name: string): PeerIdentity {
  return {
    kid: name.padEnd(43, '_'),
    algorithm: 'ML-DSA-87',
    publicKey: new Uint8Array(2592),
    name,
    custody: 'software',
  }
}

/** A connected pair. `kid` names the client. */
export function sessionPair(
  options: PairOptions = {},
  clientName = 'client',
): { readonly client: SessionEnd; readonly server: SessionEnd } {
  const sid = encodeBase64url(sha384(randomBytes(8)))
  const client = new SessionEnd('client', sid, identity(clientName), identity('gateway'), options)
  const server = new SessionEnd('server', sid, identity('gateway'), identity(clientName), options)
  client.other = server
  server.other = client
  return { client, server }
}

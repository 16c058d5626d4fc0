import type { Role } from '../../contracts/signInput.ts'
import { decodeBase64url } from '../../crypto/encoding.ts'
import { SentChain } from '../../evidence/chain.ts'
import type { KeyWindow } from '../../evidence/keyWindow.ts'
import type { Position } from '../../evidence/expectations.ts'
import { StatementChecker } from '../../evidence/statementChecker.ts'
import type { EvidenceEntry, EvidenceSink } from '../../evidence/types.ts'
import { EvidenceVerifier } from '../../evidence/verifier.ts'
import type { OutgoingContext, PeerIdentity, SessionObserver, VerifiedContext } from '../api.ts'
import { RECORD } from '../channel/record.ts'
import { MAX_UNACKNOWLEDGED } from '../limits.ts'
import type { SessionIdentity } from '../ports.ts'
import type { ResumePosition } from '../resume/offer.ts'
import { type ContextHandler, Delivery } from './delivery.ts'
import { Exchanges } from './exchanges.ts'
import { parseAck, parseWindows } from './messages.ts'
import { Outbox } from './outbox.ts'
import { Receipts } from './receipts.ts'
import { costOf, Receiver } from './receiver.ts'
import { Returns } from './returns.ts'
import { Sender } from './sender.ts'
import { type RecordSink, SendLink } from './sendLink.ts'

export interface ContextsOptions {
  readonly role: Role
  readonly sid: string
  readonly self: PeerIdentity
  readonly peer: PeerIdentity
  readonly identity: SessionIdentity
  readonly sink: EvidenceSink
  readonly observer: Required<SessionObserver>
  readonly now: () => number
  /** When the peer's key counts. */
  readonly window: () => KeyWindow
  /** Milliseconds that a context waits unsent for a lost connection; undefined where it waits as long as the session. */
  readonly patience: number | undefined
  readonly fail: (error: unknown, entry?: EvidenceEntry) => void
  /** The peer's signed `close` was verified. */
  readonly peerClosed: () => void
  /** The consumer's handler threw. */
  readonly handlerFailed: () => void
}

/** What contexts need of the connection that there is. */
export interface ContextLink extends RecordSink {
  /** Stops taking records while verification falls behind. */
  hold(held: boolean): void
}

/**
 * Signed contexts over sealed records, both ways: the wiring of the classes of this folder, and the records that are theirs.
 * Chains, exchanges and what is not acknowledged live as long as the session; credit and bodies on their way as long as a
 * connection.
 */
export class Contexts {
  private readonly options: ContextsOptions
  private readonly exchanges = new Exchanges()
  private readonly chain: SentChain
  private readonly returns: Returns
  private readonly sender: Sender
  private readonly receipts: Receipts
  private readonly delivery: Delivery
  private readonly receiver: Receiver
  private link: ContextLink | undefined
  private sending: SendLink | undefined
  private suspending: Promise<number> | undefined

  constructor(options: ContextsOptions) {
    this.options = options
    const { role, sid, self, peer, identity, sink, observer, now, patience, fail } = options
    const { exchanges } = this
    const [own, theirs] = role === 'client' ? (['c2s', 's2c'] as const) : (['s2c', 'c2s'] as const)
    const chain = new SentChain(sid, own)
    this.chain = chain
    const checker = new StatementChecker(sid, theirs)
    this.returns = new Returns(checker.position, (type, payload) => void this.link?.send(type, payload).catch(() => {}))
    const acknowledged = (): Position => this.returns.position
    const source = { sid, dir: own, aud: peer.kid, chain, exchanges, acknowledged, now }
    const { kid, algorithm, publicKey } = self
    const evidence = (entry: EvidenceEntry): void => observer.evidence(entry)
    const outbox = new Outbox({ sink, signer: { kid, algorithm, publicKey }, now, evidence })
    this.sender = new Sender({ source, batches: identity.batches, outbox, observer, patience, fail })
    this.receipts = new Receipts(chain, (seq) => this.sender.acknowledge(seq))
    this.delivery = new Delivery((context) => this.taken(context), options.handlerFailed)
    this.receiver = new Receiver({
      peer,
      ownKid: kid,
      verifier: new EvidenceVerifier(),
      checker,
      headAt: (seq) => chain.headAt(seq),
      exchanges,
      answers: role === 'client',
      credits: this.returns.credits,
      sink,
      now,
      window: options.window,
      release: (context, entry, position) => this.release(context, entry, position),
      fail,
      hold: (held) => this.link?.hold(held),
      counted: (contexts) => this.link?.counted(contexts),
    })
  }

  /** @throws CountersignError `context-refused` and what `Session.send` throws */
  async send(context: OutgoingContext, signal?: AbortSignal): Promise<{ readonly digest: string }> {
    // Early for whoever made a mistake; what counts is the same check when the statement is made.
    if (this.options.role === 'server') this.exchanges.checkSending(context)
    return await this.sender.send(context, signal)
  }

  receive(handler: ContextHandler): void {
    this.delivery.receive(handler)
  }

  /** Whether an exchange is open: an answer is expected, or owed. */
  get busy(): boolean {
    return this.exchanges.size > 0
  }

  /** Sends what was taken, then the statement that nothing follows. */
  async sayGoodbye(): Promise<void> {
    await this.sender.idle()
    await this.sender.send({ kind: 'close' })
  }

  /** Whether the record was one of contexts. @throws SessionError, CountersignError `decode` */
  onRecord(type: number, payload: Uint8Array): boolean {
    if (type === RECORD.Fragment) this.receiver.onFragment(payload)
    else if (type === RECORD.Batch) this.receiver.onBatch(payload)
    else if (type === RECORD.Abort) this.receiver.onAbort(payload)
    else if (type === RECORD.Ack) this.receipts.check(parseAck(payload))
    else if (type === RECORD.Window) this.onWindow(payload)
    else return false
    this.returns.arm()
    return true
  }

  /** Resolves when everything that came was verified and released, or refused. */
  verified(): Promise<void> {
    return this.receiver.idle()
  }

  /** A connection is there, the first one, or one that goes on from where the peer says that it stands. */
  resume(link: ContextLink, peer?: ResumePosition): void {
    this.suspending = undefined
    this.link = link
    this.sending = new SendLink(link, peer?.held ?? 0)
    if (peer !== undefined) {
      this.receiver.resume(peer.sent - this.returns.position.seq)
      this.receipts.check({ seq: peer.count, head: peer.head })
    }
    this.returns.resume()
    void this.sender.resume(this.sending)
  }

  /**
   * The connection is lost. Resolves to where this end stands, when nothing is being signed or verified any more: what came
   * and was not verified, and what was sent and not acknowledged, comes and goes again.
   */
  async suspend(): Promise<ResumePosition> {
    this.suspending ??= this.letGo()
    const held = await this.suspending
    const { seq, head } = this.returns.position
    return { count: seq, head, sent: this.chain.seq, held }
  }

  /** Whether the peer can go on from where it says that it stands: on the history that this end signed. */
  covers(peer: ResumePosition): boolean {
    // What comes again is not compared with the clock: with any number here a peer could date all that it says later.
    const again = peer.sent - this.returns.position.seq
    return this.receipts.covers(peer) && again >= 0 && again <= MAX_UNACKNOWLEDGED
  }

  /** Refuses what waits to be sent, drops what waits to be verified. What was released is still delivered. */
  end(reason: Error): void {
    this.link = undefined
    this.returns.end()
    this.sender.end(reason)
    this.receiver.end()
    this.delivery.end()
  }

  private async letGo(): Promise<number> {
    this.link = undefined
    this.sending = undefined
    await Promise.all([this.receiver.suspend(), this.sender.suspend()])
    return this.returns.suspend()
  }

  private onWindow(payload: Uint8Array): void {
    for (const { exchange, bytes } of parseWindows(payload)) this.sending?.credits.give(exchange, bytes)
  }

  private release(context: VerifiedContext, entry: EvidenceEntry, position: Position): void {
    const { ack, kind } = context.statement
    try {
      this.receipts.check({ seq: ack.seq, head: decodeBase64url(ack.head) })
    } catch (error) {
      return this.options.fail(error, entry)
    }
    this.returns.advance(position)
    this.options.observer.evidence(entry)
    if (kind !== 'close') return this.delivery.deliver(context)
    this.taken(context)
    this.options.peerClosed()
  }

  /** The consumer has the context: its memory is free. */
  private taken({ statement, head, body }: VerifiedContext): void {
    this.returns.credits.delivered(statement.exchange, costOf(head, body))
    this.returns.arm()
  }
}

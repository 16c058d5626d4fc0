import type { KeyWindow } from '../../evidence/keyWindow.ts'
import type { Position } from '../../evidence/expectations.ts'
import type { StatementChecker } from '../../evidence/statementChecker.ts'
import type { EvidenceEntry, EvidenceSink } from '../../evidence/types.ts'
import type { EvidenceVerifier } from '../../evidence/verifier.ts'
import type { PeerIdentity, VerifiedContext } from '../api.ts'
import { ALERT, SessionError } from '../alerts.ts'
import { CONTEXT_COST } from '../limits.ts'
import type { Exchanges } from './exchanges.ts'
import { type Batch, type BatchEntry, parseAbort, parseBatch, parseFragment } from './messages.ts'
import type { ReceiveCredits } from './receiveCredit.ts'
import { Reassembly } from './reassembly.ts'

export interface ReceiverOptions {
  readonly peer: PeerIdentity
  /** The kid of this end. */
  readonly ownKid: string
  readonly verifier: EvidenceVerifier
  readonly checker: StatementChecker
  /** Chain head after this many statements that this end sent; undefined where there were never so many. */
  readonly headAt: (seq: number) => Uint8Array | undefined
  readonly exchanges: Exchanges
  /** What comes in answers requests of this end: true in the client. */
  readonly answers: boolean
  readonly credits: ReceiveCredits
  readonly sink: EvidenceSink
  readonly now: () => number
  /** When the peer's key counts. */
  readonly window: () => KeyWindow
  /** The context is verified and journalled. Called in order of sequence; `position` is where the chain stands after it. */
  readonly release: (context: VerifiedContext, entry: EvidenceEntry, position: Position) => void
  /** A violation: the session ends. The entry is the one that did not verify, where there was one. */
  readonly fail: (error: unknown, entry?: EvidenceEntry) => void
  /** The verification falls behind, or has caught up. */
  readonly hold: (held: boolean) => void
  /** Statements came. */
  readonly counted: (contexts: number) => void
}

interface Claimed {
  readonly entry: BatchEntry
  readonly body: Uint8Array
  readonly transferExchange: number | undefined
  /** It was signed before the connection was lost: it may be old, and its exchange had its credit then. */
  readonly resent: boolean
}

interface Pending {
  readonly jws: Uint8Array
  readonly claimed: readonly Claimed[]
}

/** Batches that may wait for verification before the carrier is held. */
const HOLD_AT = 16

/**
 * Contexts on their way in: bodies are put together, a Batch names them, each statement is verified strictly in order, all
 * are journalled, and only then released. Whatever does not hold ends the session; nothing behind it is looked at.
 */
export class Receiver {
  private readonly options: ReceiverOptions
  private reassembly = new Reassembly()
  /** Statements that the peer signed before this connection, and that have not come again yet. */
  private resending = 0
  private readonly queue: Pending[] = []
  private readonly idlers: (() => void)[] = []
  private running = false
  private held = false
  private ended = false
  private closeSeen = false

  constructor(options: ReceiverOptions) {
    this.options = options
  }

  onFragment(payload: Uint8Array): void {
    const fragment = parseFragment(payload)
    this.options.credits.charge(fragment.exchange, fragment.bytes.length, this.resending > 0)
    this.reassembly.add(fragment)
  }

  onAbort(payload: Uint8Array): void {
    const { exchange, received } = this.reassembly.abort(parseAbort(payload))
    this.options.credits.dropped(exchange, received)
  }

  onBatch(payload: Uint8Array): void {
    const { jws, entries } = parseBatch(payload)
    this.options.counted(entries.length)
    this.queue.push({ jws, claimed: this.claim({ jws, entries }) })
    this.setHeld()
    if (!this.running) void this.run()
  }

  /**
   * The connection is lost: what came and is not being verified is dropped, and comes again. Resolves when what was being
   * verified is released: then the position stands still.
   */
  async suspend(): Promise<void> {
    this.queue.length = 0
    this.reassembly.clear()
    this.held = false
    await this.idle()
  }

  /** A connection is there. @param resending how many statements the peer signed that have not been verified here */
  resume(resending: number): void {
    this.reassembly = new Reassembly()
    this.resending = resending
  }

  /** Drops everything that was not verified yet. */
  end(): void {
    this.ended = true
    this.queue.length = 0
    this.reassembly.clear()
  }

  /** Bodies are taken when their Batch arrives: a statement about a body that comes later is a lie, however short the wait. */
  private claim({ entries }: Batch): Claimed[] {
    return entries.map((entry) => {
      const resent = this.resending > 0
      if (resent) this.resending -= 1
      if (entry.transfer === null) return { entry, body: new Uint8Array(0), transferExchange: undefined, resent }
      const { exchange, body } = this.reassembly.take(entry.transfer)
      return { entry, body, transferExchange: exchange, resent }
    })
  }

  private async run(): Promise<void> {
    this.running = true
    for (let next = this.queue.shift(); next !== undefined && !this.ended; next = this.queue.shift()) {
      await this.verify(next)
      this.setHeld()
    }
    this.running = false
    for (const resolve of this.idlers.splice(0)) resolve()
  }

  /** Resolves when everything that came was verified and released, or refused. */
  async idle(): Promise<void> {
    if (this.running) await new Promise<void>((resolve) => this.idlers.push(resolve))
  }

  /** Never rejects. */
  private async verify({ jws, claimed }: Pending): Promise<void> {
    const verified: { context: VerifiedContext; entry: EvidenceEntry; position: Position }[] = []
    let current: EvidenceEntry | undefined
    try {
      for (const claim of claimed) {
        current = this.evidenceOf(jws, claim)
        const context = await this.verifyOne(current, claim)
        verified.push({ context, entry: current, position: this.options.checker.position })
        if (this.ended) return
      }
      current = undefined
      // Written before released: what the MCP side acts on can never be missing from the journal.
      await Promise.all(verified.map(({ entry }) => this.options.sink.append(entry)))
    } catch (error) {
      if (!this.ended) this.options.fail(error, current)
      return
    }
    if (this.ended) return
    for (const { context, entry, position } of verified) {
      this.options.release(context, entry, position)
      // It may have ended the session: nothing behind what ended it is acted on.
      if (this.ended) return
    }
  }

  private async verifyOne(entry: EvidenceEntry, { body, transferExchange, resent }: Claimed): Promise<VerifiedContext> {
    const { verifier, checker, exchanges, credits, peer, ownKid, headAt, now, answers } = this.options
    if (this.closeSeen) throw new SessionError(ALERT.badStatement, 'A statement came after the last one.')
    const { statement, digest } = await checker.accept(verifier, entry, {
      kid: peer.kid,
      window: this.options.window(),
      aud: ownKid,
      ...(!resent && { now: now() }),
      headAt,
      // A cancel may name a request that was answered meanwhile, so the gateway asks in `exchanges` instead.
      ...(answers && { question: (digest: string) => exchanges.question(digest) }),
    })
    // Credit was taken on the exchange that the fragments named; without this a stream could spend another one's.
    if (transferExchange !== undefined && transferExchange !== statement.exchange) {
      throw new SessionError(ALERT.badStatement, 'A statement names the body of another exchange.')
    }
    exchanges.received(statement, digest)
    this.closeSeen = statement.kind === 'close'
    credits.charge(statement.exchange, CONTEXT_COST + entry.head.length, resent)
    credits.queued(statement.exchange, costOf(entry.head, body))
    return { statement, digest, head: entry.head, body }
  }

  private evidenceOf(jws: Uint8Array, { entry, body }: Claimed): EvidenceEntry {
    const { peer, now } = this.options
    const { kid, algorithm, publicKey } = peer
    const { statement, head, index, proof } = entry
    const signer = { kid, algorithm, publicKey }
    return { statement, head, context: body, index, proof, jws, signer, how: 'received', at: now() }
  }

  private setHeld(): void {
    const held = this.queue.length >= HOLD_AT || (this.held && this.queue.length >= HOLD_AT / 2)
    if (held === this.held) return
    this.held = held
    this.options.hold(held)
  }
}

/** What a context takes of the credits, body included. */
export function costOf(head: Uint8Array, body: Uint8Array): number {
  return CONTEXT_COST + head.length + body.length
}

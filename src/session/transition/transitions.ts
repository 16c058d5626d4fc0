import { constantTimeEqual, sha384 } from '../../crypto/hash.ts'
import { parseTransition } from '../../evidence/transition.ts'
import { CountersignError } from '../../support/errors.ts'
import { ALERT, SessionError } from '../alerts.ts'
import type { PeerIdentity, TransitionStatus } from '../api.ts'
import { RECORD, type RecordType } from '../channel/record.ts'
import { Deferred } from '../deferred.ts'
import { MAX_TRANSITIONS } from '../limits.ts'
import type { TransitionPort } from '../ports.ts'
import { readDocument } from './extension.ts'
import { encodeTransition, encodeTransitionAnswer, parseTransitionAnswer, parseTransitionRecord } from './messages.ts'

/** What a transition needs of the connection that there is. */
export interface TransitionLink {
  /** Whether the gateway of this handshake and its client both said that they know transitions. */
  readonly understood: boolean
  send(type: RecordType, payload: Uint8Array): Promise<void>
}

/** The transitions of a session's client, as one of its ends sees them. */
export interface Transitions {
  /** A connection is there, the first one or another. */
  attach(link: TransitionLink): void
  /** Whether the record was one of transitions. @throws SessionError alert 10, 115; CountersignError `decode` */
  onRecord(type: number, payload: Uint8Array): boolean
  /** The session is over. */
  end(reason: CountersignError): void
}

interface Outstanding {
  readonly document: Uint8Array
  readonly answer: Deferred<TransitionStatus>
  readonly fail: (reason: CountersignError) => void
}

/** The client's: one document at a time, said again on each connection until its answer has come. */
export class ClientTransitions implements Transitions {
  private readonly self: PeerIdentity
  private link: TransitionLink | undefined
  private outstanding: Outstanding | undefined

  constructor(self: PeerIdentity) {
    this.self = self
  }

  /**
   * Tells the gateway which key follows this end's.
   * @throws CountersignError `decode` for no such document, `key-missing` for one about another key, `limit` while one is on
   *   its way, `session-refused` where the gateway knows no transitions, or why the session ended
   */
  async deliver(document: Uint8Array): Promise<TransitionStatus> {
    // The gateway would end the session for it.
    if (parseTransition(document).transition.from.kid !== this.self.kid) {
      throw new CountersignError('key-missing', 'The transition is from another key than the one of this session.')
    }
    if (this.outstanding !== undefined) throw new CountersignError('limit', 'A transition is already on its way.')
    if (this.link?.understood === false) throw notUnderstood()
    const answer = new Deferred<TransitionStatus>()
    const failure = new Deferred<CountersignError>()
    this.outstanding = { document, answer, fail: (reason) => failure.resolve(reason) }
    this.say()
    const outcome = await Promise.race([answer.promise, failure.promise])
    if (outcome instanceof CountersignError) throw outcome
    return outcome
  }

  attach(link: TransitionLink): void {
    this.link = link
    // Nobody knows whether the gateway took it: it takes the same one twice as one.
    if (link.understood) this.say()
    else this.end(notUnderstood())
  }

  onRecord(type: number, payload: Uint8Array): boolean {
    if (type === RECORD.Transition) throw outOfTurn()
    if (type !== RECORD.TransitionAnswer) return false
    const { digest, status } = parseTransitionAnswer(payload)
    const { outstanding } = this
    if (outstanding === undefined || !constantTimeEqual(digest, sha384(outstanding.document))) throw outOfTurn()
    this.outstanding = undefined
    outstanding.answer.resolve(status)
    return true
  }

  end(reason: CountersignError): void {
    this.outstanding?.fail(reason)
    this.outstanding = undefined
  }

  private say(): void {
    if (this.outstanding === undefined) return
    // Where it does not leave, the connection ends, and it is said again on the next.
    this.link?.send(RECORD.Transition, encodeTransition(this.outstanding.document)).catch(() => {})
  }
}

export interface GatewayTransitionsOptions {
  /** The client, proven: only it may say which key follows its own. */
  readonly peer: PeerIdentity
  /** Left out where this gateway takes no transitions: they are refused. */
  readonly port: TransitionPort | undefined
  /** @see Session: something that must not be */
  readonly fail: (error: unknown) => void
}

/** The gateway's: verifies one document at a time and says what becomes of it. */
export class GatewayTransitions implements Transitions {
  private readonly options: GatewayTransitionsOptions
  private link: TransitionLink | undefined
  private working = false
  private taken = 0

  constructor(options: GatewayTransitionsOptions) {
    this.options = options
  }

  attach(link: TransitionLink): void {
    this.link = link
    this.working = false
    this.taken = 0
  }

  onRecord(type: number, payload: Uint8Array): boolean {
    if (type === RECORD.TransitionAnswer) throw outOfTurn()
    if (type !== RECORD.Transition) return false
    const { link } = this
    if (link?.understood !== true) throw outOfTurn()
    const document = parseTransitionRecord(payload)
    this.taken += 1
    // Each costs two verifications and perhaps a write to disk: one at a time, and a few on a connection.
    if (this.working || this.taken > MAX_TRANSITIONS) {
      throw new SessionError(ALERT.limit, 'The client sends more transitions than it may.')
    }
    this.working = true
    void this.answer(link, document)
    return true
  }

  end(): void {
    this.link = undefined
  }

  /** Never rejects. */
  private async answer(link: TransitionLink, document: Uint8Array): Promise<void> {
    try {
      const status = await this.decide(document)
      // The connection may be another by now: there the client asks again.
      if (this.link !== link) return
      this.working = false
      const answer = encodeTransitionAnswer({ digest: sha384(document), status })
      // Where it does not leave, the connection has ended and the session has not: on the next one the client asks again.
      await link.send(RECORD.TransitionAnswer, answer).catch(() => {})
    } catch (error) {
      if (this.link === link) this.options.fail(error)
    }
  }

  private async decide(bytes: Uint8Array): Promise<TransitionStatus> {
    const { peer, port } = this.options
    // Whoever has a session with one key must not be able to say what becomes of another one.
    const document = readDocument(bytes)
    if (document.transition.from.kid !== peer.kid) {
      throw new SessionError(ALERT.badIdentity, 'A client sent the transition of another key than its own.')
    }
    return port === undefined ? 'refused' : await port.receiveTransition(document, peer)
  }
}

function outOfTurn(): SessionError {
  return new SessionError(ALERT.unexpectedMessage, 'A record of a transition came out of turn.')
}

function notUnderstood(): CountersignError {
  return new CountersignError(
    'session-refused',
    'The gateway knows no key transitions: its operator has to list the new key.',
  )
}

import type { Clock } from '../support/clock.ts'
import { CountersignError } from '../support/errors.ts'
import { ALERT, SessionError } from './alerts.ts'
import { RECORD, type RecordType } from './channel/record.ts'
import { encodePing, parsePing } from './contexts/messages.ts'
import { HEARTBEAT, HEARTBEAT_QUIET, PROBE_AFTER, PROBE_PATIENCE } from './limits.ts'

const TICK = 5_000
/** Pongs that the carrier has not taken yet. */
const MAX_ANSWERS = 16

export interface HeartbeatOptions {
  readonly clock: Clock
  readonly send: (type: RecordType, payload: Uint8Array) => Promise<void>
  /** The other end is gone. */
  readonly lost: (error: CountersignError) => void
  /** Whether something is expected of the other end, however long it may take. */
  readonly busy: () => boolean
}

/**
 * Notices a peer that is gone without a word. While there was traffic in the last minutes: after 30 s of silence a Ping,
 * after as much more the end. After that only open exchanges keep it going, at a tenth of the pace; without any it has no
 * timer at all, and the first record after a long silence asks whether anybody is still there: a laptop that wakes finds
 * out in seconds.
 */
export class Heartbeat {
  private readonly options: HeartbeatOptions
  private timer: NodeJS.Timeout | undefined
  private stopped = false
  private heardAt: number
  private trafficAt: number
  /** Pings are numbered from 1: the last that was sent, and the last that was answered. */
  private asked = 0
  private answered = 0
  private answers = 0
  /** Ticks that the other end still has to answer a Ping; undefined where none is out. */
  private left: number | undefined

  constructor(options: HeartbeatOptions) {
    this.options = options
    this.heardAt = options.clock.monotonic()
    this.trafficAt = this.heardAt
  }

  start(): void {
    this.arm(HEARTBEAT)
  }

  stop(): void {
    this.stopped = true
    clearTimeout(this.timer)
  }

  /** Any record came. */
  heard(): void {
    this.heardAt = this.options.clock.monotonic()
    this.left = undefined
  }

  /** A record of contexts came or goes out. */
  traffic(): void {
    this.trafficAt = this.options.clock.monotonic()
    if (this.left === undefined && this.trafficAt - this.heardAt >= PROBE_AFTER) this.ask(PROBE_PATIENCE)
    else if (this.timer === undefined) this.arm(HEARTBEAT)
  }

  /** Whether the record was a Ping or Pong. @throws SessionError alert 10, 115; CountersignError `decode` */
  onRecord(type: number, payload: Uint8Array): boolean {
    if (type === RECORD.Ping) this.answer(parsePing(payload))
    else if (type === RECORD.Pong) this.take(parsePing(payload))
    else return false
    return true
  }

  /** Any other record may have ended the wait for the first Pong, so that a second Ping is out before it comes. */
  private take(value: number): void {
    if (value <= this.answered || value > this.asked) {
      throw new SessionError(ALERT.unexpectedMessage, 'A Pong answers no Ping.')
    }
    this.answered = value
  }

  private answer(value: number): void {
    // Answers to a peer that asks and does not read would pile up in the carrier.
    if (this.answers >= MAX_ANSWERS) throw new SessionError(ALERT.limit, 'The other end asks and does not listen.')
    this.answers += 1
    const sent = this.options.send(RECORD.Pong, encodePing(value)).catch(() => {})
    void sent.finally(() => (this.answers -= 1))
  }

  private check(): void {
    this.timer = undefined
    // Ticks are counted, not time: a process that slept or was busy has not listened, and must first hear what came.
    if (this.left !== undefined) {
      this.left -= 1
      if (this.left > 0) return this.arm(TICK)
      return this.options.lost(new CountersignError('session-closed', 'The other end no longer answers.'))
    }
    const now = this.options.clock.monotonic()
    const quiet = now - this.trafficAt >= HEARTBEAT_QUIET
    if (quiet && !this.options.busy()) return
    const silence = now - this.heardAt
    const pace = quiet ? HEARTBEAT_QUIET : HEARTBEAT
    if (silence >= pace) this.ask(HEARTBEAT)
    else this.arm(pace - silence)
  }

  private ask(patience: number): void {
    this.left = patience / TICK
    this.asked += 1
    this.options.send(RECORD.Ping, encodePing(this.asked)).catch(() => {})
    this.arm(TICK)
  }

  private arm(delay: number): void {
    clearTimeout(this.timer)
    if (!this.stopped) this.timer = setTimeout(() => this.check(), delay).unref()
  }
}

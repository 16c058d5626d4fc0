import { isIPv6 } from 'node:net'
import type { Clock } from '../../support/clock.ts'
import { CountersignError, toCountersignError } from '../../support/errors.ts'
import { ALERT, SessionError } from '../alerts.ts'
import { MAX_HALF_OPEN, MAX_TURN_WAIT, SIGNATURES_PER_ADDRESS, SIGNATURES_TOTAL } from '../limits.ts'
import { Cookies } from './cookie.ts'

export interface HandshakeLimits {
  /** Handshake signatures for one address in any second. */
  readonly perAddress: number
  /** The same for all addresses together. */
  readonly total: number
  /** Connections that have not finished their handshake. */
  readonly halfOpen: number
}

export const DEFAULT_LIMITS: HandshakeLimits = {
  perAddress: SIGNATURES_PER_ADDRESS,
  total: SIGNATURES_TOTAL,
  halfOpen: MAX_HALF_OPEN,
}

interface Waiter {
  readonly origin: string
  readonly go: () => void
}

const SECOND = 1000

/**
 * Who may cost a gateway's key a signature now. A stranger costs nothing but a Retry until it showed that it receives at
 * its address, and after that no more than its share.
 *
 * The limits hold for every second, not on average, so it remembers the turns of the last second and nothing else: at most
 * `total` of them. There is no table of addresses that strangers could fill, or whose entries they could push out.
 */
export class Admission {
  /** One key for all connections of a gateway: the second ClientHello may come on another one. */
  readonly cookies: Cookies
  private readonly limits: HandshakeLimits
  private readonly clock: Clock
  /** Oldest first. */
  private readonly turns: { readonly origin: string; readonly at: number }[] = []
  /** In order of coming; at most as many as there may be half-open handshakes. */
  private readonly waiting: Waiter[] = []
  private timer: NodeJS.Timeout | undefined
  private halfOpen = 0

  constructor(clock: Clock, limits: HandshakeLimits = DEFAULT_LIMITS) {
    this.clock = clock
    this.limits = limits
    this.cookies = new Cookies(clock)
  }

  /** Counts a connection in, until `leave`. False where there are too many. */
  enter(): boolean {
    if (this.halfOpen >= this.limits.halfOpen) return false
    this.halfOpen += 1
    return true
  }

  leave(): void {
    this.halfOpen -= 1
  }

  /** Takes a turn for somebody who showed no cookie. False under load: then it has to show one first. */
  tryTurn(address: string): boolean {
    if (this.halfOpen * 2 >= this.limits.halfOpen) return false
    // Whoever waits came earlier and has shown more.
    this.serve()
    return this.take(originOf(address))
  }

  /**
   * Resolves when it is the turn of somebody who showed a cookie. Turns are given in order of coming, but who waits for a
   * share of its own holds up nobody else.
   * @throws SessionError alert 115 after 5 s, or where too many wait; the reason of the signal
   */
  async turn(address: string, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted()
    const origin = originOf(address)
    this.serve()
    if (this.take(origin)) return
    if (this.waiting.length >= this.limits.halfOpen) throw busy()
    await this.wait(origin, signal)
  }

  private wait(origin: string, signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const waiter: Waiter = {
        origin,
        go: () => {
          settle()
          resolve()
        },
      }
      const giveUp = (error: CountersignError): void => {
        this.waiting.splice(this.waiting.indexOf(waiter), 1)
        settle()
        this.schedule()
        reject(error)
      }
      const onAbort = (): void => giveUp(toCountersignError(signal.reason))
      const patience = setTimeout(() => giveUp(busy()), MAX_TURN_WAIT)
      const settle = (): void => {
        clearTimeout(patience)
        signal.removeEventListener('abort', onAbort)
      }
      signal.addEventListener('abort', onAbort, { once: true })
      this.waiting.push(waiter)
      this.schedule()
    })
  }

  /** Gives the turns that have become free to those who wait. */
  private serve(): void {
    const left = this.waiting.splice(0)
    for (const waiter of left) {
      if (this.take(waiter.origin)) waiter.go()
      else this.waiting.push(waiter)
    }
    this.schedule()
  }

  private take(origin: string): boolean {
    const { turns, limits } = this
    const now = this.clock.monotonic()
    while (turns[0] !== undefined && turns[0].at <= now - SECOND) turns.shift()
    if (turns.length >= limits.total) return false
    if (turns.filter((turn) => turn.origin === origin).length >= limits.perAddress) return false
    turns.push({ origin, at: now })
    return true
  }

  /** No timer runs while nobody waits. */
  private schedule(): void {
    clearTimeout(this.timer)
    const [oldest] = this.turns
    if (this.waiting.length === 0 || oldest === undefined) return
    // Not less than 1: a timer that fires a little early would otherwise be set again and again.
    const delay = Math.max(1, oldest.at + SECOND - this.clock.monotonic())
    this.timer = setTimeout(() => this.serve(), delay)
  }
}

function busy(): SessionError {
  return new SessionError(ALERT.limit, 'More handshakes were begun than this gateway may sign for.')
}

/**
 * What a limit per address counts: an IPv4 address, or the /64 of an IPv6 address, because a single host is given that
 * many and could come from another one each time. What is no IP address counts as it is.
 */
export function originOf(address: string): string {
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address)?.[1]
  if (mapped !== undefined) return mapped
  const [bare = ''] = address.split('%')
  if (!isIPv6(bare)) return address
  const [head = '', tail] = bare.split('::')
  const groups = (text: string): string[] => (text === '' ? [] : text.split(':'))
  const [front, back] = [groups(head), groups(tail ?? '')]
  // A dotted quad at the end stands for two groups; it is never among the first four.
  const length = back.length + (back.at(-1)?.includes('.') === true ? 1 : 0)
  const zeros = tail === undefined ? 0 : 8 - front.length - length
  const first = [...front, ...Array.from({ length: zeros }, () => '0'), ...back].slice(0, 4)
  return `${first.map((group) => Number.parseInt(group, 16).toString(16)).join(':')}::/64`
}

import { open, seal } from '../../crypto/aead.ts'
import { concat } from '../../crypto/encoding.ts'
import { CountersignError, toCountersignError } from '../../support/errors.ts'
import { ALERT, peerAlert, SessionError } from '../alerts.ts'
import type { Carrier } from '../carrier/carrier.ts'
import { type Element, ELEMENT, element, onlyElement } from './elements.ts'
import type { HandshakeKeys } from './keySchedule.ts'
import { encodeAlert, parseAlert } from './messages.ts'

/**
 * Handshake messages over a carrier, one frame each. The carrier stands still between two reads: before its peer is known
 * an end holds no more than one frame of anybody's.
 */
export class Flights {
  private readonly carrier: Carrier
  private readonly signal: AbortSignal
  private waiting: ((frame: Uint8Array) => void) | undefined

  constructor(carrier: Carrier, signal: AbortSignal) {
    this.carrier = carrier
    this.signal = signal
    carrier.pause()
    carrier.onFrame((frame) => {
      carrier.pause()
      this.waiting?.(frame)
      this.waiting = undefined
    })
  }

  /** Sends the elements as one frame. Returns its length. */
  async send(...elements: readonly Element[]): Promise<number> {
    this.signal.throwIfAborted()
    const frame = concat(...elements.map(({ bytes }) => bytes))
    try {
      await this.carrier.send(frame)
    } catch (error) {
      throw (await this.lastWords()) ?? error
    }
    return frame.length
  }

  /** The alert of a peer that hung up while this end was busy: it says why, while the failed send says only that. */
  private async lastWords(): Promise<CountersignError | undefined> {
    const frame = await this.next().catch(() => undefined)
    const alert = frame === undefined ? undefined : cleartextAlert(frame)
    return alert === undefined ? undefined : peerAlert(alert, false)
  }

  /**
   * The next frame.
   * @throws CountersignError of the peer's alert; `session-closed` when the carrier ended; the reason of the signal
   */
  async receive(maxLength: number): Promise<Uint8Array> {
    const frame = await this.next()
    if (frame.length > maxLength) throw new SessionError(ALERT.overflow, 'A handshake message is too long.')
    const alert = cleartextAlert(frame)
    if (alert !== undefined) throw peerAlert(alert, false)
    return frame
  }

  /** Best effort: the peer learns why, in the clear; the text is one of ours and names nobody. */
  async alert(alert: number, text: string): Promise<void> {
    await this.carrier.send(encodeAlert(alert, text).bytes).catch(() => {})
  }

  private next(): Promise<Uint8Array> {
    return new Promise((resolve, reject) => {
      const abort = (): void => reject(toCountersignError(this.signal.reason))
      if (this.signal.aborted) return abort()
      this.signal.addEventListener('abort', abort, { once: true })
      this.waiting = (frame) => {
        this.signal.removeEventListener('abort', abort)
        resolve(frame)
      }
      void this.carrier.closed.then((reason) =>
        reject(reason ?? new CountersignError('session-closed', 'The connection ended during the handshake.')),
      )
      this.carrier.resume()
    })
  }
}

/** The code of a cleartext alert; `undefined` for every other frame. */
export function cleartextAlert(frame: Uint8Array): number | undefined {
  if (frame[0] !== ELEMENT.alert) return undefined
  return parseAlert(onlyElement(frame, ELEMENT.alert))
}

/**
 * Seals a flight. The key seals nothing else, so the nonce is its iv (sequence 0).
 * @param before transcript hash of everything before the flight: binds it to this handshake alone
 */
export function sealFlight(keys: HandshakeKeys, before: Uint8Array, elements: readonly Element[]): Element {
  return element(ELEMENT.sealed, seal(keys.key, keys.iv, before, concat(...elements.map(({ bytes }) => bytes))))
}

/** @throws SessionError alert 20 */
export function openFlight(keys: HandshakeKeys, before: Uint8Array, sealed: Element): Uint8Array {
  try {
    return open(keys.key, keys.iv, before, sealed.body)
  } catch (cause) {
    throw new SessionError(ALERT.badRecord, 'A sealed handshake message was changed on the way.', { cause })
  }
}

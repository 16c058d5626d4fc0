import { randomBytes } from '../../src/crypto/random.ts'
import { DEFAULT_SUITES, generateHybridKey, isSuiteName } from '../../src/crypto/suite.ts'
import type { Carrier } from '../../src/session/carrier/carrier.ts'
import { systemClock } from '../../src/support/clock.ts'
import { Admission } from '../../src/session/handshake/admission.ts'
import { type Element, ELEMENT, onlyElement } from '../../src/session/handshake/elements.ts'
import { cleartextAlert } from '../../src/session/handshake/flights.ts'
import {
  type ClientHello,
  encodeM1,
  NONCE_LENGTH,
  parseRetry,
  type Retry,
} from '../../src/session/handshake/messages.ts'

/** Somebody at the other end of a carrier who says frames as they come to mind, and hears what is answered. */
export class Stranger {
  readonly carrier: Carrier
  private readonly heard: Uint8Array[] = []
  private listening: (() => void) | undefined

  constructor(carrier: Carrier) {
    this.carrier = carrier
    carrier.onFrame((frame) => {
      this.heard.push(frame)
      this.listening?.()
    })
    void carrier.closed.then(() => this.listening?.())
    carrier.resume()
  }

  async say(...elements: readonly (Element | Uint8Array)[]): Promise<void> {
    const parts = elements.map((one) => ('bytes' in one ? one.bytes : one))
    await this.carrier.send(new Uint8Array(Buffer.concat(parts)))
  }

  /** The next frame; `undefined` where the carrier ended without one. */
  async hear(): Promise<Uint8Array | undefined> {
    const ended = this.carrier.closed.then(() => true)
    while (this.heard.length === 0) {
      const came = new Promise<boolean>((resolve) => {
        this.listening = () => resolve(false)
      })
      // What arrived with the end is still heard.
      if ((await Promise.race([came, ended])) && this.heard.length === 0) return undefined
    }
    return this.heard.shift()
  }

  /** The code of the alert that is heard next; -1 for anything else. */
  async alert(): Promise<number> {
    const frame = await this.hear()
    return (frame === undefined ? undefined : cleartextAlert(frame)) ?? -1
  }

  async retry(): Promise<Retry> {
    return parseRetry(onlyElement((await this.hear()) ?? new Uint8Array(0), ELEMENT.Retry))
  }
}

/** A ClientHello that is right in everything but `changes`, with shares for its first suite. */
export async function someHello(changes: Partial<ClientHello> = {}): Promise<ClientHello> {
  const suites: readonly string[] = changes.suites ?? DEFAULT_SUITES
  const { kemKey, share } = await generateHybridKey(
    suites.find((name) => isSuiteName(name)) ?? 'MLKEM1024_X25519_MLDSA87_AES256GCM_SHA384',
  )
  return { versions: [1], suites, nonce: randomBytes(NONCE_LENGTH), kemKey, share, extensions: [], ...changes }
}

export async function someM1(changes: Partial<ClientHello> = {}): Promise<Element> {
  return encodeM1(await someHello(changes))
}

/** A gateway under load: whoever comes without a cookie gets Retry. */
export function loaded(clock = systemClock): Admission {
  const admission = new Admission(clock, { perAddress: 1000, total: 1000, halfOpen: 2 })
  admission.enter()
  return admission
}

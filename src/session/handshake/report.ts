import { encodeBase64url } from '../../crypto/encoding.ts'
import type { SuiteName } from '../../crypto/suite.ts'
import type { Role } from '../../contracts/signInput.ts'
import type { Clock } from '../../support/clock.ts'
import type { HandshakeReport, HandshakeStep } from '../api.ts'
import type { Element } from './elements.ts'
import type { ClientHello } from './messages.ts'

type Parts = HandshakeStep['parts']

/** Notes what a handshake did, for the panel. It holds lengths, times and labels: nothing of a secret. */
export class HandshakeRecorder {
  private readonly clock: Clock
  private readonly steps: HandshakeStep[] = []
  private readonly start: number

  constructor(clock: Clock) {
    this.clock = clock
    this.start = clock.monotonic()
  }

  /** @param at when the message came, where that was noted before its parts were known */
  message(name: HandshakeStep['name'], by: Role, bytes: number, parts: Parts, at: number = this.elapsed()): void {
    this.steps.push({ name, by, at, took: 0, bytes, parts })
  }

  async step<T>(name: HandshakeStep['name'], by: Role, run: () => Promise<T>): Promise<T> {
    const at = this.elapsed()
    const result = await run()
    this.steps.push({ name, by, at, took: this.elapsed() - at, bytes: 0, parts: [] })
    return result
  }

  report(names: {
    readonly conn: Uint8Array
    readonly sid: string
    readonly suite: SuiteName
    readonly transcript: Uint8Array
  }): HandshakeReport {
    return {
      sid: names.sid,
      conn: encodeBase64url(names.conn),
      suite: names.suite,
      steps: this.steps.toSorted((one, other) => one.at - other.at),
      transcript: encodeBase64url(names.transcript),
      took: this.elapsed(),
      bytes: this.steps.reduce((sum, step) => sum + step.bytes, 0),
    }
  }

  /** Milliseconds since ClientHello. */
  elapsed(): number {
    return this.clock.monotonic() - this.start
  }
}

/** @param bytes of the whole frame */
export function helloParts({ kemKey, share, cookie }: ClientHello, bytes: number): Parts {
  const carried = cookie?.length ?? 0
  return [
    { label: 'ML-KEM key', bytes: kemKey.length, sealed: false },
    { label: 'ECDH share', bytes: share.length, sealed: false },
    ...(cookie === undefined ? [] : [{ label: 'cookie', bytes: carried, sealed: false }]),
    { label: 'suites, nonce', bytes: bytes - kemKey.length - share.length - carried, sealed: false },
  ]
}

export function retryParts(retry: Element, cookie: Uint8Array): Parts {
  return [
    { label: 'cookie', bytes: cookie.length, sealed: false },
    { label: 'suite', bytes: retry.bytes.length - cookie.length, sealed: false },
  ]
}

/** What a message is made of, as the panel labels it. */
export function partsOf(labels: readonly string[], elements: readonly Element[], sealed: boolean): Parts {
  return elements.map(({ bytes }, index) => ({ label: labels[index] ?? '', bytes: bytes.length, sealed }))
}

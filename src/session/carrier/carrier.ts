import type { CountersignError } from '../../support/errors.ts'

/**
 * What moves frames between two ends: ordered, message-preserving, and trusted with nothing. Whoever controls the carrier
 * can stop a session and nothing more.
 */
export interface Carrier {
  /** For people and for limits per address; never used in a decision about identity. */
  readonly address: string
  /** The other end is a process of this machine: what `enroll` requires. */
  readonly loopback: boolean
  /** Resolves when the carrier can take more: awaiting it is what makes a slow network slow its sender. Rejects after `closed`. */
  send(frame: Uint8Array): Promise<void>
  /** The one receiver of whole frames, in order. A carrier delivers nothing until this was called. */
  onFrame(handler: (frame: Uint8Array) => void): void
  pause(): void
  resume(): void
  /** Sends what was handed over, then ends. Safe to call twice. */
  close(): Promise<void>
  /** Resolves once when no frame will come any more; `undefined` if the end was orderly. */
  readonly closed: Promise<CountersignError | undefined>
}

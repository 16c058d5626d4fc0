import type { CountersignError } from '../../support/errors.ts'

/** A session without a connection. Times are wall-clock milliseconds. */
export interface Interruption {
  readonly since: number
  /** Of the next attempt to bring the connection back. */
  readonly next: number
  readonly error: CountersignError
}

import { CountersignError, toCountersignError } from '../../support/errors.ts'
import { said } from '../../support/l10n.ts'
import type { OutgoingContext } from '../api.ts'
import { MAX_CONTEXT, MAX_HEAD } from '../limits.ts'
import type { Closing } from './outgoing.ts'

/** How a context ends that is not sent, and what its caller is told. */

export function outcomeOf(error: Error): 'failed' | 'cancelled' {
  return toCountersignError(error).code === 'cancelled' ? 'cancelled' : 'failed'
}

export function checkSize(context: OutgoingContext | Closing): void {
  if (context.kind === 'close') return
  if (context.body.length <= MAX_CONTEXT && context.head.length <= MAX_HEAD) return
  throw new CountersignError('limit', 'A context is larger than 16 MiB, or its head larger than 64 KiB.')
}

/** The record may have left before the connection did: "nothing was sent" could be a lie, and a retry a second execution. */
export function unknown(cause: Error): CountersignError {
  const sentence = said`${toCountersignError(cause).sentence} This was being sent meanwhile; whether it arrived is not known.`
  return new CountersignError('outcome-unknown', sentence, { cause })
}

export function interrupted(): CountersignError {
  return new CountersignError('session-closed', 'The connection was lost.')
}

export function away(): CountersignError {
  const sentence = said(
    'The connection to the gateway was lost, and it did not come back in time. Nothing was sent; try again.',
  )
  return new CountersignError('gateway-unreachable', sentence)
}

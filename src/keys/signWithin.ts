import { SIGNATURE_LENGTHS, type SignatureAlgorithm } from '../crypto/signature.ts'
import { CountersignError, toCountersignError } from '../support/errors.ts'
import { said } from '../support/l10n.ts'

/**
 * A signature that was asked for, within a deadline that begins now.
 * @param deadline milliseconds
 * @param attempt aborted at the deadline; the caller aborts it with a CountersignError to end the attempt early
 * @throws CountersignError `signer-timeout` at the deadline, `signer-unavailable` for a signature of a wrong length,
 *   and whatever the signer throws
 */
export async function signedWithin(
  deadline: number,
  asked: Promise<Uint8Array>,
  algorithm: SignatureAlgorithm,
  attempt: AbortController,
): Promise<Uint8Array> {
  const timer = setTimeout(() => attempt.abort(timedOut()), deadline)
  try {
    // A signer that ignores its signal must not hold everybody's queue for ever.
    const signature = await Promise.race([asked, rejection(attempt.signal)])
    if (signature.length === SIGNATURE_LENGTHS[algorithm].signature) return signature
    throw new CountersignError('signer-unavailable', 'The signer answered with a signature of a wrong length.')
  } finally {
    clearTimeout(timer)
  }
}

function rejection(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    signal.addEventListener('abort', () => reject(toCountersignError(signal.reason)), { once: true })
  })
}

export function cancelled(): CountersignError {
  return new CountersignError('cancelled', 'The call was cancelled before it was signed; nothing was sent.')
}

function timedOut(): CountersignError {
  return new CountersignError('signer-timeout', 'The signing key did not answer in time.')
}

export function unavailable(cause?: unknown): CountersignError {
  const nothing = said('The signing key is not available, so nothing was sent.')
  const sentence = cause instanceof CountersignError ? said`${nothing} ${cause.sentence}` : nothing
  return new CountersignError('signer-unavailable', sentence, { cause })
}

import { CountersignError } from '../../support/errors.ts'
import { said } from '../../support/l10n.ts'
import { redact } from '../../support/log.ts'
import type { TunnelResponse } from '../exchange/client.ts'

/** The error for a response with a status of 400 or more, with the server's own words where it has any. */
export function statusError(server: string, response: Extract<TunnelResponse, { kind: 'body' }>): CountersignError {
  const reason = wordsOf(response.body)
  const words = reason === undefined ? '' : `: ${redact(reason)}`
  return new CountersignError(
    response.status === 404 ? 'server-gone' : 'upstream',
    said`${server} answered with status ${response.status}${words}`,
  )
}

function wordsOf(body: Uint8Array): string | undefined {
  try {
    const parsed: { error?: { message?: unknown } } | null = JSON.parse(Buffer.from(body).toString('utf8'))
    const message = parsed?.error?.message
    return typeof message === 'string' ? message : undefined
  } catch {
    return undefined
  }
}

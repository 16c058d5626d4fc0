import type { IncomingMessage } from 'node:http'
import type { FetchLike } from '@modelcontextprotocol/sdk/shared/transport.js'
import { CountersignError } from '../../../support/errors.ts'
import { Gathered } from '../../gathered.ts'
import type { Connections } from '../connections.ts'
import { assertAllowed } from './address.ts'

const LONGEST = 1024 * 1024
const TIMEOUT = 30_000
/** What the SDK looks at. */
const HEADERS = ['content-type', 'location', 'www-authenticate'] as const

/**
 * What the SDK asks for by `fetch`, over the connections of the server: its authorities, its proxy, and no address that
 * `assertAllowed` refuses. Redirects are answers; the SDK follows those within an origin.
 */
export function oauthFetch(server: URL, connections: Connections): FetchLike {
  return async (input, init = {}) => {
    const url = new URL(input)
    assertAllowed(url, server)
    const headers = { ...Object.fromEntries(new Headers(init.headers)), 'accept-encoding': 'identity' }
    const body = textOf(init.body)
    const signal = AbortSignal.timeout(TIMEOUT)
    const method = init.method ?? 'GET'
    const response = await new Promise<IncomingMessage>((resolve, reject) => {
      const outgoing = connections.request(url, { method, headers, signal })
      outgoing.once('response', resolve)
      outgoing.on('error', (cause) => reject(cause instanceof CountersignError ? cause : unreachable(url, cause)))
      outgoing.end(body)
    })
    return await answerOf(url, response)
  }
}

async function answerOf(url: URL, response: IncomingMessage): Promise<Response> {
  const body = new Gathered(LONGEST)
  try {
    for await (const chunk of response as AsyncIterable<Buffer>) {
      if (!body.add(chunk)) throw new CountersignError('limit', `The answer of ${url.host} is longer than 1 MiB.`)
    }
  } catch (cause) {
    throw cause instanceof CountersignError ? cause : unreachable(url, cause)
  }
  const { statusCode: status = 0 } = response
  // Not what `Response` may hold, and no answer of OAuth either.
  if (status < 200 || status > 599) throw unreachable(url, undefined)
  const headers = new Headers()
  for (const name of HEADERS) {
    const value = response.headers[name]
    if (value !== undefined) headers.set(name, value)
  }
  const bodiless = status === 204 || status === 205 || status === 304
  return new Response(bodiless ? null : Buffer.from(body.take()), { status, headers })
}

/** The SDK sends forms and JSON. */
function textOf(body: unknown): string | undefined {
  if (body === undefined || body === null || typeof body === 'string') return body ?? undefined
  if (body instanceof URLSearchParams) return body.toString()
  throw new CountersignError('internal', 'A body of another kind than OAuth has.')
}

function unreachable({ host }: URL, cause: unknown): CountersignError {
  return new CountersignError('upstream', `${host} cannot be reached, or gave no answer.`, { cause })
}

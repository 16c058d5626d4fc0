import type { IncomingMessage } from 'node:http'
import type { TokenCheck } from './tokens.ts'

/** Why a request is not let through. `allow` for 405. */
export interface Refusal {
  readonly status: 400 | 401 | 403 | 404 | 405 | 415
  readonly sentence: string
}

export interface Admitted {
  readonly server: string
  /** Two gateways may have a server of one name: which one is meant, where the path says it. */
  readonly gateway?: string
  readonly agent: string
  /** HEAD only on a socket: whether the server is here. */
  readonly method: 'GET' | 'POST' | 'DELETE' | 'HEAD'
}

const PATH = /^\/mcp(?:\/([A-Za-z0-9][A-Za-z0-9._-]{0,63}))?\/([A-Za-z0-9][A-Za-z0-9._-]{0,63})\/?$/

/**
 * Who may talk to the bridge, in this order: Host and Origin (403), then the token (401), then whether there is such a
 * thing (404, 405). Host and Origin first, because a web page that was led here must not even learn whether it guessed a
 * token, and because they hold when a token has leaked.
 *
 * `authorities` are the Host values of this endpoint in lower case; undefined on a socket, where no web page can connect.
 */
export function admit(
  request: IncomingMessage,
  authorities: readonly string[] | undefined,
  tokens: TokenCheck,
): Admitted | Refusal {
  const { host, origin } = request.headers
  if (authorities !== undefined && (repeats(request, 'host') || !authorities.includes(host?.toLowerCase() ?? ''))) {
    return { status: 403, sentence: 'This address does not answer to that host name.' }
  }
  const origins = (authorities ?? []).map((authority) => `http://${authority}`)
  if (origin !== undefined && (repeats(request, 'origin') || !origins.includes(origin.toLowerCase()))) {
    return { status: 403, sentence: 'Web pages may not use this address.' }
  }
  const path = pathOf(request.url ?? '')
  // Before the token: an agent that looks for an OAuth server has none, and must hear that there is none.
  if (path.startsWith('/.well-known/')) return { status: 404, sentence: 'There is nothing here.' }
  const agent = repeats(request, 'authorization') ? undefined : tokens.agentOf(request.headers.authorization)
  if (agent === undefined) {
    return { status: 401, sentence: 'The token is missing or wrong. Copy the server’s entry from Countersign again.' }
  }
  const [, gateway, server] = PATH.exec(path) ?? []
  if (server === undefined)
    return { status: 404, sentence: 'There is nothing here. Servers are at /mcp/NAME or /mcp/GATEWAY/NAME.' }
  const { method } = request
  const asked = method === 'HEAD' && authorities === undefined
  if (method !== 'GET' && method !== 'POST' && method !== 'DELETE' && !asked) {
    return { status: 405, sentence: 'Only GET, POST and DELETE are possible here.' }
  }
  const encoding = request.headers['content-encoding']
  if (encoding !== undefined && encoding !== 'identity') {
    return { status: 415, sentence: 'Send the message uncompressed: its bytes are what is signed.' }
  }
  return gateway === undefined ? { server, agent, method } : { server, gateway, agent, method }
}

export function isRefusal(result: Admitted | Refusal): result is Refusal {
  return 'status' in result
}

/** The path without its query. Nothing of it but the server's name goes any further. */
function pathOf(url: string): string {
  return url.split('?', 1)[0] ?? ''
}

/** node:http keeps the first of a repeated header; whoever stands in front may have looked at the last. */
function repeats(request: IncomingMessage, name: string): boolean {
  return request.rawHeaders.filter((raw, index) => index % 2 === 0 && raw.toLowerCase() === name).length > 1
}

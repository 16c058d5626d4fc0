import { once } from 'node:events'
import type { ServerResponse } from 'node:http'
import { toCountersignError } from '../../support/errors.ts'
import { type ErrorReply, errorMessage } from '../errorReply.ts'
import type { TunnelResponse } from '../exchange/client.ts'
import type { Header } from '../exchange/head.ts'
import { messageEvent } from '../exchange/sse.ts'

const KEEP_ALIVE = Buffer.from(': keep-alive\n\n')

/** Writes a whole response. */
export function writeBody(response: ServerResponse, reply: ErrorReply): void {
  if (response.destroyed) return
  response.writeHead(reply.status, { ...fields(reply.headers), 'content-length': reply.body.length })
  response.end(reply.body)
}

/**
 * Writes a stream as its events come, at the pace of the agent's socket: the next event is taken when the one before was
 * taken over by the operating system. While nothing comes, a comment every `keepAlive` ms keeps the connection.
 * `id` is the request's, for the error that ends a stream whose session is lost. `check` throws when nothing more may be told.
 */
export async function writeStream(
  response: ServerResponse,
  tunnel: Extract<TunnelResponse, { kind: 'stream' }>,
  id: string | undefined,
  keepAlive: number,
  check: () => void,
): Promise<void> {
  response.writeHead(tunnel.status, fields(tunnel.headers))
  response.flushHeaders()
  // Small events would wait for the acknowledgement of the one before (Nagle).
  response.socket?.setNoDelay(true)
  const timer = setInterval(() => {
    if (!response.writableNeedDrain) response.write(KEEP_ALIVE)
  }, keepAlive)
  const closed = once(response, 'close').catch(() => {})
  try {
    for await (const event of tunnel.events) {
      timer.refresh()
      if (response.destroyed) return
      check()
      if (!response.write(event)) await Promise.race([once(response, 'drain').catch(() => {}), closed])
    }
    response.end()
  } catch (thrown) {
    const error = toCountersignError(thrown)
    // A stream that its server broke off must look broken, so that the agent resumes it; one that nobody can resume
    // ends with the error as its answer, or the agent waits for ever.
    if (error.code === 'server-gone' || id === undefined) response.destroy()
    else response.end(messageEvent(errorMessage(error, id)))
  } finally {
    clearInterval(timer)
  }
}

function fields(headers: readonly Header[]): Record<string, string> {
  return Object.fromEntries(headers)
}

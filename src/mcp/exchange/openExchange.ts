import { toCountersignError } from '../../support/errors.ts'
import type { Tunnel, TunnelRequest, TunnelResponse } from './client.ts'

/**
 * Opens an exchange on the session that `connect` has. Where that one turns out to be over and nothing of this request was
 * sent, it is opened once more on the next: a call that waited while a gateway restarted is not lost.
 * @throws CountersignError of `connect` and of `Tunnel.open`
 */
export async function openExchange(
  connect: () => Promise<Tunnel>,
  server: string,
  request: TunnelRequest,
  signal: AbortSignal,
): Promise<TunnelResponse> {
  const client = await connect()
  try {
    return await client.open(server, request, signal)
  } catch (thrown) {
    // Every other code says more than "this session is over", or that something was sent.
    const { code } = toCountersignError(thrown)
    if ((code !== 'session-closed' && code !== 'session-lost') || signal.aborted) throw thrown
  }
  await client.closed
  return await (await connect()).open(server, request, signal)
}

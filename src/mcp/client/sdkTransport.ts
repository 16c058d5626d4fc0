import type { Transport } from '@modelcontextprotocol/sdk/shared/transport.js'
import type { JSONRPCMessage } from '@modelcontextprotocol/sdk/types.js'
import { CountersignError, toCountersignError } from '../../support/errors.ts'
import type { ExchangeClient } from '../exchange/client.ts'
import { MessageChannel } from './messageChannel.ts'

/**
 * The SDK's way into a session, for MCP parties of our own. What it carries is parsed and written again by the SDK, so
 * nothing of an agent's goes through here.
 */
export class SessionTransport implements Transport {
  onclose?: () => void
  onerror?: (error: Error) => void
  onmessage?: (message: JSONRPCMessage) => void
  protocolVersion: string | undefined
  /** The first error of ours: what the SDK reports as a closed connection. */
  failure: CountersignError | undefined
  private readonly channel: MessageChannel
  private closed = false

  constructor(client: ExchangeClient, server: string) {
    const connect = (): Promise<ExchangeClient> => Promise.resolve(client)
    this.channel = new MessageChannel({ connect, server, onMessage: (bytes) => this.deliver(bytes) })
    void client.closed.then((reason) => {
      this.failure ??= reason ?? new CountersignError('session-closed', 'The session with the gateway is closed.')
      return this.close()
    })
  }

  async start(): Promise<void> {}

  /** Resolves when the answers were delivered; rejects with the CountersignError that there is instead. */
  async send(message: JSONRPCMessage): Promise<void> {
    try {
      await this.channel.send(Buffer.from(JSON.stringify(message)))
    } catch (thrown) {
      const error = toCountersignError(thrown)
      // The SDK gives up a call before its answer is here when it is cancelled; that is no error of the connection.
      if (error.code === 'cancelled') return
      this.failure ??= error
      throw error
    }
  }

  async close(): Promise<void> {
    if (this.closed) return
    this.closed = true
    await this.channel.close()
    this.onclose?.()
  }

  setProtocolVersion(version: string): void {
    this.protocolVersion = version
  }

  private deliver(bytes: Uint8Array): void {
    const parsed: JSONRPCMessage | JSONRPCMessage[] = JSON.parse(Buffer.from(bytes).toString('utf8'))
    for (const message of Array.isArray(parsed) ? parsed : [parsed]) this.onmessage?.(message)
  }
}

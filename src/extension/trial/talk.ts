import { encodeUtf8 } from '../../crypto/encoding.ts'
import { ExchangeClient } from '../../mcp/exchange/client.ts'
import { MessageChannel } from '../../mcp/client/messageChannel.ts'
import type { Rejection } from '../../session/api.ts'
import type { LiveSession } from '../../session/liveSession.ts'
import type { CountersignError } from '../../support/errors.ts'
import type { Log } from '../../support/log.ts'
import { SAMPLE } from '../sample/sampleGateway.ts'

/** An agent that speaks MCP to the sample server through a session of the trial. */
export class Talk {
  readonly session: LiveSession
  /** Bytes that the agent was given. */
  received = 0
  /** What this end found wrong with something that came. */
  readonly rejection: () => Rejection | undefined
  private readonly messages: MessageChannel
  private id = 0

  constructor(session: LiveSession, rejection: () => Rejection | undefined, log: Log) {
    this.session = session
    this.rejection = rejection
    const exchanges = new ExchangeClient(session, log)
    const onMessage = (message: Uint8Array): void => {
      this.received += message.length
    }
    this.messages = new MessageChannel({ connect: () => Promise.resolve(exchanges), server: SAMPLE, onMessage, log })
  }

  /** Resolves when the server answered. @throws CountersignError why it did not */
  async initialize(): Promise<void> {
    const clientInfo = { name: 'countersign-trial', version: '1' }
    await this.request('initialize', { protocolVersion: '2025-11-25', capabilities: {}, clientInfo })
  }

  /** Calls the echo tool. @throws CountersignError why it was not answered */
  async call(message: string): Promise<void> {
    await this.request('tools/call', { name: 'echo', arguments: { message } })
  }

  /** Why the session ended; undefined where it was closed in order. */
  get closed(): Promise<CountersignError | undefined> {
    return this.session.closed
  }

  async close(): Promise<void> {
    await this.messages.close()
    await this.session.close()
  }

  private async request(method: string, params: object): Promise<void> {
    this.id += 1
    await this.messages.send(encodeUtf8(JSON.stringify({ jsonrpc: '2.0', id: this.id, method, params })))
  }
}

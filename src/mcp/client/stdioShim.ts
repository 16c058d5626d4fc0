import type { Readable, Writable } from 'node:stream'
import { toCountersignError } from '../../support/errors.ts'
import { type Log, silentLog } from '../../support/log.ts'
import { errorMessage } from '../errorReply.ts'
import type { Tunnel } from '../exchange/client.ts'
import { Drain } from '../drain.ts'
import { asLine, LineSplitter } from '../lines.ts'
import { answerId } from '../message.ts'
import { MessageChannel } from './messageChannel.ts'

export interface ShimOptions {
  readonly connect: () => Promise<Tunnel>
  readonly server: string
  /** The agent's side: JSON-RPC messages, one a line. */
  readonly input: Readable
  readonly output: Writable
  readonly signal?: AbortSignal
  readonly log?: Log
}

/** Messages of the agent under way. Past it the agent has to wait: its own pipe holds the rest. */
const MAX_UNDER_WAY = 256

/**
 * `countersign connect`: an agent that knows stdio only uses a server behind a session. One call of this is one MCP
 * session. Resolves when the agent closed its end or `signal` was aborted, after the MCP session was ended. Never rejects.
 */
export async function runStdioShim(options: ShimOptions): Promise<void> {
  const { input, output, log = silentLog } = options
  const drain = new Drain(output)
  const write = (message: Uint8Array): Promise<void> => drain.write(asLine(message))
  const { connect, server } = options
  const channel = new MessageChannel({ connect, server, onMessage: write, log })
  let underWay = 0
  let over = false

  const send = async (line: Uint8Array): Promise<void> => {
    underWay += 1
    if (underWay >= MAX_UNDER_WAY) input.pause()
    try {
      await channel.send(line)
    } catch (thrown) {
      const error = toCountersignError(thrown)
      const id = answerId(line)
      // Not its sentence: that may quote the server, whose words are context.
      if (error.code !== 'cancelled') log.log('warn', 'a message was not answered', { server, code: error.code })
      // A notification that was lost has nobody to tell; a line that is no message is told with id null.
      if (id !== undefined || error.code === 'context-refused') await write(errorMessage(error, id))
    } finally {
      underWay -= 1
      // An input that is read keeps the process alive: a call that ends with the shim must not begin to read again.
      if (underWay < MAX_UNDER_WAY && !over) input.resume()
    }
  }

  await new Promise<void>((resolve) => {
    const lines = new LineSplitter()
    input.on('data', (chunk: Buffer) => {
      try {
        for (const line of lines.push(chunk)) void send(line)
      } catch (thrown) {
        // Nothing after a line without an end can be found again.
        void write(errorMessage(toCountersignError(thrown), undefined)).finally(resolve)
      }
    })
    input.once('end', resolve)
    input.once('error', () => resolve())
    output.once('error', () => resolve())
    options.signal?.addEventListener('abort', () => resolve(), { once: true })
    if (options.signal?.aborted === true) resolve()
  })
  over = true
  input.pause()
  await channel.close()
}

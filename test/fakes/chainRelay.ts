import { setTimeout as sleep } from 'node:timers/promises'
import { WebSocket, WebSocketServer } from 'ws'

export type Way = 'c2s' | 's2c'

/** One frame on its way. `number` counts the frames of this way on this connection, from 0; `type` is its first byte. */
export interface Passing {
  /** From 0, in the order in which they were made. */
  readonly connection: number
  readonly way: Way
  readonly number: number
  readonly type: number
  readonly frame: Uint8Array
}

/** What arrives instead of a frame; undefined for "as it is". A frame may be a string: then it goes as text. */
export type Change = (passing: Passing) => readonly (Uint8Array | string)[] | undefined

/**
 * Sits between `connect` and `gateway` as whoever controls the network does: it sees every frame and can change, drop,
 * repeat, hold and invent frames. It has no keys.
 */
export class ChainRelay {
  /** Where `connect` believes the gateway to be. */
  readonly url: string
  /** Frames as they came, of all connections. */
  readonly seen: Passing[] = []
  /** Where the connections lead; a test may change it between two of them. */
  target: string
  change: Change = () => undefined
  /** How often `change` changed something. */
  changed = 0
  connections = 0
  private readonly server: WebSocketServer
  private readonly open = new Set<WebSocket>()

  private constructor(server: WebSocketServer, target: string) {
    this.server = server
    this.target = target
    const address = server.address()
    this.url = `ws://127.0.0.1:${typeof address === 'object' ? (address?.port ?? 0) : 0}`
    server.on('connection', (near) => this.join(near))
  }

  static async listen(target: string): Promise<ChainRelay> {
    const server = new WebSocketServer({ host: '127.0.0.1', port: 0, handleProtocols: ([first]) => first ?? false })
    await new Promise((resolve) => server.once('listening', resolve))
    return new ChainRelay(server, target)
  }

  /** Changes one frame, the first for which `pick` is true, and lets all others pass. */
  once(pick: (passing: Passing) => boolean, change: (frame: Uint8Array) => readonly (Uint8Array | string)[]): void {
    let done = false
    this.changed = 0
    this.change = (passing) => {
      if (done || !pick(passing)) return undefined
      done = true
      return change(passing.frame)
    }
  }

  /** No connection is open: both ends have let go. */
  get idle(): boolean {
    return this.open.size === 0
  }

  honest(): void {
    this.change = () => undefined
    this.changed = 0
  }

  /** Cuts every connection, as a network that fails. */
  async cut(): Promise<void> {
    for (const socket of this.open) socket.terminate()
    while (this.open.size > 0) await sleep(2)
  }

  async close(): Promise<void> {
    await this.cut()
    await new Promise((resolve) => this.server.close(resolve))
  }

  private join(near: WebSocket): void {
    const connection = this.connections++
    const far = new WebSocket(this.target, ['countersign.v1'], { perMessageDeflate: false })
    const waiting: (() => void)[] = []
    far.once('open', () => waiting.splice(0).forEach((send) => send()))
    const forward = (from: WebSocket, to: WebSocket, way: Way): void => {
      let number = 0
      from.on('message', (data: Buffer) => {
        const passing = { connection, way, number: number++, type: data[0] ?? 0, frame: new Uint8Array(data) }
        this.seen.push(passing)
        const arriving = this.change(passing)
        if (arriving !== undefined) this.changed += 1
        for (const frame of arriving ?? [passing.frame]) {
          const send = (): void => {
            if (to.readyState === WebSocket.OPEN) to.send(frame, { binary: typeof frame !== 'string' })
          }
          if (to.readyState === WebSocket.CONNECTING) waiting.push(send)
          else send()
        }
      })
      from.on('close', (code) => {
        this.open.delete(from)
        if (to.readyState === WebSocket.CONNECTING) to.terminate()
        else if (code === 1006) to.terminate()
        else to.close(code === 1005 ? undefined : code)
      })
      from.on('error', () => {})
    }
    this.open.add(near).add(far)
    forward(near, far, 'c2s')
    forward(far, near, 's2c')
  }
}

/** A copy with one bit changed. Negative offsets count from the end. */
export function flip(frame: Uint8Array, offset: number, bit = 0): Uint8Array {
  const copy = frame.slice()
  const at = offset < 0 ? copy.length + offset : offset
  copy[at] = (copy[at] ?? 0) ^ (1 << bit)
  return copy
}

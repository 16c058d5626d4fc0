import { connect, createServer, type Server, type Socket } from 'node:net'
import type { Way } from './chainRelay.ts'

/**
 * What the network does to one connection once `at` bytes of a way have passed: exactly these arrive.
 * `end` and `reset` are the end of both ways, by FIN or by RST; `half` ends this way only, by FIN; `stall` is a connection that
 * stays open and carries nothing more, either way.
 */
export interface Fault {
  readonly way: Way
  readonly at: number
  readonly how: 'end' | 'reset' | 'half' | 'stall'
}

/** One connection through the relay. */
export interface Link {
  readonly passed: { readonly [way in Way]: number }
  /** Its fault has happened. */
  readonly fired: boolean
  readonly open: boolean
  /** Ends it now, both ways. */
  cut(how?: 'end' | 'reset'): void
}

/** Sits on the wire and counts bytes: it knows nothing of frames, so it cuts also inside their headers. */
export class ByteRelay {
  readonly port: number
  /** What happens to the next connections, in their order; a connection without a fault is left alone. */
  readonly faults: (Fault | undefined)[] = []
  connections = 0
  /** How many faults have happened. */
  fired = 0
  /** Milliseconds that each chunk is late. */
  delay = 0
  /** New connections are taken and nothing is ever said. */
  silent = false
  private readonly server: Server
  private readonly links = new Set<Wire>()
  private newest: Wire | undefined

  private constructor(server: Server, target: number) {
    this.server = server
    const address = server.address()
    this.port = typeof address === 'object' ? (address?.port ?? 0) : 0
    server.on('connection', (near) => {
      this.connections += 1
      const fault = this.faults.shift()
      const wire = new Wire(near, this.silent ? undefined : target, fault, this.delay, () => (this.fired += 1))
      this.newest = wire
      this.links.add(wire)
      wire.over = () => void this.links.delete(wire)
    })
  }

  /** @param target a port of this machine */
  static async listen(target: number): Promise<ByteRelay> {
    const server = createServer({ allowHalfOpen: true, noDelay: true }).listen(0, '127.0.0.1')
    await new Promise((resolve) => server.once('listening', resolve))
    return new ByteRelay(server, target)
  }

  get url(): string {
    return `ws://127.0.0.1:${this.port}`
  }

  /** The newest connection. */
  get last(): Link {
    if (this.newest === undefined) throw new Error('there is no connection yet')
    return this.newest
  }

  async close(): Promise<void> {
    for (const link of this.links) link.cut('reset')
    await new Promise((resolve) => this.server.close(resolve))
  }
}

class Wire implements Link {
  readonly passed = { c2s: 0, s2c: 0 }
  fired = false
  over: () => void = () => {}
  private readonly near: Socket
  private readonly far: Socket | undefined
  private readonly fault: Fault | undefined
  private readonly delay: number
  private readonly happened: () => void

  constructor(near: Socket, target: number | undefined, fault: Fault | undefined, delay: number, happened: () => void) {
    this.near = near
    this.fault = fault
    this.delay = delay
    this.happened = happened
    near.on('error', () => {})
    near.once('close', () => this.closed())
    if (target === undefined) return
    const far = connect({ host: '127.0.0.1', port: target, allowHalfOpen: true, noDelay: true })
    this.far = far
    far.on('error', () => {})
    far.once('close', () => this.closed())
    this.forward(near, far, 'c2s')
    this.forward(far, near, 's2c')
    this.check('c2s', far, near, undefined)
    this.check('s2c', near, far, undefined)
  }

  get open(): boolean {
    return !this.near.destroyed || this.far?.destroyed === false
  }

  cut(how: 'end' | 'reset' = 'end'): void {
    this.fired = true
    for (const socket of [this.near, this.far]) {
      if (how === 'reset') socket?.resetAndDestroy()
      else socket?.destroy()
    }
  }

  private forward(from: Socket, to: Socket, way: Way): void {
    from.on('data', (chunk: Buffer) => {
      this.later(() => this.pass(chunk, from, to, way))
    })
    from.once('end', () => {
      // One end has said that it sends no more. The other one has to notice, and to end as well.
      this.later(() => void (this.fired || to.end()))
    })
  }

  private later(step: () => void): void {
    if (this.delay > 0) setTimeout(step, this.delay)
    else step()
  }

  private pass(chunk: Buffer, from: Socket, to: Socket, way: Way): void {
    // What comes after the fault is on no wire any more; only a way that was left open goes on.
    if (to.writableEnded || (this.fired && (this.fault?.how !== 'half' || this.fault.way === way))) return
    const room = this.fault?.way === way && !this.fired ? this.fault.at - this.passed[way] : Infinity
    const arriving = chunk.length <= room ? chunk : chunk.subarray(0, room)
    this.passed[way] += arriving.length
    if (!this.check(way, to, from, arriving)) to.write(arriving)
  }

  /** Lets the fault happen if it is its time, behind the last bytes that arrive. */
  private check(way: Way, to: Socket, from: Socket, last: Buffer | undefined): boolean {
    const { fault } = this
    if (fault === undefined || this.fired || fault.way !== way || this.passed[way] < fault.at) return false
    this.fired = true
    this.happened()
    const rest = last ?? Buffer.alloc(0)
    if (fault.how === 'stall') to.write(rest)
    else if (fault.how === 'half') to.end(rest)
    else if (fault.how === 'end') to.end(rest, () => (to.destroy(), from.destroy()))
    else to.write(rest, () => (to.resetAndDestroy(), from.resetAndDestroy()))
    return true
  }

  private closed(): void {
    // One side is gone: what it had sent has been passed on, and the other side learns it.
    setImmediate(() => {
      if (this.near.destroyed) this.far?.destroy()
      else if (this.far?.destroyed === true) this.near.destroy()
      if (!this.open) this.over()
    })
  }
}

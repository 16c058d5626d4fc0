import { mkdirSync } from 'node:fs'
import { AskedChild } from '../askedChild.ts'
import type { Ask } from './end.ts'

/** Two processes that shake hands. */
export class Pair {
  readonly name: string
  private readonly client: End
  private readonly server: End

  private constructor(name: string, client: End, server: End) {
    this.name = name
    this.client = client
    this.server = server
  }

  /** Ours, under this Node. */
  static async ours(name: string, node: string, root: string, folder: string): Promise<Pair> {
    const pair = new Pair(name, new End(root, node), new End(root, node))
    mkdirSync(folder, { recursive: true })
    const common = { folder, keyProcess: `${root}dist/keyProcess.js` }
    const url = await pair.server.ask<string>({ ask: 'gateway', ...common })
    await pair.client.ask({ ask: 'client', url, ...common })
    return pair
  }

  static async tls(name: string, node: string, root: string): Promise<Pair> {
    const pair = new Pair(name, new End(root, node), new End(root, node))
    const [own, peer] = [
      await pair.client.ask<string>({ ask: 'certificate' }),
      await pair.server.ask<string>({ ask: 'certificate' }),
    ]
    const port = await pair.server.ask<number>({ ask: 'tls-server', peer: own })
    await pair.client.ask({ ask: 'tls-client', peer, port })
    return pair
  }

  run(count: number, inFlight: number): Promise<{ latencies: number[]; perSecond: number }> {
    return this.client.ask({ ask: 'run', count, inFlight })
  }

  close(): void {
    this.client.close()
    this.server.close()
  }
}

/** A process of end.ts. */
export class End {
  private readonly child: AskedChild

  constructor(root: string, node: string) {
    this.child = new AskedChild(`${root}test/output/bench/end.mjs`, { execPath: node })
  }

  ask<T>(asked: Ask): Promise<T> {
    return this.child.ask<T>(asked)
  }

  close(): void {
    this.child.close()
  }
}

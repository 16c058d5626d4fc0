import { tmpdir, userInfo } from 'node:os'
import { join } from 'node:path'
import type { Bridge } from '../../mcp/bridge/bridge.ts'
import type { Disposable } from '../../support/disposable.ts'
import type { Log } from '../../support/log.ts'
import type { Gateways } from '../sessions/gatewayLink.ts'

/** Where the editor's own MCP client reaches a server: a socket or pipe, a path on it, and what to send along. */
export interface Endpoint {
  readonly socket: string
  readonly path: string
  readonly headers: Readonly<Record<string, string>>
}

interface Listening {
  readonly bridge: Bridge
  readonly socket: string
  readonly token: string
}

/**
 * The bridges of this window: one socket a gateway, so that two gateways may both have a server called "files". None
 * listens before the editor starts one of its servers.
 */
export class Bridges implements Disposable {
  private readonly gateways: Gateways
  private readonly log: Log
  private readonly listening = new Map<string, Promise<Listening>>()

  constructor(gateways: Gateways, log: Log) {
    this.gateways = gateways
    this.log = log
  }

  async endpoint(gateway: string, server: string): Promise<Endpoint> {
    const known = this.listening.get(gateway) ?? this.listen(gateway)
    this.listening.set(gateway, known)
    const { socket, token } = await known
    return { socket, path: `/mcp/${server}`, headers: { authorization: `Bearer ${token}` } }
  }

  dispose(): void {
    for (const listening of this.listening.values()) {
      void listening.then(({ bridge }) => bridge.close()).catch(() => {})
    }
    this.listening.clear()
  }

  private async listen(gateway: string): Promise<Listening> {
    const connection = () => this.gateways.get(gateway)
    // When first needed, and not at activation.
    const [{ Bridge }, { Tokens }] = await Promise.all([
      import('../../mcp/bridge/bridge.ts'),
      import('../../mcp/bridge/tokens.ts'),
    ])
    const tokens = new Tokens()
    const bridge = new Bridge({
      tokens,
      log: this.log,
      routes: {
        has: (server) => connection()?.setting.servers.includes(server) ?? false,
        open: async (_server, signal) => {
          const found = connection()
          if (found === undefined) throw new Error('a route was opened that `has` denied')
          return (await found.get({ patient: true, signal })).exchanges
        },
      },
    })
    try {
      return { bridge, socket: await bridge.listenSocket(socketFolder()), token: tokens.issue('editor') }
    } catch (thrown) {
      // The next start tries again: the folder may have been put right.
      this.listening.delete(gateway)
      throw thrown
    }
  }
}

/** A folder of this user whose path is short enough for a socket: storage folders of an editor are not. */
function socketFolder(): string {
  const runtime = process.env['XDG_RUNTIME_DIR']
  return runtime === undefined || runtime === ''
    ? join(tmpdir(), `countersign-${userInfo().uid}`)
    : join(runtime, 'countersign')
}

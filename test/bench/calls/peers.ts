import { writeFile } from 'node:fs/promises'
import path from 'node:path'
import { cached } from '../../setup/cache.mjs'
import { npm } from '../../setup/run.mjs'

/** How a peer is started in front of a server, as its README says to: nothing that makes it slower is switched on. */
export interface Peer {
  readonly name: string
  readonly version: string
  /** Its program in its package. */
  readonly program: string
  /** What it speaks to the agent, and to the server. */
  readonly front: 'http' | 'stdio'
  readonly back: 'http' | 'stdio'
  start(where: Where): { readonly args: readonly string[]; readonly env?: Readonly<Record<string, string>> }
}

export interface Where {
  /** The server's program with its arguments. */
  readonly command: readonly [string, ...string[]]
  /** The server's address. */
  readonly url: string
  /** Where a peer that speaks HTTP is to listen; its path is /mcp. */
  readonly port: number
  /** For what it writes. */
  readonly folder: string
}

/** Proxies of MCP that sign nothing. Exact versions, so that two runs compare the same. */
export const PEERS: readonly Peer[] = [
  {
    name: 'mcp-proxy',
    version: '6.7.19',
    program: 'dist/bin/mcp-proxy.mjs',
    front: 'http',
    back: 'stdio',
    start: ({ port, command }) => ({
      args: ['--host', '127.0.0.1', '--port', String(port), '--server', 'stream', '--', ...command],
    }),
  },
  {
    name: 'supergateway',
    version: '4.0.0',
    program: 'dist/index.js',
    front: 'http',
    back: 'stdio',
    start: ({ port, command }) => {
      const stdio = command.map((part) => `"${part}"`).join(' ')
      const options = ['--outputTransport', 'streamableHttp', '--stateful', '--logLevel', 'none']
      return { args: ['--stdio', stdio, ...options, '--port', String(port)] }
    },
  },
  {
    name: 'mcp-remote',
    version: '0.15.1',
    program: 'dist/proxy.js',
    front: 'stdio',
    back: 'http',
    start: ({ url, folder }) => ({
      args: [url, '--transport', 'http-only'],
      env: { MCP_REMOTE_CONFIG_DIR: folder },
    }),
  },
  {
    name: '@civic/passthrough-mcp-server',
    version: '0.12.1',
    program: 'dist/cli.js',
    front: 'http',
    back: 'http',
    start: ({ port, url }) => ({
      args: [],
      env: { PORT: String(port), TARGET_SERVER_URL: new URL(url).origin, TARGET_SERVER_TRANSPORT: 'httpStream' },
    }),
  },
]

/** Installs a peer into the cache that all clones share. Returns its program. */
export async function installPeer({ name, version, program }: Peer): Promise<string> {
  const thing = `bench-${name.replace(/^@/, '').replace('/', '-')}`
  const folder = await cached({ thing, version }, async (empty) => {
    await writeFile(
      path.join(empty, 'package.json'),
      JSON.stringify({ private: true, dependencies: { [name]: version } }),
    )
    await npm(['install', '--no-audit', '--no-fund', '--ignore-scripts'], { cwd: empty })
  })
  return path.join(folder, 'node_modules', name, program)
}

import { fileURLToPath } from 'node:url'
import { createServer, type Server } from 'node:http'
import { type Bridged, ChainFolder, type Config, type Identity } from '../fakes/chainFolder.ts'
import { ChainProcess, endAll } from '../fakes/chainProcess.ts'
import type { Bundles } from '../integration/chain/build.ts'
import type { Conformance } from '../setup/conformance.mjs'
import { build } from 'esbuild'
import { Forwarder } from './forwarder.ts'

/** Where the fixtures are, also when this is part of a bundle. */
const ROOT = process.env['CONFORMANCE_ROOT'] ?? fileURLToPath(new URL('../..', import.meta.url))
const FIXTURES = `${ROOT}/test/conformance/fixtures`

export const CLIENT = `${FIXTURES}/client.mjs`
export const CLIENT_THROUGH = `${FIXTURES}/clientThrough.mjs`

export type FixtureServer = 'server1' | 'server2'

/** The fixtures and the chains in front of them: everything that a run starts, and ends. */
export class Stand {
  private readonly installed: Conformance
  private readonly folder: ChainFolder
  private readonly forwarders: Forwarder[] = []
  private readonly servers: Server[] = []
  private readonly identities: { gateway: Identity; client: Identity }
  private chains = 0

  private constructor(installed: Conformance, folder: ChainFolder, identities: Stand['identities']) {
    this.installed = installed
    this.folder = folder
    this.identities = identities
  }

  static async create(installed: Conformance, bundles: Bundles): Promise<Stand> {
    const folder = new ChainFolder(bundles)
    await bundleFixture(folder.at('server1.mjs'))
    const [gateway, client] = [await folder.vaultIdentity('gateway'), await folder.vaultIdentity('client')]
    return new Stand(installed, folder, { gateway, client })
  }

  /** Starts a fixture server on HTTP. Returns its address. */
  async server(name: FixtureServer, ...args: readonly string[]): Promise<string> {
    const started = new ChainProcess([this.program(name), 'http', ...args], { env: this.env() })
    const { url = '' } = await started.announced()
    return url
  }

  /** A chain whose upstream is at this address. Returns the address of the forwarder in front. */
  throughHttp(url: string): Promise<string> {
    return this.through({ url })
  }

  /** A chain whose upstream is a fixture server on stdio. */
  throughStdio(name: FixtureServer): Promise<string> {
    const { packages } = this.installed
    const args = [this.program(name), 'stdio']
    return this.through({ command: process.execPath, args, env: { CONFORMANCE_PACKAGES: packages } })
  }

  /** An address where `fixtures/clientThrough.mjs` asks for a chain to a server, and is answered with where to connect. */
  async chainsOnDemand(): Promise<string> {
    const server = createServer((request, response) => {
      const url = decodeURIComponent((request.url ?? '').slice(1))
      const failed = (error: unknown): void => void response.writeHead(500).end(String(error))
      this.throughHttp(url).then((front) => response.end(front), failed)
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    this.servers.push(server)
    const address = server.address()
    return `http://127.0.0.1:${typeof address === 'object' ? (address?.port ?? 0) : 0}`
  }

  /** What the processes of the chains logged. */
  said(): string {
    return this.folder.said()
  }

  async close(): Promise<void> {
    for (const server of this.servers) server.close()
    await Promise.all(this.forwarders.map((forwarder) => forwarder.close()))
    await endAll()
    this.folder.remove()
  }

  private async through(upstream: Config): Promise<string> {
    this.chains += 1
    const { gateway, client } = this.identities
    const { url, kid } = await this.folder.gateway(`gateway-${this.chains}`, {
      listen: 'ws://127.0.0.1:0',
      identity: gateway.config,
      clients: [{ kid: client.kid, name: 'conformance' }],
      servers: { fixture: upstream },
    })
    const config = { identity: client.config, gateway: url, pin: kid }
    const bridge: Bridged = await this.folder.bridge(`client-${this.chains}`, 'fixture', config)
    const forwarder = await Forwarder.listen(bridge.url, bridge.token)
    this.forwarders.push(forwarder)
    return forwarder.url
  }

  private program(name: FixtureServer): string {
    return name === 'server1' ? this.folder.at('server1.mjs') : `${FIXTURES}/${name}.mjs`
  }

  private env(): NodeJS.ProcessEnv {
    return { ...process.env, CONFORMANCE_PACKAGES: this.installed.packages }
  }
}

/** As one file: a session with a stdio server is a process, and a suite has thirty of them. */
async function bundleFixture(outfile: string): Promise<void> {
  const entryPoints = [`${FIXTURES}/server1.mjs`]
  const banner = { js: "import{createRequire}from'node:module';const require=createRequire(import.meta.url);" }
  await build({ entryPoints, outfile, bundle: true, platform: 'node', format: 'esm', banner, logLevel: 'warning' })
}

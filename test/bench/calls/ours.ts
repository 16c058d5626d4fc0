import { writeFileSync } from 'node:fs'
import { ChainFolder, type Identity } from '../../fakes/chainFolder.ts'
import { initNssToken } from '../../integration/keys/nssToken.ts'
import type { Chain, Servers } from './chains.ts'
import { httpClient } from './client.ts'

const PIN = 'bench-pin-1234'

/** One gateway, and clients of it: with a vault at both ends, and with an NSS token at the client's. */
export class OurChains {
  private readonly folder: ChainFolder
  private readonly servers: Servers
  private readonly vault: Identity
  private readonly gateway: { readonly pid: number; readonly url: string; readonly kid: string }

  private constructor(folder: ChainFolder, servers: Servers, vault: Identity, gateway: OurChains['gateway']) {
    this.folder = folder
    this.servers = servers
    this.vault = vault
    this.gateway = gateway
  }

  static async start(root: string, servers: Servers, url: string): Promise<OurChains> {
    const at = (name: string): string => `${root}dist/${name}.js`
    const folder = new ChainFolder({ cli: at('cli'), keyProcess: at('keyProcess'), sampleServer: at('sampleServer') })
    const [own, vault] = [await folder.vaultIdentity('gateway-key'), await folder.vaultIdentity('client-key')]
    const [command, ...args] = servers.command
    const gateway = await folder.gateway('gateway', {
      identity: own.config,
      clients: 'enroll',
      servers: { stdio: { command, args }, http: { url } },
    })
    return new OurChains(folder, servers, vault, { ...gateway, pid: gateway.process.pid })
  }

  /** With the vault at both ends. */
  vaultHttp(server: 'stdio' | 'http'): Promise<Chain> {
    return this.http(`countersign, vault, http to ${server}`, server, this.vault)
  }

  vaultStdio(server: 'stdio' | 'http'): Promise<Chain> {
    const name = `countersign, vault, stdio to ${server}`
    const config = this.folder.clientConfig(`stdio-${server}`, this.client(this.vault))
    const args = [this.folder.bundles.cli, 'connect', '--config', config, '--server', server]
    return this.servers.shim(name, args, this.gateway.pid)
  }

  /** With the client's key in a real PKCS#11 token. @throws where there is none on this machine */
  async tokenHttp(): Promise<Chain> {
    const token = await initNssToken(this.folder.at('nss'), { pin: PIN })
    const pinFile = this.folder.at('pin')
    writeFileSync(pinFile, PIN, { mode: 0o600 })
    return this.http(
      'countersign, NSS token, http to stdio',
      'stdio',
      await this.folder.tokenIdentity(token, 'bench', pinFile),
    )
  }

  /** What the processes logged. */
  said(): string {
    return this.folder.said()
  }

  async close(): Promise<void> {
    await Promise.all(this.folder.processes.filter(({ ended }) => !ended).map((one) => one.stop()))
    this.folder.remove()
  }

  private async http(name: string, server: string, identity: Identity): Promise<Chain> {
    const { process, url, token } = await this.folder.bridge(
      name.replaceAll(/\W+/g, '-'),
      server,
      this.client(identity),
    )
    return this.servers.ours(name, await httpClient(url, token), process.pid, this.gateway.pid)
  }

  private client(identity: Identity): Record<string, unknown> {
    return { identity: identity.config, gateway: this.gateway.url, pin: this.gateway.kid }
  }
}

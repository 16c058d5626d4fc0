import { mkdir, readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import * as v from 'valibot'
import { encodeSecuredServer, parseSecuredServer, type SecuredServer } from '../../contracts/securedServer.ts'
import type { GatewaySetting } from '../../contracts/settings.ts'
import { CountersignError } from '../../support/errors.ts'
import { said, t } from '../../support/l10n.ts'
import type { Log } from '../../support/log.ts'
import { StateFile } from '../../trust/stateFile.ts'
import { runCli, startCli } from '../cliProcess.ts'
import type { Plan } from './plan.ts'
import { filled } from './values.ts'

export interface SecuredPorts {
  /** One folder in it for each server; all windows share it. */
  readonly folder: string
  /** Path of the launcher, which starts this extension's command line after every update. */
  readonly launcher: string
  readonly cli: string
  readonly inputs: InputStore
  /** Of this editor. */
  readonly environment: NodeJS.ProcessEnv
  readonly log: Log
}

/** Where what a person entered is kept: not in a file. */
export interface InputStore {
  inputs(gateway: string): Promise<ReadonlyMap<string, string>>
  storeInputs(gateway: string, inputs: ReadonlyMap<string, string>): Promise<void>
  deleteInputs(gateway: string): Promise<void>
}

/** An entry of `countersign.gateways`. */
export interface GatewayEntry {
  readonly command: string
  readonly args: readonly string[]
  readonly pin: string
  readonly servers: readonly string[]
}

const CONFIG = 'gateway.json'
const RECORD = 'server.json'
const NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/
const Made = v.object({ kid: v.string() })

/**
 * The gateways that this extension made in front of servers of agents' files. Each is a folder: its key, its configuration, and
 * what it takes to put the entry back. It runs as a child of the window that uses it, on standard input and output, and so it
 * ends with that window (docs/decisions/0011).
 */
export class SecuredServers {
  private readonly ports: SecuredPorts

  constructor(ports: SecuredPorts) {
    this.ports = ports
  }

  /** Whether a gateway of the settings is one of these, by what it starts and not by its name. */
  has({ name, route }: GatewaySetting): boolean {
    if (route.kind !== 'command') return false
    return JSON.stringify([route.command, ...route.args]) === JSON.stringify(this.commandOf(name))
  }

  /** Those that can be read. A folder without a record is left over from an attempt that was cut off. */
  async list(): Promise<readonly SecuredServer[]> {
    const names = await readdir(this.ports.folder).catch(() => [])
    const read = names.filter((name) => NAME.test(name)).map((name) => this.read(name).catch(() => undefined))
    return (await Promise.all(read)).filter((secured) => secured !== undefined)
  }

  /** A name for the gateway of a server that nobody has. */
  async freeName(server: string, taken: ReadonlySet<string>): Promise<string> {
    const there = new Set([...taken, ...(await readdir(this.ports.folder).catch(() => []))])
    for (let suffix = 1; ; suffix++) {
      const name = suffix === 1 ? `local-${server}` : `local-${server}-${suffix}`
      if (!there.has(name)) return name
    }
  }

  /**
   * Makes the gateway: folder, record, key, configuration. Starts nothing but the command line that makes the key.
   * @returns its entry for the settings
   * @throws CountersignError `file-unreadable`, `server-start`, `cancelled`; nothing is left behind
   */
  async make(
    secured: Omit<SecuredServer, 'values'>,
    plan: Plan,
    inputs: ReadonlyMap<string, string>,
    signal: AbortSignal,
  ): Promise<GatewayEntry> {
    const { gateway, server } = secured
    const folder = join(this.ports.folder, gateway)
    await mkdir(this.ports.folder, { recursive: true, mode: 0o700 })
    try {
      // Fails where it is there: of two windows that secure a server at once, each has a folder of its own.
      await mkdir(folder, { mode: 0o700 })
    } catch (cause) {
      throw new CountersignError('file-unreadable', said`${folder} cannot be made. Try again.`, { cause })
    }
    try {
      // First: with it whatever is cut off later can be taken back.
      await this.recordOf(gateway).write(encodeSecuredServer({ ...secured, values: plan.values }))
      if (inputs.size > 0) await this.ports.inputs.storeInputs(gateway, inputs)
      const key = ['--vault', join(folder, 'vault.json'), '--key-file', join(folder, 'vault.key')]
      const pin = await this.createKey(key, signal)
      const config = configuration(server, plan)
      await new StateFile(folder, CONFIG).write(`${JSON.stringify(config, undefined, 2)}\n`)
      const [command, ...args] = this.commandOf(gateway)
      return { command, args, pin, servers: [server] }
    } catch (thrown) {
      await this.remove(gateway)
      throw thrown
    }
  }

  /** Everything of a gateway but its journal. Whoever uses it has to have closed it. */
  async remove(gateway: string): Promise<void> {
    if (!NAME.test(gateway)) throw new CountersignError('internal', 'That is no name of a gateway.')
    await rm(join(this.ports.folder, gateway), { recursive: true, force: true, maxRetries: 3 })
    await this.ports.inputs.deleteInputs(gateway)
  }

  /**
   * What the gateway is to be given when it is started, if it is one of these.
   * @throws CountersignError `config-invalid` where a value is not there, `file-unreadable`
   */
  async environment(setting: GatewaySetting): Promise<Record<string, string>> {
    // Another command under one of our names gets nothing.
    if (!this.has(setting)) return {}
    const { server, values } = await this.read(setting.name)
    const inputs = await this.ports.inputs.inputs(setting.name)
    const { environment } = this.ports
    return Object.fromEntries(
      Object.entries(values).map(([name, template]) => [name, filled(template, server, environment, inputs)]),
    )
  }

  private commandOf(gateway: string): readonly [string, ...string[]] {
    const { launcher, folder } = this.ports
    return [launcher, 'gateway', '--stdio', '--config', join(folder, gateway, CONFIG)]
  }

  private recordOf(gateway: string): StateFile {
    return new StateFile(join(this.ports.folder, gateway), RECORD, { secret: true })
  }

  private async read(gateway: string): Promise<SecuredServer> {
    const file = this.recordOf(gateway)
    const text = await file.read()
    if (text === undefined) throw new CountersignError('file-unreadable', said`${file.path} is gone.`)
    const secured = parseSecuredServer(text, file.path)
    if (secured.gateway === gateway) return secured
    throw new CountersignError('file-unreadable', said`${file.path} is about another gateway.`)
  }

  private async createKey(where: readonly string[], signal: AbortSignal): Promise<string> {
    const { cli, log } = this.ports
    const process = startCli(cli, ['identity', 'create', ...where], (text) =>
      log.log('info', 'identity create says', { text }),
    )
    return v.parse(Made, JSON.parse(await runCli(process, signal))).kid
  }
}

function configuration(server: string, { upstream }: Plan): object {
  return {
    name: t`${server} on this machine`,
    identity: { vault: 'vault.json', keyFile: 'vault.key' },
    // It serves its own standard input and nothing else: whoever has that is the window that started it, with whichever key.
    clients: 'enroll',
    // There is no operator beside the person who rotates the editor's key.
    rotation: 'accept',
    servers: { [server]: upstream },
    state: 'state',
    // One folder for all, which stays when a server is not secured any more: it is evidence.
    journal: join('..', 'journal'),
    // The window's own journal has the contexts; a second copy would only be one more that can leak.
    contexts: 'digest',
  }
}

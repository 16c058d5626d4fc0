import { mkdir } from 'node:fs/promises'
import path from 'node:path'
import type { EntryPlace } from '../../src/contracts/securedServer.ts'
import { type GatewaySetting, parseGateway, parseSettings } from '../../src/contracts/settings.ts'
import { randomBytes } from '../../src/crypto/random.ts'
import { AgentBridge } from '../../src/extension/agents/agentBridge.ts'
import { Launcher } from '../../src/extension/agents/launcher.ts'
import { ContextStore } from '../../src/extension/evidence/contextStore.ts'
import { LazyJournal } from '../../src/extension/evidence/lazyJournal.ts'
import { KeyProcesses } from '../../src/extension/identity/keyProcesses.ts'
import { SigningIdentity } from '../../src/extension/identity/signingIdentity.ts'
import { EmbeddedVault } from '../../src/extension/identity/vault.ts'
import type { Plan } from '../../src/extension/secured/plan.ts'
import { SecuredServers } from '../../src/extension/secured/securedServers.ts'
import { Connections } from '../../src/extension/sessions/connections.ts'
import type { GatewayLink } from '../../src/extension/sessions/gatewayLink.ts'
import { openLink } from '../../src/extension/sessions/openLink.ts'
import { sleep } from '../../src/extension/sessions/sleep.ts'
import { AgentFolder } from '../../src/mcp/bridge/agentFolder.ts'
import { systemClock as clock } from '../../src/support/clock.ts'
import type { Log } from '../../src/support/log.ts'
import { GatewayPins } from '../../src/trust/gatewayPins.ts'
import { KeyRing } from '../../src/trust/keyRing.ts'
import type { Bundles } from '../integration/chain/build.ts'

/** What the secret store of an editor keeps, for all of its windows. */
export class Keychain {
  readonly vaultKey = randomBytes(32)
  readonly entered = new Map<string, ReadonlyMap<string, string>>()
}

/** All of a window that secured servers meet, without the editor around it: its key, its sessions, its bridge for agents. */
export class SecuredWindow {
  readonly secured: SecuredServers
  readonly launcher: Launcher
  readonly folder: AgentFolder
  readonly bridge: AgentBridge
  readonly connections: Connections<GatewayLink>
  readonly contexts = new ContextStore(clock)
  readonly environment: NodeJS.ProcessEnv
  readonly logged: string[] = []
  private readonly processes: KeyProcesses
  private readonly identity: SigningIdentity
  private readonly journal: LazyJournal

  /** Windows of one `home` share storage and secrets, as those of one editor do. */
  constructor(bundles: Bundles, home: string, keychain: Keychain, environment: NodeJS.ProcessEnv = {}) {
    const storage = path.join(home, 'storage')
    const log: Log = {
      log: (level, message, fields) => this.logged.push(`${level} ${message} ${JSON.stringify(fields)}`),
    }
    this.environment = environment
    this.folder = new AgentFolder(path.join(home, '.countersign'))
    this.launcher = new Launcher(this.folder.path, process.execPath, bundles.cli)
    this.secured = new SecuredServers({
      folder: path.join(storage, 'secured'),
      launcher: this.launcher.path,
      cli: bundles.cli,
      inputs: {
        inputs: async (gateway) => keychain.entered.get(gateway) ?? new Map(),
        storeInputs: async (gateway, inputs) => void keychain.entered.set(gateway, inputs),
        deleteInputs: async (gateway) => void keychain.entered.delete(gateway),
      },
      environment,
      log,
    })
    const settings = parseSettings(() => undefined)
    this.processes = new KeyProcesses({
      path: bundles.keyProcess,
      log,
      pins: () => ({ read: async () => undefined, forget: async () => {} }),
      modules: () => [],
      unlocked: () => {},
    })
    const vault = new EmbeddedVault({
      keyProcess: () => this.processes.vault(),
      file: path.join(storage, 'vault.json'),
      key: async () => keychain.vaultKey.slice(),
      created: () => {},
      log,
    })
    this.identity = new SigningIdentity({
      setting: () => settings.identity,
      processes: this.processes,
      openVault: () => vault.open(),
      unlock: async () => false,
      ring: new KeyRing(path.join(storage, 'state'), clock),
      used: () => {},
      clock,
      log,
    })
    this.journal = new LazyJournal(path.join(storage, 'journal'), () => settings.journal, log)
    const ports = {
      settings: () => settings,
      identity: this.identity,
      pins: new GatewayPins(path.join(storage, 'state'), clock),
      // Its gateways are pinned by the key that was made for them: nobody is to be asked.
      ask: async () => false,
      offered: () => {},
      legsChanged: () => {},
      journal: () => this.journal.sink(),
      environment: (gateway: GatewaySetting) => this.secured.environment(gateway),
      contexts: this.contexts,
      clock,
      log,
    }
    const attempt = (setting: GatewaySetting, signal: AbortSignal) => openLink(ports, setting, signal)
    this.connections = new Connections<GatewayLink>({ attempt, clock, random: Math.random, sleep })
    this.bridge = new AgentBridge(this.connections, this.folder, log)
  }

  /** As *Secure Existing Server…* does once everything was agreed to. Returns what it wrote into the settings. */
  async secure(
    gateway: string,
    plan: Plan,
    place: EntryPlace,
    inputs: ReadonlyMap<string, string> = new Map(),
  ): Promise<GatewaySetting> {
    await this.launcher.write()
    await mkdir(path.join(this.folder.path, '..', 'storage'), { recursive: true, mode: 0o700 })
    const secured = { gateway, server: 'tools', place, original: '{}' }
    const entry = await this.secured.make(secured, plan, inputs, new AbortController().signal)
    const setting = parseGateway(gateway, entry)
    if (typeof setting === 'string') throw new Error(setting)
    this.connections.configure([setting])
    return setting
  }

  async close(): Promise<void> {
    await this.bridge.close()
    await this.connections.closeAll()
    this.connections.dispose()
    await this.journal.close()
    this.identity.dispose()
    this.processes.dispose()
  }
}

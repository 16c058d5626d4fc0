import { access } from 'node:fs/promises'
import { basename } from 'node:path'
import type { InventoryModule, InventoryVault, ProbeResult } from '../../contracts/inventory.ts'
import type { ModuleSetting } from '../../contracts/settings.ts'
import { readModule, readVault } from '../../keys/hsm/inventory.ts'
import type { Clock } from '../../support/clock.ts'
import type { Disposable } from '../../support/disposable.ts'
import { Emitter } from '../../support/emitter.ts'
import { type CountersignError, toCountersignError } from '../../support/errors.ts'
import { findPlace } from './keyPlaces.ts'
import type { KeyProcesses } from './keyProcesses.ts'
import { ModuleWatch } from './moduleWatch.ts'
import { moduleRef } from './refs.ts'

export interface ListedModule {
  /** Names the module whatever else is listed: a hash of its path and library parameters. */
  readonly ref: string
  readonly setting: ModuleSetting
  /** For people: the setting's name, what the module calls itself, or its file. */
  readonly name: string
  readonly facts?: InventoryModule
  /** It has been asked and says nothing: the facts are of before. */
  readonly silent?: true
  /** Why it does not answer; then there are no facts: what was true before may not be now. */
  readonly error?: CountersignError
}

export interface Inventory {
  /** Undefined: nobody looked yet. Modules are native code, so nothing is loaded before somebody wants to know. */
  readonly refreshedAt: number | undefined
  readonly loading: boolean
  readonly modules: readonly ListedModule[]
  readonly vault: { readonly facts?: InventoryVault; readonly error?: CountersignError }
}

export interface InventoryPorts {
  readonly processes: KeyProcesses
  readonly modules: () => readonly ModuleSetting[]
  readonly vaultFile: string
  readonly clock: Clock
}

/** A module that works answers in milliseconds; one over a network in tenths of a second. */
const SILENT_MS = 2_000

const NOTHING: Inventory = { refreshedAt: undefined, loading: false, modules: [], vault: {} }

/**
 * What there is to sign with, as it was when somebody last looked; while somebody looks, as it is. Each module is a row of its
 * own: one that hangs or fails says so there and delays no other.
 */
export class InventoryService implements Disposable {
  private readonly ports: InventoryPorts
  private readonly changed = new Emitter<Inventory>()
  readonly onChange = this.changed.event
  private current: Inventory = NOTHING
  private reading: Promise<Inventory> | undefined
  private readonly rows = new Map<string, Promise<void>>()
  private readonly probes = new Map<string, readonly ProbeResult[]>()
  private readonly watch: ModuleWatch

  constructor(ports: InventoryPorts) {
    this.ports = ports
    this.watch = new ModuleWatch({
      glance: (setting) => this.answering(moduleRef(setting), this.glance(setting)),
      read: (ref) => this.refreshModule(ref),
    })
  }

  get inventory(): Inventory {
    return this.current
  }

  /** Looks at all modules at once, and resolves when the last of them answered or failed. */
  async refresh(): Promise<Inventory> {
    this.reading ??= this.read().finally(() => {
      this.reading = undefined
    })
    return await this.reading
  }

  /** Looks at one module again. */
  async refreshModule(ref: string): Promise<void> {
    const setting = this.ports.modules().find((module) => moduleRef(module) === ref)
    if (setting === undefined) return
    const running = this.rows.get(ref)
    if (running !== undefined) return await running
    const reading = this.module(ref, setting).finally(() => this.rows.delete(ref))
    this.rows.set(ref, reading)
    await reading
  }

  /**
   * Somebody looks: until it is disposed, what changes in a token shows within two seconds. The first look loads modules;
   * while nobody looks, no timer runs and no module is asked anything.
   */
  look(): Disposable {
    const looking = this.watch.look()
    if (this.current.refreshedAt === undefined) void this.refresh()
    return looking
  }

  /** Keeps what a probe found in the slot of that ref, as long as the token that was probed stays in it. */
  probed(ref: string, result: ProbeResult): void {
    const place = findPlace(ref, this.current)
    if (place?.kind !== 'slot') return
    const module = place.module.ref
    const name = probeName(module, place.slot.slot, place.slot.token?.serial ?? '')
    const others = (this.probes.get(name) ?? []).filter(({ algorithm }) => algorithm !== result.algorithm)
    this.probes.set(name, [...others, result])
    // After a read that is under way, which may have drawn its verdict already.
    void (this.rows.get(module) ?? Promise.resolve()).then(() => this.refreshModule(module))
  }

  dispose(): void {
    this.watch.dispose()
  }

  private async read(): Promise<Inventory> {
    const settings = this.ports.modules()
    const before = new Map(this.current.modules.map((row) => [row.ref, row]))
    const modules = settings.map((setting): ListedModule => {
      const ref = moduleRef(setting)
      return { ...before.get(ref), ref, setting, name: before.get(ref)?.name ?? nameOf(setting) }
    })
    this.update({ ...this.current, loading: true, modules })
    const [vault] = await Promise.all([this.vault(), ...modules.map(({ ref }) => this.refreshModule(ref))])
    this.update({ ...this.current, refreshedAt: this.ports.clock.now(), loading: false, vault })
    return this.current
  }

  private async glance(setting: ModuleSetting): Promise<string> {
    return (await this.ports.processes.module(setting).call('glance', {})).state
  }

  /** Says in the module's row that it does not answer, for as long as it does not. */
  private async answering<T>(ref: string, answer: Promise<T>): Promise<T> {
    const row = () => this.current.modules.find((one) => one.ref === ref)
    const timer = setTimeout(() => {
      const known = row()
      if (known?.facts !== undefined) this.put({ ...known, silent: true })
    }, SILENT_MS)
    try {
      return await answer
    } finally {
      clearTimeout(timer)
      const { silent, ...known } = row() ?? {}
      if (silent === true && 'ref' in known) this.put(known)
    }
  }

  private async whole(ref: string, setting: ModuleSetting) {
    // Before the whole is read: what changes in between is then seen as a change, not taken for what was read.
    const state = await this.glance(setting)
    const process = this.ports.processes.module(setting)
    const facts = await readModule(process, (slot, serial) => this.probes.get(probeName(ref, slot, serial)) ?? [])
    return { state, facts }
  }

  private async module(ref: string, setting: ModuleSetting): Promise<void> {
    try {
      const { state, facts } = await this.answering(ref, this.whole(ref, setting))
      this.put({ ref, setting, name: setting.name ?? facts.name, facts })
      this.watch.read(ref, setting, state)
    } catch (thrown) {
      const name = this.current.modules.find((row) => row.ref === ref)?.name ?? nameOf(setting)
      this.put({ ref, setting, name, error: toCountersignError(thrown) })
      this.watch.failed(ref, setting)
    }
  }

  /** A module that was taken out of the settings while it was read stays out. */
  private put(row: ListedModule): void {
    const { modules } = this.current
    if (!modules.some(({ ref }) => ref === row.ref)) return
    this.update({ ...this.current, modules: modules.map((other) => (other.ref === row.ref ? row : other)) })
  }

  private async vault(): Promise<Inventory['vault']> {
    const { vaultFile, processes } = this.ports
    const made = await access(vaultFile).then(
      () => true,
      () => false,
    )
    if (!made) return {}
    try {
      return { facts: await readVault(processes.vault(), vaultFile) }
    } catch (thrown) {
      return { error: toCountersignError(thrown) }
    }
  }

  private update(inventory: Inventory): void {
    this.current = inventory
    this.watch.keep(new Set(inventory.modules.map(({ ref }) => ref)))
    this.changed.fire(inventory)
  }
}

const nameOf = (setting: ModuleSetting): string => setting.name ?? basename(setting.path)
const probeName = (module: string, slot: number, serial: string): string => JSON.stringify([module, slot, serial])

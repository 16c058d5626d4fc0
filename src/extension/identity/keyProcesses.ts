import type { Holds } from '../../contracts/keyProcess.ts'
import type { ModuleSetting } from '../../contracts/settings.ts'
import { KeyProcess, type PinSource } from '../../keys/hsm/supervisor.ts'
import type { Disposable } from '../../support/disposable.ts'
import type { Log } from '../../support/log.ts'

export interface KeyProcessesOptions {
  /** Path of dist/keyProcess.js. */
  readonly path: string
  readonly log: Log
  readonly pins: (module: string, libraryParameters: string | undefined) => PinSource
  /** The modules of the settings: what a person knows better than a module's profile. */
  readonly modules: () => readonly ModuleSetting[]
  /** A token was unlocked, by a person or with a PIN that the person chose to store. */
  readonly unlocked: () => void
}

type ModuleName = Pick<ModuleSetting, 'path' | 'libraryParameters'>

/** One key process per (module, library parameters) and one for the vault, made when they are needed. */
export class KeyProcesses implements Disposable {
  private readonly options: KeyProcessesOptions
  private readonly modules = new Map<string, { readonly process: KeyProcess; readonly holds: Holds }>()
  private vaults: KeyProcess | undefined
  private disposed = false

  constructor(options: KeyProcessesOptions) {
    this.options = options
  }

  vault(): KeyProcess {
    const { path, log } = this.options
    this.vaults ??= this.supervised(new KeyProcess({ path, log, holds: { kind: 'vault' } }))
    return this.vaults
  }

  module(module: ModuleName): KeyProcess {
    const { path, log, pins, unlocked } = this.options
    const name = nameOf(module)
    const known = this.modules.get(name)
    if (known !== undefined) return known.process
    const holds = this.holdsOf(module)
    const source = pins(module.path, module.libraryParameters)
    const process = this.supervised(new KeyProcess({ path, log, holds, pins: source, unlocked }))
    this.modules.set(name, { process, holds })
    return process
  }

  /**
   * Ends the processes of modules that are no longer wanted, or that are to be held in another way now. The caller ends what
   * signs with them first. `inUse`: the identity's module, which need not be listed.
   */
  configure(inUse: ModuleName | undefined): void {
    const wanted = new Set(this.options.modules().map(nameOf))
    if (inUse !== undefined) wanted.add(nameOf(inUse))
    for (const [name, { process, holds }] of this.modules) {
      if (holds.kind !== 'module') continue
      if (wanted.has(name) && JSON.stringify(this.holdsOf(holds)) === JSON.stringify(holds)) continue
      this.modules.delete(name)
      process.dispose()
    }
  }

  /** Ends every login and closes every key. Stored PINs stay unused until the person unlocks. */
  lockTokens(): void {
    for (const { process } of this.modules.values()) process.lockAll()
  }

  /** As `lockTokens`, and the vault. */
  lockAll(): void {
    this.lockTokens()
    this.vaults?.lock()
  }

  dispose(): void {
    this.disposed = true
    this.vaults?.dispose()
    for (const { process } of this.modules.values()) process.dispose()
  }

  private holdsOf(module: ModuleName): Holds {
    const name = nameOf(module)
    const { path, libraryParameters } = module
    const parameters = libraryParameters === undefined ? {} : { libraryParameters }
    const setting = this.options.modules().find((one) => nameOf(one) === name)
    return { kind: 'module', path, ...parameters, ...(setting === undefined ? {} : overridesOf(setting)) }
  }

  /** A command that was waiting for a person when the window closed must not leave a process behind. */
  private supervised(process: KeyProcess): KeyProcess {
    if (this.disposed) process.dispose()
    return process
  }
}

function nameOf({ path, libraryParameters }: ModuleName): string {
  return JSON.stringify([path, libraryParameters])
}

function overridesOf({ ids, software, lanes, environment }: ModuleSetting) {
  return {
    ...(ids === undefined ? {} : { ids }),
    ...(software === undefined ? {} : { software }),
    ...(lanes === undefined ? {} : { lanes }),
    ...(environment === undefined ? {} : { environment: [...environment] }),
  }
}

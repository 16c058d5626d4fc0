import { existsSync } from 'node:fs'
import { type SecretStorage, window } from 'vscode'
import { KeyRing } from '../trust/keyRing.ts'
import { systemClock as clock } from '../support/clock.ts'
import { type Disposable, DisposableStore } from '../support/disposable.ts'
import { t } from '../support/l10n.ts'
import { lockIdle, type LockPorts } from './commands/pins/lockNow.ts'
import type { Configuration } from './configuration.ts'
import { AutoLock } from './identity/autoLock.ts'
import { InventoryService } from './identity/inventoryService.ts'
import { KeyLives } from './identity/keyLives.ts'
import { KeyProcesses } from './identity/keyProcesses.ts'
import { tokenName } from './identity/namedKey.ts'
import { PinDesk } from './identity/pinDesk.ts'
import { SigningIdentity } from './identity/signingIdentity.ts'
import { EmbeddedVault } from './identity/vault.ts'
import type { OutputLog } from './outputLog.ts'
import type { Places } from './places.ts'
import { SecretStore } from './secretStore.ts'

export interface KeyRoot {
  readonly secretStorage: SecretStorage
  readonly log: OutputLog
  readonly places: Places
  readonly configuration: Configuration
}

/** The half of the extension that has to do with keys: what signs, what unlocks it, what locks it again, what is shown of it. */
export interface KeyParts extends Disposable {
  readonly secrets: SecretStore
  readonly processes: KeyProcesses
  readonly autoLock: AutoLock
  readonly ring: KeyRing
  readonly pinDesk: PinDesk
  readonly vault: EmbeddedVault
  readonly vaultMade: () => boolean
  readonly identity: SigningIdentity
  readonly lives: KeyLives
  readonly inventory: InventoryService
  readonly locking: LockPorts
}

/** Constructs it. No process is started and no key opened: that happens when one is first needed. */
export function assembleKeys({ secretStorage, log, places, configuration }: KeyRoot): KeyParts {
  const owned = new DisposableStore()
  const secrets = new SecretStore(secretStorage)
  const modules = () => configuration.current.modules
  const processes = owned.add(
    new KeyProcesses({
      path: places.keyProcess,
      log,
      pins: (module, parameters) => secrets.pinSource(module, parameters),
      modules,
      unlocked: () => autoLock.unlocked(),
    }),
  )
  const autoLock: AutoLock = owned.add(
    new AutoLock({
      minutes: () => configuration.current.autoLock,
      lock: () => lockIdle(locking, configuration.current.autoLock),
      clock,
      after,
    }),
  )
  const ring = new KeyRing(places.state, clock)
  const pinDesk = new PinDesk({ secrets, processes, log })
  const vault = new EmbeddedVault({
    keyProcess: () => processes.vault(),
    file: places.vault,
    key: (mayCreate) => secrets.vaultKey(mayCreate),
    // In the status bar: nobody has to do anything about it.
    created: () => void window.setStatusBarMessage(VAULT_MADE, 20_000),
    log,
  })
  const identity = owned.add(
    new SigningIdentity({
      setting: () => configuration.usable.identity,
      processes,
      openVault: () => vault.open(),
      unlock: (setting) => pinDesk.unlock(setting, tokenName(setting)),
      ring,
      used: () => autoLock.used(),
      clock,
      log,
    }),
  )
  const lives = owned.add(new KeyLives(ring, clock, log))
  const inventory = owned.add(new InventoryService({ processes, modules, vaultFile: places.vault, clock }))
  const locking: LockPorts = { processes, identity, pins: pinDesk, locked: () => whenLocked(autoLock, inventory) }
  const vaultMade = () => existsSync(places.vault)
  const dispose = () => owned.dispose()
  return { secrets, processes, autoLock, ring, pinDesk, vault, vaultMade, identity, lives, inventory, locking, dispose }
}

/** What is shown of tokens is not true any more; nobody who did not look at them before is shown them now. */
function whenLocked(autoLock: AutoLock, inventory: InventoryService): void {
  autoLock.locked()
  if (inventory.inventory.refreshedAt !== undefined) void inventory.refresh()
}

function after(ms: number, run: () => void): Disposable {
  const timer = setTimeout(run, ms)
  return { dispose: () => clearTimeout(timer) }
}

const VAULT_MADE = t('$(countersign-software) Countersign made a key in its embedded vault (software)')

import type { IdentitySetting } from '../../contracts/settings.ts'
import { BatchSigner } from '../../keys/batchSigner.ts'
import { openTokenSigner, type ProcessSigner } from '../../keys/hsm/signer.ts'
import { DEFAULT_LABEL } from '../../keys/signer.ts'
import type { Clock } from '../../support/clock.ts'
import type { Disposable } from '../../support/disposable.ts'
import { Emitter } from '../../support/emitter.ts'
import { CountersignError, toCountersignError } from '../../support/errors.ts'
import { said } from '../../support/l10n.ts'
import type { Log } from '../../support/log.ts'
import { assertUsable, type KeyLife, type KeyRing, lifeState } from '../../trust/keyRing.ts'
import { settingValue } from './keyPlaces.ts'
import type { KeyProcesses } from './keyProcesses.ts'
import { ObservedSigner } from './observedSigner.ts'

export type Pkcs11Setting = Extract<IdentitySetting, { kind: 'pkcs11' }>

export interface OpenIdentity {
  readonly setting: IdentitySetting
  readonly signer: ObservedSigner
  /** Label of the key, and where it is: "Luna 7, slot 0". */
  readonly label: string
  readonly place: string
  /** Why custody is not `hsm`. */
  readonly reasons: readonly string[]
  readonly batches: BatchSigner
}

export type SignerState =
  /** Not needed yet. */
  | { readonly kind: 'none' }
  | { readonly kind: 'ready'; readonly identity: OpenIdentity }
  | {
      readonly kind: 'locked' | 'gone'
      readonly error: CountersignError
      readonly identity?: OpenIdentity
      /** It was locked on purpose, and whoever did it tells the person. */
      readonly told?: true
    }

export interface SigningIdentityPorts {
  /** @throws CountersignError `config-invalid` */
  readonly setting: () => IdentitySetting
  readonly processes: KeyProcesses
  readonly openVault: () => Promise<ProcessSigner>
  /** Asks for the PIN and logs in; false: the person did not want to. @throws CountersignError `pin-wrong`, … */
  readonly unlock: (setting: Pkcs11Setting) => Promise<boolean>
  readonly ring: KeyRing
  /** A signature was made. */
  readonly used: () => void
  readonly clock: Clock
  readonly log: Log
}

/** The key that signs: opened when it is first needed, the same for all sessions, replaced when the person chooses another. */
export class SigningIdentity implements Disposable {
  private readonly ports: SigningIdentityPorts
  private readonly changed = new Emitter<SignerState>()
  readonly onChange = this.changed.event
  private current: SignerState = { kind: 'none' }
  private opening: Promise<OpenIdentity> | undefined
  private open: OpenIdentity | undefined
  /** The person closed the PIN box: calls of agents do not bring it up again and again, a command does. */
  private declined = false
  private generation = 0
  /** Of the key that is open, as it was when it was last read; undefined: it has no dates. */
  private life: KeyLife | undefined
  private lifeReadAt: number | undefined
  private readonly ringChanged: Disposable

  constructor(ports: SigningIdentityPorts) {
    this.ports = ports
    this.ringChanged = ports.ring.onChange(() => {
      this.lifeReadAt = undefined
    })
  }

  get state(): SignerState {
    return this.current
  }

  /**
   * The key, opened. `asked`: a person wants it now, so a PIN may be asked for again.
   * @throws CountersignError: see `openVaultSigner` and `openTokenSigner`
   */
  async get({ asked }: { readonly asked: boolean }): Promise<OpenIdentity> {
    if (asked) this.declined = false
    if (this.open !== undefined) {
      await this.readLife(this.open.signer.kid)
      this.usable()
      return this.open
    }
    this.opening ??= this.begin().finally(() => {
      this.opening = undefined
    })
    return await this.opening
  }

  /** Logs in to a token that was locked while its key was in use. The vault asks for nothing but that somebody wants it. */
  async unlock(): Promise<void> {
    const setting = this.ports.setting()
    this.declined = false
    if (setting.kind === 'vault') this.ports.processes.vault().release()
    else if (!(await this.ports.unlock(setting))) return
    this.unlocked()
  }

  /**
   * Tokens, and without `only` the vault, were locked. Calls of agents do not bring up a PIN box after that: a person does.
   * Returns whether a key that signed is closed now.
   */
  lock(only?: 'tokens'): boolean {
    const { open } = this
    if (only === 'tokens' && this.ports.setting().kind === 'vault') return false
    this.declined = true
    if (open === undefined) return false
    const error =
      open.setting.kind === 'vault'
        ? new CountersignError('vault-locked', 'The vault was locked. Unlock it to sign again.')
        : new CountersignError('pin-needed', said`${open.place} was locked. Unlock it to sign again.`)
    this.enter({ kind: 'locked', error, identity: open, told: true })
    return true
  }

  /** The person opened the chosen key in another way: what was said of a locked token no longer holds. */
  unlocked(): void {
    if (this.current.kind !== 'locked') return
    this.enter(this.open === undefined ? { kind: 'none' } : { kind: 'ready', identity: this.open })
  }

  /** Lets go of the key; the next `get` opens what the settings name by then. The caller ends the sessions that used it first. */
  release(): void {
    this.generation++
    this.open?.batches.dispose()
    this.open = undefined
    this.declined = false
    this.enter({ kind: 'none' })
  }

  dispose(): void {
    this.ringChanged.dispose()
    this.generation++
    this.open?.batches.dispose()
    this.open = undefined
  }

  private async begin(): Promise<OpenIdentity> {
    const { generation } = this
    try {
      const setting = this.ports.setting()
      const signer = setting.kind === 'vault' ? await this.ports.openVault() : await this.openToken(setting)
      await this.inForce(signer, setting)
      if (generation !== this.generation) throw new CountersignError('cancelled', 'The key was changed meanwhile.')
      const ended = (error: CountersignError | undefined) => this.signed(observed, error)
      const observed: ObservedSigner = new ObservedSigner(signer, this.ports.clock, ended, () =>
        this.usableNow(signer.kid),
      )
      const batches = new BatchSigner(observed, { lanes: signer.lanes })
      const label = setting.kind === 'vault' ? DEFAULT_LABEL : setting.label
      const place = signer.description.slice(`${label} in `.length)
      this.open = { setting, label, place, signer: observed, batches, reasons: signer.custodyReasons }
      this.ports.log.log('info', 'key opened', { kid: signer.kid, custody: signer.custody, key: signer.description })
      this.enter({ kind: 'ready', identity: this.open })
      return this.open
    } catch (thrown) {
      const error = toCountersignError(thrown)
      if (generation === this.generation) this.enter({ kind: isLocked(error) ? 'locked' : 'gone', error })
      throw error
    }
  }

  private async openToken(setting: Pkcs11Setting): Promise<ProcessSigner> {
    const { processes, log } = this.ports
    const { module: path, libraryParameters, where, label } = setting
    const parameters = libraryParameters === undefined ? {} : { libraryParameters }
    const keyProcess = processes.module({ path, ...parameters })
    const open = () => openTokenSigner({ keyProcess, where, label, log })
    try {
      return await open()
    } catch (thrown) {
      const error = toCountersignError(thrown)
      if (error.code !== 'pin-needed' || this.declined) throw error
      if (!(await this.ports.unlock(setting))) {
        this.declined = true
        throw error
      }
      return await open()
    }
  }

  /**
   * A key that somebody chose as the identity is in force from its first use on; one whose life is over is refused.
   * @throws CountersignError `key-retired`, `key-revoked`, `file-unreadable`
   */
  private async inForce(signer: ProcessSigner, setting: IdentitySetting): Promise<void> {
    const { ring, clock, log } = this.ports
    const { kid, algorithm, publicKey, custody } = signer
    await this.readLife(kid)
    if (this.life === undefined) {
      // Known from here on, without dates: it may have signed before anybody kept them.
      const label = setting.kind === 'vault' ? DEFAULT_LABEL : setting.label
      const place = JSON.stringify(settingValue(setting))
      await ring.adopt({ kid, algorithm, publicKey, custody, label, place }).catch((thrown: unknown) => {
        log.log('warn', 'a key could not be noted in the key ring', { reason: toCountersignError(thrown).message })
      })
    } else if (lifeState(this.life, clock.now()) === 'planned') {
      await ring.activate(kid)
      await this.readLife(kid)
    }
    this.usable()
  }

  private async readLife(kid: string): Promise<void> {
    this.lifeReadAt = this.ports.clock.monotonic()
    this.life = await this.ports.ring.find(kid)
  }

  /**
   * Asked before each signature. Another window may end the key's life, and all that it shares with this one is a file: it is
   * read again once a second at most, and a ring that cannot be read lets nothing be signed.
   */
  private async usableNow(kid: string): Promise<void> {
    const readAt = this.lifeReadAt
    if (readAt === undefined || this.ports.clock.monotonic() - readAt > FRESH_MS) await this.readLife(kid)
    this.usable()
  }

  /** @throws as `inForce` */
  private usable(): void {
    assertUsable(this.life, this.ports.clock.now())
  }

  private signed(signer: ObservedSigner, error: CountersignError | undefined): void {
    const { open } = this
    if (error === undefined) this.ports.used()
    if (open === undefined || open.signer !== signer) return
    if (error !== undefined) this.enter({ kind: isLocked(error) ? 'locked' : 'gone', error, identity: open })
    else if (this.current.kind !== 'ready') this.enter({ kind: 'ready', identity: open })
  }

  private enter(state: SignerState): void {
    this.current = state
    this.changed.fire(state)
  }
}

/** How old what is known of the key's life may be. */
const FRESH_MS = 1000

function isLocked({ code }: CountersignError): boolean {
  return code === 'pin-needed' || code === 'pin-wrong' || code === 'vault-locked'
}

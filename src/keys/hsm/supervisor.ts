import type { Holds, Operation, Params, Result, Where } from '../../contracts/keyProcess.ts'
import { wipe } from '../../crypto/random.ts'
import type { Disposable } from '../../support/disposable.ts'
import { CountersignError, toCountersignError } from '../../support/errors.ts'
import { said } from '../../support/l10n.ts'
import type { Log } from '../../support/log.ts'
import { Connection } from './connection.ts'
import { DEADLINES, type Deadlines } from './deadlines.ts'
import { abortable, delay } from './waiting.ts'

/** UTF-8, wiped by whom it is given to; null: the person types it on the token's own keypad. */
export type Pin = Uint8Array | null

/** Where a PIN comes from that the user chose to store. */
export interface PinSource {
  /** UTF-8 bytes of the PIN, which the supervisor wipes, or undefined: then the user has to be asked. */
  read(where: Where): Promise<Uint8Array | undefined>
  /** The token rejected it: it must not be offered again, or a supervisor locks the token. */
  forget(where: Where): void | Promise<void>
}

export interface KeyProcessOptions {
  /** Path of dist/keyProcess.js. */
  readonly path: string
  readonly holds: Holds
  readonly log: Log
  readonly pins?: PinSource
  /** A token was logged in to, by the user or with a stored PIN. */
  readonly unlocked?: () => void
  /** Milliseconds; for tests and slow tokens. */
  readonly deadlines?: Partial<Deadlines>
}

const FIRST_DELAY_MS = 200
const LONGEST_DELAY_MS = 10_000

/**
 * Supervises the process that holds one PKCS#11 module, or the vault. Nothing runs before the first call; when the
 * process dies, calls in flight fail with a clear error and the next one starts a new process, later each time it dies.
 */
export class KeyProcess implements Disposable {
  private readonly options: KeyProcessOptions
  private current: Promise<Connection> | undefined
  private live: Connection | undefined
  /** Also those that are still starting, or were told to go. */
  private readonly running = new Set<Connection>()
  private failures = 0
  private notBefore = 0
  private ended: CountersignError | undefined
  /** Places whose stored PIN may be wrong, or which the user locked: no automatic login there until the user logs in. */
  private readonly barred = new Set<string>()
  /** The user locked everything: as if each place were barred that was not released since. */
  private allBarred = false
  private readonly released = new Set<string>()
  private readonly logins = new Map<string, Promise<void>>()

  constructor(options: KeyProcessOptions) {
    this.options = options
  }

  get holds(): Holds {
    return this.options.holds
  }

  /** Process id while one runs: for tests and for the panel. */
  get pid(): number | undefined {
    return this.live?.alive === true ? this.live.pid : undefined
  }

  /**
   * One request to the process that runs, or to a new one.
   * @throws CountersignError: see `Connection.call`, and those of loading the module
   */
  async call<O extends Operation>(operation: O, params: Params<O>, signal?: AbortSignal): Promise<Result<O>> {
    const connection = await this.connection(signal)
    return this.callOn(connection, operation, params, signal)
  }

  /** As `call`, on a connection whose handles the caller holds. */
  callOn<O extends Operation>(
    connection: Connection,
    operation: O,
    params: Params<O>,
    signal?: AbortSignal,
    begins?: Promise<unknown>,
  ): Promise<Result<O>> {
    return connection.call(operation, params, signal, begins)
  }

  /**
   * The process did what it is for, and a caller checked it: the back-off starts anew. Not every reply counts: a process
   * that opens its key and dies at each signature would otherwise be started as fast as it dies.
   */
  worked(): void {
    this.failures = 0
  }

  /** The process that runs, or a new one. What is opened in it lives as long as it does. */
  async connection(signal?: AbortSignal): Promise<Connection> {
    if (this.ended !== undefined) throw this.ended
    if (this.live?.alive !== true) {
      const starting = this.current ?? this.start()
      this.current = starting
      const connection = await abortable(starting, signal)
      return connection
    }
    return this.live
  }

  /**
   * Logs in with a PIN that the user just gave, which is wiped, or on the token's own keypad.
   * @throws CountersignError `pin-wrong`, `pin-locked`, `token-missing`, …
   */
  async login(where: Where, pin: Pin, signal?: AbortSignal): Promise<void> {
    await this.wiping([pin], () => this.call('login', { where, pin }, signal))
    this.release(where)
    this.options.unlocked?.()
  }

  /**
   * Gives the user another PIN. A PIN that was stored is the old one now: it is forgotten.
   * @throws CountersignError `pin-wrong`, `pin-locked`, `token-missing`, `token-unsupported`
   */
  async changePin(where: Where, old: Pin, pin: Pin, signal?: AbortSignal): Promise<void> {
    await this.wiping([old, pin], () => this.call('changePin', { where, old, pin }, signal))
    await this.options.pins?.forget(where)
  }

  /** As `changePin`, of the security officer; it ends the login and the open keys of that token. */
  async changeOfficerPin(where: Where, old: Pin, pin: Pin): Promise<void> {
    await this.wiping([old, pin], () => this.call('changePin', { where, who: 'so', old, pin }))
  }

  /**
   * The security officer gives the user a PIN. It ends the login and the open keys of that token.
   * @throws as `changePin`, about the PIN of the security officer
   */
  async resetPin(where: Where, soPin: Pin, pin: Pin, signal?: AbortSignal): Promise<void> {
    await this.wiping([soPin, pin], () => this.call('resetPin', { where, soPin, pin }, signal))
    await this.options.pins?.forget(where)
  }

  /**
   * Initialises the token in a slot and sets its user's PIN. Destroys what the token held.
   * @throws as `resetPin`; CountersignError `slot-missing`, `token-busy` while another program uses the token
   */
  async initToken(slot: number, label: string, soPin: Pin, pin: Pin, signal?: AbortSignal): Promise<void> {
    await this.wiping([soPin, pin], () => this.call('initToken', { slot, label, soPin, pin }, signal))
    await this.options.pins?.forget({ slot })
    await this.options.pins?.forget({ token: label })
  }

  /**
   * Logs in with the stored PIN, once, however many signers need it at the same time.
   * @throws CountersignError `pin-needed` where there is none, or where it was rejected before
   */
  unlock(connection: Connection, where: Where): Promise<void> {
    const place = placeOf(where)
    const running = this.logins.get(place)
    if (running !== undefined) return running
    const login = this.loginWithStoredPin(connection, where).finally(() => this.logins.delete(place))
    this.logins.set(place, login)
    return login
  }

  /**
   * Ends the process, and with it every login and every open key. Until `login` or `release`, stored PINs and vault keys
   * of this place are not used: "lock now" means that it stays locked.
   */
  lock(where?: Where): void {
    this.barred.add(placeOf(where))
    this.live?.close(new CountersignError('pin-needed', 'The token was locked. Unlock it to sign again.'))
  }

  /** As `lock`, for every token of the module, also those that nobody has named yet. */
  lockAll(): void {
    this.allBarred = true
    this.released.clear()
    this.lock()
  }

  /**
   * As `lock`, for one token, given by each of its names: its login ends and its keys are closed, other tokens of the module
   * stay as they are.
   * @throws CountersignError of the module: then the caller should lock all of it
   */
  async lockToken(names: readonly Where[]): Promise<void> {
    for (const where of names) this.barred.add(placeOf(where))
    const [where] = names
    if (where !== undefined && this.live?.alive === true) await this.call('logout', { where })
  }

  /** The user wants stored PINs and vault keys to be used again. */
  release(where?: Where): void {
    this.barred.delete(placeOf(where))
    this.released.add(placeOf(where))
  }

  locked(where?: Where): boolean {
    const place = placeOf(where)
    return this.barred.has(place) || (this.allBarred && !this.released.has(place))
  }

  dispose(): void {
    this.ended ??= new CountersignError('key-process-gone', 'The key process was closed.')
    for (const connection of this.running) connection.close(this.ended)
  }

  /** After `dispose`: resolves when no process of this supervisor runs any more. */
  async closed(): Promise<void> {
    await Promise.all(Array.from(this.running, ({ exited }) => exited))
  }

  private async wiping(pins: readonly Pin[], work: () => Promise<unknown>): Promise<void> {
    try {
      await work()
    } finally {
      for (const pin of pins) if (pin !== null) wipe(pin)
    }
  }

  private async loginWithStoredPin(connection: Connection, where: Where): Promise<void> {
    const place = placeOf(where)
    const pin = this.locked(where) ? undefined : await this.options.pins?.read(where)
    const { alive } = connection
    if (pin === undefined) throw new CountersignError('pin-needed', 'The token is locked. Enter its PIN to sign again.')
    try {
      await this.callOn(connection, 'login', { where, pin })
      this.options.unlocked?.()
    } catch (thrown) {
      const error = toCountersignError(thrown)
      if (!alive || UNTRIED.includes(error.code)) throw error
      // One try and no more, also where the answer may only mean a wrong PIN: a loop of logins would lock the token.
      this.barred.add(place)
      if (error.code !== 'pin-wrong' && error.code !== 'pin-locked') throw notAgain(error)
      await this.options.pins?.forget(where)
      throw error
    } finally {
      wipe(pin)
    }
  }

  private async start(): Promise<Connection> {
    try {
      await delay(this.notBefore - performance.now())
      if (this.ended !== undefined) throw this.ended
      const { path, holds, deadlines, log } = this.options
      const limits = { ...DEADLINES, ...deadlines }
      const connection = new Connection(path, holds, limits, (error) => this.onEnd(error))
      this.running.add(connection)
      void connection.exited.then(() => this.running.delete(connection))
      await connection.start(holds)
      log.log('debug', 'key process started', { pid: connection.pid, holds: holds.kind })
      if (this.ended !== undefined) throw this.ended
      this.live = connection
      return connection
    } finally {
      this.current = undefined
    }
  }

  /** The first start after a success is immediate; a process that dies again and again waits longer each time. */
  private onEnd(error: CountersignError): void {
    this.live = undefined
    if (this.ended !== undefined || error.code === 'pin-needed') return
    const wait = this.failures === 0 ? 0 : Math.min(FIRST_DELAY_MS * 2 ** (this.failures - 1), LONGEST_DELAY_MS)
    this.failures += 1
    this.notBefore = performance.now() + wait
    // What a module answered to `start` reaches the caller; only what nobody asked for is news.
    const news = error.code.startsWith('key-process') || error.code === 'signer-timeout'
    const fields = { code: error.code, reason: error.message, failures: this.failures }
    this.options.log.log(news ? 'warn' : 'debug', 'key process ended', fields)
  }
}

/** Of a login in which no PIN was tried: C_Login was not called, or answered that the token or its session is gone. */
const UNTRIED: readonly string[] = ['token-missing', 'slot-missing', 'token-busy', 'pkcs11', 'limit']

function notAgain({ code, sentence, cause }: CountersignError): CountersignError {
  return new CountersignError(
    code,
    said`${sentence} The stored PIN is not tried again until you unlock the token or restart Countersign.`,
    { cause },
  )
}

function placeOf(where: Where | undefined): string {
  if (where === undefined) return 'vault'
  return 'slot' in where ? `slot ${where.slot}` : `token ${where.token}`
}

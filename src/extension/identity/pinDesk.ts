import { window } from 'vscode'
import { secretConcat, wipe } from '../../crypto/random.ts'
import type { KeyProcess } from '../../keys/hsm/supervisor.ts'
import { CountersignError, toCountersignError } from '../../support/errors.ts'
import { said, t } from '../../support/l10n.ts'
import type { Log } from '../../support/log.ts'
import { withProgress } from '../progress.ts'
import type { SecretStore, TokenPlace } from '../secretStore.ts'
import type { KeyProcesses } from './keyProcesses.ts'
import { beforeUserPin, type PinAdvice } from './pinAdvice.ts'
import { askNewPin, NEW_PIN, askPin } from './pinBox.ts'
import { PinOffers } from './pinOffers.ts'
import { readToken, type TokenState } from './tokenState.ts'
import { notify } from '../notify.ts'

export interface PinDeskPorts {
  readonly secrets: SecretStore
  readonly processes: KeyProcesses
  readonly log: Log
}

/** Bytes of a PIN, or null where the token asks for it on its own keypad. */
export type GivenPin = Uint8Array | null

/** Asks for PINs. Each typed PIN is tried once; after a rejection the person decides whether to try again. */
export class PinDesk {
  private readonly ports: PinDeskPorts
  private readonly offers: PinOffers

  constructor(ports: PinDeskPorts) {
    this.ports = ports
    this.offers = new PinOffers({ secrets: ports.secrets, ask: askToKeep, log: ports.log })
  }

  /**
   * Asks and logs in, also where the token is logged in already. False: the person closed the box. `proof`: the PIN shows that
   * somebody is there, for this one act; that a stored one could take its place is nothing to be asked then.
   * @throws CountersignError `pin-wrong`, `pin-locked` (nothing was tried, or this try locked it), `token-missing`, …
   */
  async unlock(token: TokenPlace, name: string, proof?: 'proof'): Promise<boolean> {
    const keyProcess = this.process(token)
    for (;;) {
      const state = await this.mayTry(token, name, beforeUserPin)
      if (state === undefined) return false
      const prompt = t`PIN of ${name}. It goes to the process that holds the module and is kept nowhere unless you say so.`
      const pin = state.keypad ? null : await askPin(t`Unlock ${name}`, prompt)
      if (pin === undefined) return false
      const kept = pin === null ? null : secretConcat(pin)
      try {
        if (pin !== null) await keyProcess.login(token.where, pin)
        else if (!(await this.onKeypad(token, name, (signal) => keyProcess.login(token.where, null, signal))))
          return false
      } catch (thrown) {
        const error = toCountersignError(thrown)
        // Some tokens take no login with a PIN that somebody else set.
        const changed = error.code === 'pin-expired' && (await this.changeNow(token, name, kept))
        wipe(kept)
        if (changed) continue
        // One that was stored is older than the one that was just refused.
        if (error.code === 'pin-wrong') await this.ports.secrets.deletePin(token)
        await this.tryAgain(name, error)
        continue
      }
      try {
        if (state.toBeChanged) await this.changeNow(token, name, kept)
        else if (kept !== null && proof === undefined) void this.offers.offer(token, name, secretConcat(kept))
      } finally {
        wipe(kept)
      }
      return true
    }
  }

  /**
   * *Change PIN…*; `old` where it was just accepted. True: it was changed.
   * @throws CountersignError as `unlock`
   */
  async change(token: TokenPlace, name: string, old?: GivenPin): Promise<boolean> {
    const keyProcess = this.process(token)
    const title = t`Change PIN of ${name}`
    for (let known = old === undefined ? undefined : copyOf(old); ; known = undefined) {
      const state = await this.mayTry(token, name, beforeUserPin)
      if (state === undefined) return false
      const pins = state.keypad ? NOTHING_TYPED : await this.askOldAndNew(title, known)
      if (pins === undefined) return false
      const stored = await this.ports.secrets.hasPin(token)
      const kept = copyOf(pins.pin)
      try {
        const set = (signal?: AbortSignal) => keyProcess.changePin(token.where, pins.old, pins.pin, signal)
        if (!state.keypad) await set()
        else if (!(await this.onKeypad(token, name, set))) return false
        if (kept !== null) void this.offers.changed(token, name, secretConcat(kept), stored)
        return true
      } catch (thrown) {
        await this.tryAgain(name, toCountersignError(thrown))
      } finally {
        wipe(pins.old, pins.pin, kept)
      }
    }
  }

  /**
   * Looks at the token and says what is to be said before a try. Undefined: the person did not want to risk it.
   * @throws CountersignError `pin-locked` where a try is no use
   */
  async mayTry(
    token: TokenPlace,
    name: string,
    advise: (name: string, state: TokenState) => PinAdvice,
  ): Promise<TokenState | undefined> {
    const state = await readToken(this.process(token), token.where)
    const advice = advise(name, state)
    if (advice.kind === 'refuse') throw new CountersignError('pin-locked', advice.sentence)
    if (advice.kind === 'go') return state
    const { message, detail } = advice
    const choice = await window.showWarningMessage(message, { modal: true, detail }, t('Use the Last Try'))
    return choice === undefined ? undefined : state
  }

  /** Something that the token asks for on its keypad. False: the person gave up here, and the token may still be asking. */
  async onKeypad(token: TokenPlace, name: string, work: (signal: AbortSignal) => Promise<unknown>): Promise<boolean> {
    try {
      await withProgress(t`Enter the PIN on ${name}`, work)
      return true
    } catch (thrown) {
      if (toCountersignError(thrown).code !== 'cancelled') throw thrown
      // Its process is inside that one call and answers nothing else, for as long as the token waits.
      this.process(token).lock(token.where)
      return false
    }
  }

  /** @throws CountersignError the given one, unless it is a rejected PIN and the person wants another try */
  async tryAgain(name: string, error: CountersignError): Promise<void> {
    if (error.code !== 'pin-wrong') throw error
    const again = await window.showWarningMessage(
      t`${name} did not accept the PIN.`,
      { modal: true, detail: `${t(error.sentence)}\n\n${t('Many tokens lock after three wrong PINs.')}` },
      t('Try Again'),
    )
    if (again === undefined)
      throw new CountersignError('pin-wrong', said`${name} did not accept the PIN. It stays locked.`)
  }

  process({ module, libraryParameters }: TokenPlace): KeyProcess {
    return this.ports.processes.module(
      libraryParameters === undefined ? { path: module } : { path: module, libraryParameters },
    )
  }

  /** True: the PIN is another one now. */
  private async changeNow(token: TokenPlace, name: string, pin: GivenPin): Promise<boolean> {
    const detail = t(
      'Somebody else knows it: it was set by the security officer. Until you change it, the token may refuse everything else.',
    )
    const message = t`The PIN of ${name} has to be changed.`
    const choice = await window.showInformationMessage(message, { modal: true, detail }, t('Change PIN'))
    return choice !== undefined && (await this.change(token, name, pin))
  }

  private async askOldAndNew(title: string, known: GivenPin | undefined): Promise<typeof NOTHING_TYPED | undefined> {
    const asked = known ?? (await askPin(title, t('The PIN as it is now'), '1/3'))
    if (asked === undefined) return undefined
    const pin = await askNewPin(title, NEW_PIN, ['2/3', '3/3'])
    if (pin !== undefined) return { old: asked, pin }
    wipe(asked)
    return undefined
  }

  /** Everything is locked. */
  locked(): void {
    this.offers.locked()
  }
}

async function askToKeep(name: string): Promise<boolean> {
  const question = t`${name} is unlocked. Keep its PIN in this editor's secret store, so that it can unlock the token again by itself?`
  const keep = t('Keep PIN')
  return (await notify.info(question, keep, t("Don't Keep"))) === keep
}

const NOTHING_TYPED: { readonly old: GivenPin; readonly pin: GivenPin } = { old: null, pin: null }

function copyOf(pin: GivenPin): GivenPin {
  return pin === null ? null : secretConcat(pin)
}

import type { TokenInfo } from 'pkcs11js'
import type { Params } from '../../../contracts/keyProcess.ts'
import { decodeUtf8, encodeUtf8 } from '../../../crypto/encoding.ts'
import { wipe } from '../../../crypto/random.ts'
import { CountersignError, toCountersignError } from '../../../support/errors.ts'
import { said } from '../../../support/l10n.ts'
import { CKF, CKR, CKU } from './constants.ts'
import { calling, isCkr, tokenError } from './errors.ts'
import type { LoadedModule } from './loaded.ts'
import { type PinAttempt, pinError, type Who } from './pinErrors.ts'
import { type Slot, tokenIn } from './slots.ts'

/** CK_TOKEN_INFO.label: 32 bytes, padded with blanks (PKCS#11 v3.2, section 5.5.7). */
const LABEL_BYTES = 32

type Changing = Pick<PinAttempt, 'who' | 'keypad'>

/** Both PINs as they came, and as pkcs11js takes them. */
interface NewPin extends Pick<Params<'resetPin'>, 'soPin' | 'pin'> {
  readonly officer: string
  readonly text: string
}

/** Logins and changes of PINs. Whatever happens, the bytes of a PIN are wiped. */
export class Pins {
  private readonly loaded: LoadedModule

  constructor(loaded: LoadedModule) {
    this.loaded = loaded
  }

  /**
   * C_Login of the user. A token that is unlocked is locked first: the module would not look at the PIN otherwise, and a
   * login is the proof that somebody knows it now.
   */
  async login({ where, pin }: Params<'login'>): Promise<null> {
    const { module } = this.loaded
    try {
      const { slot, token } = this.loaded.find(where)
      const text = pinText(pin, token, 'user')
      await this.loaded.keys.alone(() => {
        const pool = this.loaded.pool(slot)
        if (pool.loggedIn()) this.loaded.logout(slot)
        const attempt = { who: 'user', keypad: pin === null } as const
        try {
          this.attempt('C_Login', slot, attempt, () =>
            pool.inAnchor((session) => module.C_Login(session, CKU.USER, text)),
          )
        } catch (thrown) {
          // Somebody else logged in meanwhile: the token is open, but nobody proved this PIN.
          if (thrown instanceof Error && isCkr(thrown.cause, CKR.USER_ALREADY_LOGGED_IN)) return
          throw thrown
        }
        this.loaded.proof(slot).renew()
      })
      return null
    } finally {
      wipe(pin)
    }
  }

  async logout({ where }: Params<'logout'>): Promise<null> {
    const { slot } = this.loaded.find(where)
    await this.loaded.keys.alone(() => this.loaded.logout(slot))
    return null
  }

  /** C_SetPIN, in a session of its own. A login of the user stays; one of the security officer ends it. */
  async change({ where, who = 'user', old, pin }: Params<'changePin'>): Promise<null> {
    try {
      const { slot, token } = this.loaded.find(where)
      const before = pinText(old, token, who)
      const after = newPinText(pin, token)
      const attempt = { who, keypad: old === null } as const
      if (who === 'so') await this.loaded.keys.alone(() => this.setOfficersPin(slot, before, after, attempt))
      else
        await this.loaded.pool(slot).useReadWrite((session) => this.setUsersPin(session, slot, before, after, attempt))
      this.loaded.changed()
      return null
    } finally {
      wipe(old, pin)
    }
  }

  /** The user's PIN from the security officer. */
  async reset({ where, soPin, pin }: Params<'resetPin'>): Promise<null> {
    try {
      const { slot, token } = this.loaded.find(where)
      const officer = pinText(soPin, token, 'so')
      const text = newPinText(pin, token)
      await this.loaded.keys.alone(() => {
        this.loaded.endSessions(slot)
        this.setUserPin(slot, { officer, text, soPin, pin })
      })
      this.loaded.changed()
      return null
    } finally {
      wipe(soPin, pin)
    }
  }

  /** C_InitToken destroys all objects of the token (PKCS#11 v3.2, section 5.5.7); then its user gets a PIN. */
  async initToken({ slot: id, label, soPin, pin }: Params<'initToken'>): Promise<null> {
    try {
      const { slot, token } = this.loaded.find({ slot: id })
      const officer = pinText(soPin, token, 'so')
      const text = newPinText(pin, token)
      const name = paddedLabel(label)
      await this.loaded.keys.alone(() => {
        this.loaded.endSessions(slot)
        try {
          this.attempt('C_InitToken', slot, { who: 'so', keypad: soPin === null }, () =>
            this.loaded.module.C_InitToken(slot.handle, officer, name),
          )
        } finally {
          this.loaded.changed()
        }
        try {
          this.setUserPin(slot, { officer, text, soPin, pin })
        } catch (thrown) {
          const { code, sentence, cause } = tokenError(thrown, 'C_InitPIN')
          throw new CountersignError(code, said`The token is initialised, but its user has no PIN yet. ${sentence}`, {
            cause,
          })
        }
      })
      return null
    } finally {
      wipe(soPin, pin)
    }
  }

  /** The standard lets anybody change a PIN who knows it; NSS wants a login as well, which ends here. */
  private setUsersPin(session: Buffer, slot: Slot, before: string, after: string, attempt: Changing): void {
    const { module } = this.loaded
    const set = () => this.attempt('C_SetPIN', slot, attempt, () => module.C_SetPIN(session, before, after))
    try {
      return set()
    } catch (thrown) {
      if (toCountersignError(thrown).code !== 'pin-needed') throw thrown
    }
    this.attempt('C_Login', slot, attempt, () => module.C_Login(session, CKU.USER, before))
    try {
      set()
    } finally {
      calling('C_Logout', () => module.C_Logout(session))
    }
  }

  private setOfficersPin(slot: Slot, before: string, after: string, attempt: Changing): void {
    this.loaded.endSessions(slot)
    this.asOfficer(slot, before, attempt, (session) =>
      this.attempt('C_SetPIN', slot, attempt, () => this.loaded.module.C_SetPIN(session, before, after)),
    )
  }

  private setUserPin(slot: Slot, { officer, text, soPin, pin }: NewPin): void {
    this.asOfficer(slot, officer, { who: 'so', keypad: soPin === null }, (session) =>
      // An officer whose PIN has to be changed first may log in and do nothing else: then it is that PIN which is meant.
      this.attempt('C_InitPIN', slot, { who: 'so', keypad: pin === null }, () =>
        this.loaded.module.C_InitPIN(session, text),
      ),
    )
  }

  /** In a session of its own: a security officer cannot log in while a read-only session is open. */
  private asOfficer(slot: Slot, officer: string, attempt: Changing, work: (session: Buffer) => void): void {
    const { module } = this.loaded
    const session = calling('C_OpenSession', () =>
      module.C_OpenSession(slot.handle, CKF.SERIAL_SESSION | CKF.RW_SESSION),
    )
    try {
      this.attempt('C_Login', slot, attempt, () => module.C_Login(session, CKU.SO, officer))
      work(session)
    } finally {
      // The last session of the process with the token ends the officer's login, whatever happened before.
      calling('C_CloseAllSessions', () => module.C_CloseAllSessions(slot.handle))
    }
  }

  /** One call that takes a PIN. The flags that count its tries are read after it failed. */
  private attempt(doing: PinAttempt['doing'], slot: Slot, changing: Changing, call: () => void): void {
    try {
      call()
    } catch (thrown) {
      const flags = tokenIn(this.loaded.module, slot)?.flags ?? 0
      throw pinError(thrown, { ...changing, doing, flags })
    }
  }
}

/**
 * The PIN as pkcs11js takes it: a string, which cannot be wiped and lives in this process until it is collected.
 *
 * For a keypad the standard wants a null pointer (PKCS#11 v3.2, section 5.6.8). pkcs11js 2.1.7 cannot pass one: C_Login,
 * C_SetPIN, C_InitPIN and C_InitToken refuse everything but a string. An empty one is a pointer to nothing with the
 * length 0. Modules that look at the length (OpenSC) ask on the keypad; one that looks at the pointer takes it for a
 * wrong PIN, so it is never tried where one more would lock the token.
 */
function pinText(pin: Uint8Array | null, { flags }: TokenInfo, who: Who): string {
  if (pin !== null) return decodeUtf8(pin)
  if ((flags & CKF.PROTECTED_AUTHENTICATION_PATH) === 0) {
    throw new CountersignError('pin-needed', 'The token has no keypad of its own. Enter its PIN here.')
  }
  const last = who === 'user' ? CKF.USER_PIN_FINAL_TRY : CKF.SO_PIN_FINAL_TRY
  if ((flags & last) !== 0) {
    const sentence = said(
      'One more failed try locks the token, and its module may take the call of the keypad for one. Unlock it with the tools of the token.',
    )
    throw new CountersignError('token-unsupported', sentence)
  }
  return ''
}

/** A PIN that is to be set, refused where the token says that it will not take it: the old one costs a try first. */
function newPinText(pin: Uint8Array | null, token: TokenInfo): string {
  const { minPinLen: least, maxPinLen: most } = token
  // Tokens that do not tell have 0 here, or all bits set.
  const known = most > 0 && least <= most
  if (pin !== null && known && (pin.length < least || pin.length > most)) {
    throw new CountersignError('usage', said`A PIN of this token has ${least} to ${most} characters.`)
  }
  return pinText(pin, token, 'user')
}

function paddedLabel(label: string): string {
  const { length } = encodeUtf8(label)
  if (length > LABEL_BYTES) throw new CountersignError('usage', 'The label of a token has at most 32 bytes.')
  // pkcs11js passes a pointer and no length: the module reads 32 bytes from it, whatever is there.
  return label + ' '.repeat(LABEL_BYTES - length)
}

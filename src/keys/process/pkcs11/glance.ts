import type { TokenInfo } from 'pkcs11js'
import type { Result } from '../../../contracts/keyProcess.ts'
import { encodeBase64url, encodeUtf8 } from '../../../crypto/encoding.ts'
import { sha256 } from '../../../crypto/hash.ts'
import { toCountersignError } from '../../../support/errors.ts'
import { CKF, CKR } from './constants.ts'
import { calling, isCkr } from './errors.ts'
import type { LoadedModule } from './loaded.ts'
import { listSlots, type Slot } from './slots.ts'

/** Events that one glance takes off the module's list: a module that never runs out of them must not hold us. */
const MOST_EVENTS = 64

/**
 * A digest of what a person would see change: slots, tokens, flags, who is logged in, and what this process changed. It
 * opens no session. Keys that another program makes show where the token tells its free memory, and otherwise when
 * the inventory is read the next time.
 */
export class Glance {
  private readonly loaded: LoadedModule
  private events = true

  constructor(loaded: LoadedModule) {
    this.loaded = loaded
  }

  look(): Result<'glance'> {
    this.drain()
    const seen = [this.loaded.revision, ...listSlots(this.loaded.module).map((slot) => this.slot(slot))]
    return { state: encodeBase64url(sha256(encodeUtf8(JSON.stringify(seen)))) }
  }

  /** Some modules notice a token that came or went only while they are asked for it. What they say is not needed. */
  private drain(): void {
    for (let taken = 0; this.events && taken < MOST_EVENTS; taken += 1) {
      try {
        if (this.loaded.module.C_WaitForSlotEvent(CKF.DONT_BLOCK) === null) return
      } catch (thrown) {
        // A module without events will not have them later; any other failure shows in what is asked for next.
        if (isCkr(thrown, CKR.FUNCTION_NOT_SUPPORTED)) this.events = false
        return
      }
    }
  }

  private slot(slot: Slot): unknown[] {
    const { module } = this.loaded
    try {
      const { flags, slotDescription } = calling('C_GetSlotInfo', () => module.C_GetSlotInfo(slot.handle))
      const common = [slot.id, flags, slotDescription]
      if ((flags & CKF.TOKEN_PRESENT) === 0) return common
      const token = calling('C_GetTokenInfo', () => module.C_GetTokenInfo(slot.handle))
      const { label, model, serialNumber, flags: state } = token
      const memory = [token.freePublicMemory, token.freePrivateMemory].map(String)
      return [...common, label, model, serialNumber, state, ...memory, this.loggedIn(slot, token)]
    } catch (thrown) {
      return [slot.id, toCountersignError(thrown).message]
    }
  }

  /** Asked in a session that is there, or not at all: without one nobody of this process is logged in. */
  private loggedIn(slot: Slot, { sessionCount }: TokenInfo): boolean {
    const pool = this.loaded.knownPool(slot)
    return pool !== undefined && sessionCount > 0 && pool.loggedIn()
  }
}

import type { TokenInfo } from 'pkcs11js'
import type { SlotFacts, TokenFacts } from '../../../contracts/keyFacts.ts'
import { whyOf } from '../wireError.ts'
import { CKF } from './constants.ts'
import { calling } from './errors.ts'
import { padded, versionText } from './library.ts'
import type { LoadedModule } from './loaded.ts'
import { type Slot, tokenIn } from './slots.ts'
import type { Token } from './token.ts'

/** One slot with its token. One broken slot does not hide the others: its error is its fact. */
export async function slotFacts(loaded: LoadedModule, slot: Slot): Promise<SlotFacts> {
  const { module } = loaded
  try {
    const info = calling('C_GetSlotInfo', () => module.C_GetSlotInfo(slot.handle))
    const common = {
      slot: slot.id,
      description: padded(info.slotDescription),
      hardware: (info.flags & CKF.HW_SLOT) !== 0,
    }
    try {
      return { ...common, token: await tokenFacts(loaded, slot), error: null }
    } catch (thrown) {
      return { ...common, token: null, error: whyOf(thrown) }
    }
  } catch (thrown) {
    return { slot: slot.id, description: '', hardware: false, token: null, error: whyOf(thrown) }
  }
}

async function tokenFacts(loaded: LoadedModule, slot: Slot): Promise<TokenFacts | null> {
  const info = tokenIn(loaded.module, slot)
  if (info === undefined) return null
  const token = loaded.token(slot)
  const { mlDsa, mlKem, classical } = token.abilities()
  // A token that is not initialised has no sessions: asking for one would be its only, and misleading, answer.
  const initialised = (info.flags & CKF.TOKEN_INITIALIZED) !== 0
  const seen = await keysOf(token, initialised)
  return {
    label: padded(info.label),
    manufacturer: padded(info.manufacturerID),
    model: padded(info.model),
    serial: padded(info.serialNumber),
    firmware: versionText(info.firmwareVersion),
    hardwareVersion: versionText(info.hardwareVersion),
    flags: info.flags,
    loggedIn: initialised && seen.error === null && loaded.pool(slot).loggedIn(),
    ...capacity(info),
    mlDsa,
    mlKem,
    classical,
    ...seen,
  }
}

async function keysOf(token: Token, initialised: boolean): Promise<Pick<TokenFacts, 'keys' | 'error'>> {
  try {
    return { keys: initialised ? await token.keys() : [], error: null }
  } catch (thrown) {
    return { keys: [], error: whyOf(thrown) }
  }
}

type Counted = Pick<TokenInfo, 'sessionCount' | 'maxSessionCount' | 'freePublicMemory' | 'freePrivateMemory'>

/** Sessions of this process and free bytes of the token, where it tells. */
export function capacity(info: Counted): Pick<TokenFacts, 'sessions' | 'memory'> {
  const [publicFree, privateFree] = [told(info.freePublicMemory), told(info.freePrivateMemory)]
  return {
    // CK_EFFECTIVELY_INFINITE is 0: no limit (PKCS#11 v3.2, section 3.2).
    sessions: { open: told(info.sessionCount), most: told(info.maxSessionCount) || null },
    memory: publicFree === null || privateFree === null ? null : { publicFree, privateFree },
  }
}

/** CK_UNAVAILABLE_INFORMATION: all bits set, in a CK_ULONG of 4 or 8 bytes, of which pkcs11js keeps 4 for some fields. */
const UNAVAILABLE = 0xffffffff

/** pkcs11js hands memory out as bigint, whatever its types say. */
function told(value: number | bigint): number | null {
  const number = Number(value)
  return number === UNAVAILABLE || !Number.isSafeInteger(number) ? null : number
}

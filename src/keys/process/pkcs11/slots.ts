import type { PKCS11, TokenInfo } from 'pkcs11js'
import type { Where } from '../../../contracts/keyProcess.ts'
import { CountersignError } from '../../../support/errors.ts'
import { said } from '../../../support/l10n.ts'
import { CKF } from './constants.ts'
import { calling } from './errors.ts'
import { padded } from './library.ts'

export interface Slot {
  /** CK_SLOT_ID. */
  readonly id: number
  readonly handle: Buffer
}

/** All slots, also empty ones: PKCS#11 v3.2, section 5.5.1. */
export function listSlots(module: PKCS11): Slot[] {
  return calling('C_GetSlotList', () => module.C_GetSlotList(false)).map((handle) => ({ id: numberOf(handle), handle }))
}

/**
 * The slot that has the token which is meant.
 * @throws CountersignError `slot-missing`, `token-missing`
 */
export function findSlot(module: PKCS11, where: Where): { slot: Slot; token: TokenInfo } {
  const slots = listSlots(module)
  if ('slot' in where) {
    const slot = slots.find(({ id }) => id === where.slot)
    if (slot === undefined) {
      const ids = slots.map(({ id }) => id).join(', ') || said('none')
      throw new CountersignError('slot-missing', said`The module has no slot ${where.slot}. Its slots are: ${ids}.`)
    }
    const token = tokenIn(module, slot)
    if (token === undefined) {
      throw new CountersignError('token-missing', said`There is no token in slot ${slot.id}. Insert it and try again.`)
    }
    return { slot, token }
  }
  const tokens = slots.flatMap((slot) => {
    const token = tokenIn(module, slot)
    return token === undefined ? [] : [{ slot, token }]
  })
  const [found, second] = tokens.filter(({ token }) => padded(token.label) === where.token)
  if (found === undefined) {
    const labels = tokens.map(({ token }) => `"${padded(token.label)}"`).join(', ') || said('none')
    throw new CountersignError(
      'token-missing',
      said`There is no token "${where.token}". Tokens in this module: ${labels}.`,
    )
  }
  if (second !== undefined) {
    const sentence = said`Slots ${found.slot.id} and ${second.slot.id} both have a token "${where.token}". Name the slot instead.`
    throw new CountersignError('token-missing', sentence)
  }
  return found
}

/** CK_TOKEN_INFO, or undefined for an empty slot. */
export function tokenIn(module: PKCS11, { handle }: Slot): TokenInfo | undefined {
  const { flags } = calling('C_GetSlotInfo', () => module.C_GetSlotInfo(handle))
  if ((flags & CKF.TOKEN_PRESENT) === 0) return undefined
  return calling('C_GetTokenInfo', () => module.C_GetTokenInfo(handle))
}

/** A CK_ULONG as pkcs11js hands it out: 8 bytes, 4 on Windows, in the order of the machine. */
export function numberOf(handle: Buffer): number {
  return handle.length === 4 ? handle.readUInt32LE() : Number(handle.readBigUInt64LE())
}

import type { Custody } from '../contracts/custody.ts'
import { type KeyWindow, windowFrom } from '../evidence/keyWindow.ts'
import { encodeRing } from '../evidence/trustedKeys.ts'
import type { VerificationKey } from '../evidence/types.ts'
import { CountersignError } from '../support/errors.ts'
import { said } from '../support/l10n.ts'

export type LifeState = 'planned' | 'active' | 'retiring' | 'retired' | 'revoked'

/** A key of this end, and how to find it again. */
export interface OwnKey extends VerificationKey {
  readonly label: string
  /** Where it is: for programs of this machine, not for people; at most 4096 characters. */
  readonly place: string
  readonly custody: Custody
}

/** One own key's whole life. Times are ms since 1970; `retired` may lie ahead: until then a key that is retiring still signs. */
export interface KeyLife extends OwnKey {
  readonly planned?: number
  readonly active?: number
  readonly retiring?: number
  readonly retired?: number
  readonly revoked?: number
  /** The kid of the key that follows this one. */
  readonly successor?: string
  /** The transition document to the successor, exact text. */
  readonly transition?: string
}

/** Where a key is in its life. Revoked is for ever, whatever the clock says now. */
export function lifeState(life: Omit<KeyLife, keyof OwnKey>, now: number): LifeState {
  const reached = (at: number | undefined): boolean => at !== undefined && at <= now
  if (life.revoked !== undefined) return 'revoked'
  if (reached(life.retired)) return 'retired'
  if (reached(life.retiring)) return 'retiring'
  // A key without any date was there before this file: it counts as it did.
  return reached(life.active) || life.planned === undefined ? 'active' : 'planned'
}

/** When statements of this key count: from its activation until it retired or was revoked. One never activated has an empty window. */
export function windowOf({ planned, active, retired, revoked }: Omit<KeyLife, keyof OwnKey>): KeyWindow {
  if (planned !== undefined && active === undefined) return { from: planned, until: planned }
  const ends = [retired, revoked].filter((at) => at !== undefined)
  return windowFrom(active, ends.length === 0 ? undefined : Math.min(...ends))
}

/**
 * What everybody asks who is about to sign with a key of this end. A key that is not in the ring is usable.
 * @throws CountersignError `key-planned`, `key-retired`, `key-revoked`
 */
export function assertUsable(life: KeyLife | undefined, now: number): void {
  if (life === undefined) return
  const { label } = life
  switch (lifeState(life, now)) {
    case 'planned':
      throw new CountersignError(
        'key-planned',
        said`The key "${label}" is not in force yet. Nothing was signed with it.`,
      )
    case 'retired':
      throw new CountersignError(
        'key-retired',
        said`The key "${label}" is retired and signs nothing more. Use the key that follows it.`,
      )
    case 'revoked':
      throw new CountersignError(
        'key-revoked',
        said`The key "${label}" was revoked and signs nothing more. Use another key.`,
      )
    case 'active':
    case 'retiring':
  }
}

/** The ring as others may have it: every key that was ever in force, with its window. See `encodeRing`. */
export function exportRing(lives: readonly KeyLife[]): Uint8Array {
  const once = lives.filter((life) => life.active !== undefined || life.planned === undefined)
  return encodeRing(
    once.map((life) => ({
      algorithm: life.algorithm,
      publicKey: life.publicKey,
      ...windowOf(life),
      ...(life.revoked !== undefined && { revoked: life.revoked }),
    })),
  )
}

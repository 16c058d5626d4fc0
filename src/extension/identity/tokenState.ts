import type { PinState } from '../../contracts/inventory.ts'
import type { SlotFacts, TokenFacts } from '../../contracts/keyFacts.ts'
import type { Where } from '../../contracts/keyProcess.ts'
import { has, pinState } from '../../keys/hsm/tokenFlags.ts'
import type { KeyProcess } from '../../keys/hsm/supervisor.ts'
import { fromWire } from '../../contracts/wireSentence.ts'
import { CountersignError } from '../../support/errors.ts'
import { said } from '../../support/l10n.ts'

/** How a token stands before somebody gives it a PIN, as it claims. */
export interface TokenState {
  readonly slot: number
  /** Empty for a token that was never initialised. */
  readonly label: string
  readonly serial: string
  readonly initialised: boolean
  readonly pin: PinState
  /** It takes PINs on a keypad of its own. */
  readonly keypad: boolean
  readonly toBeChanged: boolean
  readonly officer: 'usable' | 'last try' | 'locked'
  /** Labels of the keys that can be seen without a login. */
  readonly keys: readonly string[]
}

/**
 * Asked anew each time: a count of tries that is a minute old is what locks a token.
 * @throws CountersignError `slot-missing`, `token-missing`, and those of the module
 */
export async function readToken(keyProcess: KeyProcess, where: Where): Promise<TokenState> {
  const { slots } = await keyProcess.call('inventory', {})
  return tokenState(slots, where)
}

/** @throws CountersignError `slot-missing`, `token-missing` */
export function tokenState(slots: readonly SlotFacts[], where: Where): TokenState {
  const found = slots.filter(({ slot, token }) =>
    'slot' in where ? slot === where.slot : token?.label === where.token,
  )
  const [only] = found
  if (only === undefined || found.length > 1) {
    const sentence =
      'slot' in where
        ? said`The module has no slot ${where.slot} now. Look at its slots again.`
        : said`The module has no one token "${where.token}" now. Look at its slots again.`
    throw new CountersignError('slot-missing', sentence)
  }
  const { slot, token, error } = only
  if (token === null) {
    const why = error === null ? said`There is no token in slot ${slot}.` : fromWire(error)
    throw new CountersignError('token-missing', why)
  }
  return { slot, ...stateOf(token) }
}

function stateOf(token: TokenFacts): Omit<TokenState, 'slot'> {
  const { label, serial, keys } = token
  return {
    label,
    serial,
    initialised: has(token, 'tokenInitialized'),
    // An unlocked token can be locked by a wrong old PIN just the same: what its flags say of tries comes first here.
    pin: has(token, 'locked') ? 'locked' : has(token, 'finalTry') ? 'last try' : pinState(token),
    keypad: has(token, 'keypad'),
    toBeChanged: has(token, 'toBeChanged'),
    officer: has(token, 'soLocked') ? 'locked' : has(token, 'soFinalTry') ? 'last try' : 'usable',
    keys: keys.map((key) => key.label),
  }
}

import type { PanelTrialChange } from '../../contracts/panelTrial.ts'
import { concat } from '../../crypto/encoding.ts'

const SHOWN = 16
const BEFORE = 5

/** A few bytes around the first that differs, as hex, and which of them do. undefined: nothing differs. */
export function changeOf(before: readonly Uint8Array[], after: readonly Uint8Array[]): PanelTrialChange | undefined {
  const [one, two] = [concat(...before), concat(...after)]
  if (before.length === after.length && Buffer.compare(one, two) === 0) return undefined
  const shorter = Math.min(one.length, two.length)
  let first = 0
  while (first < shorter && one[first] === two[first]) first += 1
  const at = Math.max(0, first - BEFORE)
  const end = at + SHOWN
  let last = first + 1
  while (last < end && one[last] !== two[last]) last += 1
  return {
    at,
    before: hex(one.subarray(at, end)),
    after: hex(two.subarray(at, end)),
    from: first - at,
    to: last - at,
    lengths: { before: one.length, after: two.length },
  }
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex')
}

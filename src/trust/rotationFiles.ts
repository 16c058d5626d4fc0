import * as v from 'valibot'
import { parseStrictJson } from '../contracts/strictJson.ts'
import { isKid } from '../crypto/jwk.ts'
import { CountersignError } from '../support/errors.ts'
import { StateList } from './stateList.ts'

/** A key transition that a client delivered, both signatures verified. Times are ms since 1970. */
export interface Rotation {
  readonly from: string
  readonly to: string
  /** From when on the new key stands for the old one, as both keys signed. */
  readonly at: number
  /** As the client called itself. */
  readonly name: string
  readonly received: number
}

/** What was decided about a rotation. */
export interface RotationDecision extends Pick<Rotation, 'from' | 'to' | 'at'> {
  readonly decision: 'confirmed' | 'refused'
  readonly by: 'operator' | 'policy'
  readonly decided: number
  /** Of a confirmed one: the first instant at which the old key is no longer served. */
  readonly until?: number
}

export const MAX_ROTATIONS = 256

const instant = v.pipe(v.number(), v.safeInteger(), v.minValue(0))
const kid = v.pipe(
  v.string(),
  v.check((value) => isKid(value)),
)
const pair = { from: kid, to: kid, at: instant }

const rotations = v.strictObject({
  v: v.literal(1),
  transitions: v.pipe(
    v.array(v.strictObject({ ...pair, name: v.pipe(v.string(), v.maxLength(256)), received: instant })),
    v.maxLength(MAX_ROTATIONS),
  ),
})

const decisions = v.strictObject({
  v: v.literal(1),
  decisions: v.pipe(
    v.array(
      v.strictObject({
        ...pair,
        decision: v.picklist(['confirmed', 'refused']),
        by: v.picklist(['operator', 'policy']),
        decided: instant,
        until: v.exactOptional(instant),
      }),
    ),
    v.maxLength(MAX_ROTATIONS),
  ),
})

/** What came: written by the gateway. */
export function rotationFile(folder: string): StateList<Rotation> {
  const encode = (items: readonly Rotation[]): string => encoded({ v: 1, transitions: items })
  return new StateList({ folder, name: 'transitions.json', parse: parseRotations, encode, most: MAX_ROTATIONS })
}

/** What was decided. A file of its own: the operator writes it while the gateway writes the other one. */
export function decisionFile(folder: string): StateList<RotationDecision> {
  const encode = (items: readonly RotationDecision[]): string => encoded({ v: 1, decisions: items })
  return new StateList({ folder, name: 'decisions.json', parse: parseDecisions, encode, most: MAX_ROTATIONS })
}

/** @throws CountersignError `file-unreadable` */
export function parseRotations(text: string, path: string): readonly Rotation[] {
  return understood(path, () => v.parse(rotations, parseStrictJson(text, { safeIntegers: true })).transitions)
}

/** @throws CountersignError `file-unreadable` */
export function parseDecisions(text: string, path: string): readonly RotationDecision[] {
  return understood(path, () => {
    const list = v.parse(decisions, parseStrictJson(text, { safeIntegers: true })).decisions
    // Two ends of one key, or two keys that stand for one: whichever is read first would decide.
    for (const one of list.filter(({ decision }) => decision === 'confirmed')) {
      const same = list.filter(
        (other) => other.decision === 'confirmed' && (other.from === one.from || other.to === one.to),
      )
      if (one.until === undefined || same.length > 1) throw new TypeError('Decisions contradict each other.')
    }
    return list
  })
}

function understood<T>(path: string, parse: () => T): T {
  try {
    return parse()
  } catch (cause) {
    const sentence = `${path} is not what was written there: restore it. Without it nobody knows which keys stand for which clients.`
    throw new CountersignError('file-unreadable', sentence, { cause })
  }
}

function encoded(value: unknown): string {
  return `${JSON.stringify(value, undefined, 2)}\n`
}

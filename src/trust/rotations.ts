import { fingerprintWords } from '../crypto/fingerprint.ts'
import { type TransitionDocument, verifyTransition } from '../evidence/transition.ts'
import type { Clock } from '../support/clock.ts'
import { CountersignError } from '../support/errors.ts'
import type { Log } from '../support/log.ts'
import { decisionFile, MAX_ROTATIONS, type Rotation, type RotationDecision, rotationFile } from './rotationFiles.ts'
import type { StateList } from './stateList.ts'
import { keepTransition } from './transitionStore.ts'

export type { Rotation, RotationDecision } from './rotationFiles.ts'

/** What a gateway does with the key transitions of its clients. */
export interface RotationPolicy {
  /** `confirm` asks the operator, `accept` takes what both keys signed, `refuse` takes none. */
  readonly rotation: 'confirm' | 'accept' | 'refuse'
  /** Milliseconds that the old key is still served when the new one is. */
  readonly grace: number
}

export const DEFAULT_ROTATION: RotationPolicy = { rotation: 'confirm', grace: 24 * 60 * 60_000 }

export type RotationStatus = 'accepted' | 'pending' | 'refused'

/** Undecided transitions of one key: whoever has it could otherwise fill the list, and one that is contested needs no more to be seen. */
const MAX_CONTESTED = 4
/** Transitions of one line of keys, which nothing takes out again: one client could otherwise fill the list for all. */
const MAX_LINE = 32
/** How far ahead a transition may begin. One that is years away is a mistake, or bides its time. */
const MAX_AHEAD = 30 * 24 * 60 * 60_000

/**
 * The key transitions of a gateway's clients: what came (`transitions.json`), and what was decided (`decisions.json`). Both
 * keys signed each of them; whether that is enough is the operator's decision, because whoever had an unlocked token for a
 * minute could have made one as well.
 */
export class Rotations {
  private readonly folder: string
  private readonly policy: RotationPolicy
  private readonly clock: Clock
  private readonly log: Log
  private readonly came: StateList<Rotation>
  private readonly decided: StateList<RotationDecision>

  constructor(folder: string, policy: RotationPolicy, clock: Clock, log: Log) {
    this.folder = folder
    this.policy = policy
    this.clock = clock
    this.log = log
    this.came = rotationFile(folder)
    this.decided = decisionFile(folder)
  }

  list(): Promise<readonly Rotation[]> {
    return this.came.read()
  }

  decisions(): Promise<readonly RotationDecision[]> {
    return this.decided.read()
  }

  /**
   * A client delivered a document; its session proved that it has the key `from`.
   * @param isKnown whether a kid is that of another client: then two of them would become one
   * @throws CountersignError `signature-invalid`, `file-unreadable`, `file-permissions`
   */
  async receive(
    document: TransitionDocument,
    name: string,
    isKnown: (kid: string) => boolean,
  ): Promise<RotationStatus> {
    const { from, to, at } = await verifyTransition(document)
    const now = this.clock.now()
    const rotation: Rotation = { from: from.kid, to: to.kid, at, name, received: now }
    const known = await this.status(rotation)
    // One that waits may have lost its document, by a gateway that ended in between: the operator decides by it.
    if (known === 'pending') await keepTransition(this.folder, document)
    if (known !== undefined) return known
    if (this.policy.rotation === 'refuse' || isKnown(to.kid) || at > now + MAX_AHEAD) return this.refused(rotation)
    if (!(await this.remember(rotation))) return this.refused(rotation)
    await keepTransition(this.folder, document)
    if (this.policy.rotation === 'accept') {
      await this.decide(rotation, 'confirmed', 'policy')
      this.log.log('warn', 'a client rotated its key, and the policy accepted it', fieldsOf(rotation))
      return 'accepted'
    }
    this.log.log('warn', 'a client wants to rotate its key: see "countersign trust list"', fieldsOf(rotation))
    return 'pending'
  }

  /**
   * Writes down what was decided about a rotation. A later decision replaces an earlier one: refusing what was confirmed ends
   * the new key and gives the old one back.
   * @throws CountersignError `key-exists` where another key was confirmed in place of the same one, or for another client
   */
  async decide(
    { from, to, at }: Pick<Rotation, 'from' | 'to' | 'at'>,
    decision: RotationDecision['decision'],
    by: RotationDecision['by'],
  ): Promise<RotationDecision> {
    const decided = this.clock.now()
    // Until this decision the client could only come with its old key, however long ago it wanted to stop.
    const until = Math.max(at, decided) + this.policy.grace
    const made = { from, to, at, decision, by, decided, ...(decision === 'confirmed' && { until }) }
    await this.decided.change((all) => {
      const others = all.filter((one) => one.from !== from || one.to !== to)
      const taken = others.some((one) => one.decision === 'confirmed' && (one.from === from || one.to === to))
      if (decision === 'confirmed' && taken) {
        throw new CountersignError('key-exists', 'Another key was confirmed in its place: refuse that one first.')
      }
      return [...others, made]
    })
    return made
  }

  /** undefined for a rotation that was never seen. */
  private async status({ from, to }: Rotation): Promise<RotationStatus | undefined> {
    const decisions = await this.decisions()
    const own = decisions.find((one) => one.from === from && one.to === to)
    if (own !== undefined) return own.decision === 'confirmed' ? 'accepted' : 'refused'
    // A key has one successor.
    if (decisions.some((one) => one.decision === 'confirmed' && one.from === from)) return 'refused'
    // One that waits is asked about again where the policy has changed meanwhile.
    const waiting = (await this.list()).some((one) => one.from === from && one.to === to)
    return waiting && this.policy.rotation === 'confirm' ? 'pending' : undefined
  }

  /** False where there is no place for it. */
  private async remember(rotation: Rotation): Promise<boolean> {
    let kept = false
    const decisions = await this.decisions()
    const isOpen = (one: Rotation): boolean => !decisions.some(({ from, to }) => from === one.from && to === one.to)
    await this.came.change((all) => {
      kept = all.some(({ from, to }) => from === rotation.from && to === rotation.to)
      if (kept) return all
      const contested = all.filter((one) => one.from === rotation.from && isOpen(one)).length >= MAX_CONTESTED
      // A key that says of two others that it follows them would make one client of both.
      const claimed = all.some((one) => one.to === rotation.to)
      const first = firstOf(rotation.from, all)
      const long = all.filter((one) => firstOf(one.from, all) === first).length >= MAX_LINE
      kept = !contested && !claimed && !long && all.length < MAX_ROTATIONS
      return kept ? [...all, rotation] : all
    })
    return kept
  }

  private refused(rotation: Rotation): 'refused' {
    this.log.log('warn', 'a key transition of a client was refused', fieldsOf(rotation))
    return 'refused'
  }
}

/** The key with which the line of a key began, as far as the list says. A key follows one other at most. */
function firstOf(kid: string, all: readonly Rotation[]): string {
  let first = kid
  // So many steps and no more: a list that somebody wrote can go round in a circle.
  for (let step = 0; step < all.length; step += 1) {
    const before = all.find(({ to }) => to === first)
    if (before === undefined) return first
    first = before.from
  }
  return first
}

/** Words of both keys: what an operator compares with what the person reads out. */
function fieldsOf({ from, to, name }: Rotation): { from: string; to: string; name: string; words: string } {
  return { from: from.slice(0, 12), to: to.slice(0, 12), name, words: fingerprintWords({ kid: to }).join(' ') }
}

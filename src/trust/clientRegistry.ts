import { isWithin, type KeyWindow, narrowed, windowFrom } from '../evidence/keyWindow.ts'
import type { TransitionDocument } from '../evidence/transition.ts'
import type { Clock } from '../support/clock.ts'
import { CountersignError } from '../support/errors.ts'
import type { Log } from '../support/log.ts'
import { peerFile, type ProvenPeer, type RememberedPeer } from './peers.ts'
import { DEFAULT_ROTATION, type RotationDecision, Rotations, type RotationStatus } from './rotations.ts'
import type { StateList } from './stateList.ts'

export interface ListedClient {
  readonly kid: string
  readonly name: string
  /** Milliseconds since 1970: the first instant at which the key is no longer accepted. */
  readonly expires?: number | undefined
  /** Better than taking the entry away: who comes is told why, and nobody lists the key again by mistake. */
  readonly revoked?: boolean | undefined
}

/** `enroll` accepts who comes over loopback, once, and remembers it; a list accepts who is on it. */
export type ClientPolicy = 'enroll' | readonly ListedClient[]

/**
 * Which clients a gateway serves. It is asked after the client proved its key, never before. A key counts that an entry names,
 * or that follows such a key by transitions that were confirmed.
 */
export class ClientRegistry {
  private readonly policy: ClientPolicy
  private readonly file: StateList<RememberedPeer>
  private readonly clock: Clock
  private readonly log: Log
  private readonly rotations: Rotations

  /** @param folder of the gateway's state; made when first needed */
  constructor(folder: string, policy: ClientPolicy, clock: Clock, log: Log, rotation = DEFAULT_ROTATION) {
    this.policy = policy
    this.file = peerFile(folder, 'clients.json')
    this.clock = clock
    this.log = log
    this.rotations = new Rotations(folder, rotation, clock, log)
  }

  /** Who was enrolled. */
  list(): Promise<readonly RememberedPeer[]> {
    return this.file.read()
  }

  /**
   * @returns 'accept', or the window outside of which statements of the key are to be refused
   * @throws CountersignError `peer-unknown`, `peer-revoked`, `peer-expired`, `file-unreadable`, `file-permissions`, `limit`
   */
  async checkClient(
    peer: ProvenPeer,
    where: { readonly address: string; readonly loopback: boolean },
  ): Promise<'accept' | KeyWindow> {
    const served = await this.served(peer)
    if (served !== undefined) return served
    if (this.policy !== 'enroll') throw unknown(peer, 'It is not in the list of clients.')
    // Else whoever is refused as a successor would come in as a stranger.
    if ((await this.rotations.list()).some(({ to }) => to === peer.kid)) {
      throw unknown(peer, 'It is to follow another key, and that is not confirmed: see "countersign trust list".')
    }
    if (!where.loopback) throw unknown(peer, 'Clients are enrolled over loopback only.')
    await this.enroll(peer)
    return 'accept'
  }

  /** The same about a client whose session runs; nobody is enrolled. @throws as `checkClient` */
  async recheckClient(peer: ProvenPeer): Promise<'accept' | KeyWindow> {
    const served = await this.served(peer)
    if (served === undefined) throw unknown(peer, 'It was taken out of the list of clients.')
    return served
  }

  /** A client says which key follows its own. @throws CountersignError `signature-invalid`, `file-unreadable` */
  async receiveTransition(document: TransitionDocument, peer: ProvenPeer): Promise<RotationStatus> {
    const [entries, decisions] = await this.read()
    const named = [
      ...entries.map(({ kid }) => kid),
      ...decisions.filter(isConfirmed).flatMap(({ from, to }) => [from, to]),
    ]
    return await this.rotations.receive(document, peer.name, (kid) => named.includes(kid))
  }

  private async read(): Promise<readonly [readonly ListedClient[], readonly RotationDecision[]]> {
    // With a list the file is not looked at: who was enrolled yesterday is not listed today.
    const entries = this.policy === 'enroll' ? await this.file.read() : this.policy
    return [entries, await this.rotations.decisions()]
  }

  private async served(peer: ProvenPeer): Promise<'accept' | KeyWindow | undefined> {
    const [entries, decisions] = await this.read()
    return this.windowIn(peer, entries, decisions)
  }

  /** undefined where neither the key nor one before it is named by an entry. @throws where an entry or a decision ends it */
  private windowIn(
    { kid }: ProvenPeer,
    entries: readonly ListedClient[],
    decisions: readonly RotationDecision[],
  ): 'accept' | KeyWindow | undefined {
    const line = lineOf(kid, entries, decisions)
    if (line === undefined) return undefined
    // The entry may name a key from before: what ends the client ends all keys that stand for it.
    this.checkEntries(
      kid,
      entries.filter((entry) => entry.kid === line.root),
    )
    const now = this.clock.now()
    const { from, until } = line.window
    if (from !== undefined && now < from) {
      throw unknown({ kid }, 'Its time has not begun: the transition to it says from when on.')
    }
    if (until !== undefined && now >= until) {
      throw new CountersignError(
        'peer-expired',
        `The key of the client ${kid} was replaced at this gateway by another one.`,
      )
    }
    const expires = entries.filter((entry) => entry.kid === line.root).flatMap((entry) => entry.expires ?? [])
    const window = narrowed(line.window, windowFrom(undefined, expires.length === 0 ? undefined : Math.min(...expires)))
    return window.from === undefined && window.until === undefined ? 'accept' : window
  }

  /** Of several entries for one key, one that ends it is enough. */
  private checkEntries(kid: string, entries: readonly ListedClient[]): void {
    if (entries.some(({ revoked }) => revoked === true)) {
      throw new CountersignError('peer-revoked', `The key of the client ${kid} was revoked at this gateway.`)
    }
    const now = this.clock.now()
    if (entries.some(({ expires }) => expires !== undefined && !isWithin({ until: expires }, now))) {
      throw new CountersignError('peer-expired', `The time of the client ${kid} at this gateway is over.`)
    }
  }

  private async enroll(peer: ProvenPeer): Promise<void> {
    const { kid, name } = peer
    const since = new Date(this.clock.now()).toISOString()
    // Decisions are about keys that were enrolled before: none can be about this one.
    await this.file.change((peers) =>
      this.windowIn(peer, peers, []) === undefined ? [...peers, { kid, name, since }] : peers,
    )
    const fields = { kid: shortKid(kid), name }
    this.log.log('warn', 'a client was enrolled because it came over loopback; list its kid to stop this', fields)
  }
}

interface Line {
  /** The kid that entries name. */
  readonly root: string
  readonly window: KeyWindow
}

/**
 * From a key back to the one that an entry names. An entry for the key itself needs nothing before it.
 * @returns undefined where no entry is reached
 */
function lineOf(
  kid: string,
  entries: readonly ListedClient[],
  decisions: readonly RotationDecision[],
): Line | undefined {
  const confirmed = decisions.filter(isConfirmed)
  const until = confirmed.find(({ from }) => from === kid)?.until
  const from = confirmed.find(({ to }) => to === kid)?.at
  let root = kid
  // A chain of decisions is at most as long as their list: one that goes in a circle ends as well.
  for (const _ of [undefined, ...confirmed]) {
    if (entries.some((entry) => entry.kid === root)) {
      return { root, window: windowFrom(root === kid ? undefined : from, until) }
    }
    const before = confirmed.find(({ to }) => to === root)
    if (before === undefined) return undefined
    root = before.from
  }
  return undefined
}

function isConfirmed({ decision }: RotationDecision): boolean {
  return decision === 'confirmed'
}

function unknown({ kid }: Pick<ProvenPeer, 'kid'>, why: string): CountersignError {
  return new CountersignError('peer-unknown', `The client ${kid} is not known to this gateway. ${why}`)
}

/** Enough to recognise a key in a log line. */
function shortKid(kid: string): string {
  return kid.slice(0, 12)
}

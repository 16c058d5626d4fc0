import { expect } from 'vitest'
import { CountersignError } from '../../src/support/errors.ts'
import type { SuiteName } from '../../src/crypto/suite.ts'
import type { EvidenceEntry } from '../../src/evidence/types.ts'
import { REKEY_POLICY } from '../../src/session/rekey/epochUse.ts'
import type { SessionPorts } from '../../src/session/ports.ts'
import type { MemoryCarrier } from './memoryCarrier.ts'
import { Network } from './network.ts'
import { Party } from './party.ts'
import { Line, type Plan, Work } from './worldCalls.ts'

export type Who = 'client' | 'gateway'
/** Who notices that a connection is gone. */
export type Noticing = Who | 'both'
/** What becomes of the last frame that the network takes: it arrives, it does not, or it does so many milliseconds later. */
export type Fate = 'arrives' | 'lost' | 'late'

export type Step =
  | { readonly do: 'call'; readonly plan: Omit<Plan, 'id'> }
  | { readonly do: 'cancel'; readonly back: number }
  | { readonly do: 'turns'; readonly count: number }
  | { readonly do: 'pause'; readonly ms: number }
  | { readonly do: 'cut'; readonly noticing: Noticing }
  /** The next frame of this type of the connection there is. */
  | {
      readonly do: 'last'
      readonly from: Who
      readonly type: number
      readonly fate: Fate
      readonly noticing: Noticing
    }
  /** The frame of this number of the connection that comes next, and a cut of the one there is. */
  | {
      readonly do: 'handshake'
      readonly from: Who
      readonly frame: number
      readonly fate: Fate
      readonly noticing: Noticing
    }
  | { readonly do: 'network'; readonly up: boolean }
  | { readonly do: 'restart' }
  | { readonly do: 'signer'; readonly of: Who; readonly fails: number; readonly slow: number; readonly times: number }
  | { readonly do: 'journal'; readonly of: Who; readonly slow: number; readonly times: number }
  | { readonly do: 'consumer'; readonly of: Who; readonly slow: number; readonly times: number }
  | { readonly do: 'epochs'; readonly contexts: number }
  | { readonly do: 'close'; readonly by: Who }

const SUITES: readonly SuiteName[] = ['MLKEM768_X25519_MLDSA65_AES256GCM_SHA384']
const LATE = 30

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))
const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))

/** Something that is slow or fails for so many times, and then is well again. */
class Trouble {
  private fails = 0
  private slow = 0
  private times = 0

  set(slow: number, times: number, fails = 0): void {
    Object.assign(this, { slow, times, fails })
  }

  /** @throws while it fails */
  async pass(): Promise<void> {
    if (this.times > 0) {
      this.times -= 1
      await sleep(this.slow)
    }
    if (this.fails === 0) return
    this.fails -= 1
    throw new CountersignError('signer-unavailable', 'The token is gone.')
  }
}

/** One end with everything that can go wrong at it. */
export class End {
  readonly party: Party
  readonly signing = new Trouble()
  readonly journalling = new Trouble()
  readonly consuming = new Trouble()
  /** Signatures that were refused so far. */
  refusals = 0
  private tail: Promise<void> = Promise.resolve()

  constructor(party: Party) {
    this.party = party
    party.signer.before = async () => {
      try {
        await this.signing.pass()
      } catch (error) {
        this.refusals += 1
        throw error
      }
    }
  }

  /** A journal keeps the order in which it was told, however slow it is. */
  get sink(): SessionPorts['sink'] {
    return {
      append: (entry: EvidenceEntry) => {
        this.tail = this.tail.then(() => this.journalling.pass()).then(() => this.party.ports.sink.append(entry))
        return this.tail
      },
    }
  }

  heal(): void {
    for (const trouble of [this.signing, this.journalling, this.consuming]) trouble.set(0, 0)
  }
}

/** A client, a gateway, and a network between them to which anything may happen. */
export class World {
  readonly client: End
  readonly host: End
  readonly network: Network
  readonly work = new Work()
  readonly lines: Line[] = []
  private readonly policy = { ...REKEY_POLICY, spacing: 0, contexts: 8 }
  /** Connections of which only one end knows that they are gone. */
  private readonly halves = new Set<readonly [MemoryCarrier, MemoryCarrier]>()
  private armed: ((pair: readonly [MemoryCarrier, MemoryCarrier]) => void) | undefined
  private readonly asked: Promise<void>[] = []
  private nextId = 1
  private settling = false

  private constructor(client: Party, host: Party) {
    this.client = new End(client)
    this.host = new End(host)
    this.work.taking = () => this.host.consuming.pass()
    this.network = new Network(host, { suites: SUITES, sink: this.host.sink, rekey: { ...REKEY_POLICY, spacing: 0 } })
    this.network.onSession = this.work.serve
    this.network.onCarrier = (pair) => {
      this.armed?.(pair)
      this.armed = undefined
    }
  }

  static async create(): Promise<World> {
    const parties = [Party.create(1, 'client', 'ML-DSA-65'), Party.create(2, 'host', 'ML-DSA-65')] as const
    const world = new World(...(await Promise.all(parties)))
    await world.line()
    return world
  }

  /** The session that there is, or a new one; undefined where none can be had. */
  async line(): Promise<Line | undefined> {
    const last = this.lines.at(-1)
    if (last?.over === false || !this.network.up) return last
    this.armed = undefined
    const { sink } = this.client
    const changes = { suites: SUITES, sink, rekey: this.policy, random: () => -0.98 }
    const session = await this.network.connect(this.client.party, changes).catch(() => undefined)
    if (session === undefined) return undefined
    const line = new Line(session)
    line.taking = () => this.client.consuming.pass()
    this.lines.push(line)
    return line
  }

  async call(plan: Omit<Plan, 'id'>): Promise<void> {
    const line = await this.line()
    if (line === undefined) return
    this.asked.push(line.call({ ...plan, id: `${this.nextId++}` }))
  }

  async take(step: Step): Promise<void> {
    switch (step.do) {
      case 'call':
        return await this.call(step.plan)
      case 'cancel': {
        const line = this.lines.at(-1)
        const call = line?.calls.at(-1 - step.back)
        return call === undefined ? undefined : line?.cancel(call)
      }
      case 'turns':
        for (let count = 0; count < step.count; count++) await turn()
        return
      case 'pause':
        return await sleep(step.ms)
      case 'cut':
        return this.break(this.network.carriers.at(-1), step.noticing)
      case 'last': {
        const pair = this.network.carriers.at(-1)
        return pair && this.lastFrame(pair, step, (frame) => frame[0] === step.type)
      }
      case 'handshake':
        this.armed = (pair) => this.lastFrame(pair, step, (_, number) => number === step.frame)
        return this.break(this.network.carriers.at(-1), 'both')
      case 'network':
        this.network.up = step.up
        return
      case 'restart':
        for (const line of this.lines) line.restarted = true
        return this.network.restart()
      case 'signer':
        return this.end(step.of).signing.set(step.slow, step.times, step.fails)
      case 'journal':
        return this.end(step.of).journalling.set(step.slow, step.times)
      case 'consumer':
        return this.end(step.of).consuming.set(step.slow, step.times)
      case 'epochs':
        this.policy.contexts = step.contexts
        return
      case 'close':
        return this.close(step.by)
    }
  }

  /** Nothing goes wrong any more: everything that was asked has its outcome when this resolves. */
  async settle(): Promise<void> {
    this.settling = true
    this.armed = undefined
    this.network.up = true
    for (const end of [this.client, this.host]) end.heal()
    for (const pair of this.halves) this.break(pair, 'both')
    await Promise.all(this.asked)
    const ending = this.lines.filter(({ restarted, closed }) => restarted || closed)
    await Promise.all(ending.map(({ session }) => session.closed))
    await Promise.all(this.lines.flatMap(({ calls }) => calls.map(({ settled }) => settled)))
  }

  /** A call when nothing goes wrong any more. */
  async probe(bytes: number): Promise<void> {
    await this.call({ request: bytes, answer: bytes, events: 0, work: 0 })
    const call = this.lines.at(-1)?.calls.at(-1)
    await call?.settled
    expect(call?.outcomes).toEqual(['answered'])
  }

  private end(who: Who): End {
    return who === 'client' ? this.client : this.host
  }

  private close(by: Who): void {
    const line = this.lines.at(-1)
    if (line === undefined || line.over) return
    line.closed = true
    const session = by === 'client' ? line.session : this.network.sessions.find(({ sid }) => sid === line.session.sid)
    void session?.close()
  }

  private break(pair: readonly [MemoryCarrier, MemoryCarrier] | undefined, noticing: Noticing): void {
    if (pair === undefined) return
    // What was set going before and comes about now must not leave an end waiting for its heartbeat.
    if (this.settling && noticing !== 'both') return this.break(pair, 'both')
    if (noticing === 'both') this.halves.delete(pair)
    else this.halves.add(pair)
    if (noticing !== 'gateway') pair[0].break()
    if (noticing !== 'client') pair[1].break()
  }

  private lastFrame(
    pair: readonly [MemoryCarrier, MemoryCarrier],
    { from, fate, noticing }: { readonly from: Who; readonly fate: Fate; readonly noticing: Noticing },
    is: (frame: Uint8Array, number: number) => boolean,
  ): void {
    const [own, other] = from === 'client' ? pair : ([pair[1], pair[0]] as const)
    const before = own.tamper
    let done = false
    own.tamper = (frame, number) => {
      // A network that lost one frame must not carry the next: that would be an attack, and ends the session.
      if (done || before(frame, number).length === 0) return []
      if (this.settling || !is(frame, number)) return [frame]
      done = true
      // Two turns, because a frame takes one: "arrives" must not be lost to the cut behind it.
      setImmediate(() => setImmediate(() => this.break(pair, noticing)))
      if (fate === 'late') setTimeout(() => other.arrive(frame), LATE)
      return fate === 'arrives' ? [frame] : []
    }
  }
}

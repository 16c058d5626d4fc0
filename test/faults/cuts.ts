import { setTimeout as sleep } from 'node:timers/promises'
import { toCountersignError } from '../../src/support/errors.ts'
import type { ByteRelay, Fault } from '../fakes/byteRelay.ts'
import { bounded } from '../fakes/chainProcess.ts'
import type { Way } from '../fakes/chainRelay.ts'
import { Party } from '../fakes/party.ts'
import { type Counts, found } from './counts.ts'
import { answerTo, callThrough, type Client, forget, type Stand } from './stand.ts'

/** Bytes of each way that have passed when the session began, and when its first call was answered and acknowledged. */
export interface Sizes {
  readonly handshake: { readonly [way in Way]: number }
  readonly call: { readonly [way in Way]: number }
}

/**
 * `first`: the first connection of a session is cut, with handshake and call. `resume`: the connection that a session is
 * resumed on.
 */
export interface CutRun {
  readonly phase: 'first' | 'resume'
  readonly way: Way
  /** After how many bytes of a handshake. */
  readonly handshakes: readonly number[]
  /** After how many bytes of a connection, in the call behind the handshake. */
  readonly calls: readonly number[]
  /** Sessions at once. */
  readonly slots: number
}

/** What a handshake may end with that somebody on the way has cut: a network's failure, and nothing that blames an end. */
const CLEAR: readonly string[] = ['gateway-unreachable', 'session-closed']
/** Longest wait for the answer of one call. */
const PATIENCE = 60_000
/** For acknowledgements, which leave 100 ms after what they acknowledge. */
const QUIET = 400
/** Attempts to resume one session that are cut one after the other: longer pauses follow each, and the call waits. */
const IN_A_ROW = 3

/** Sessions that are cut, and cut again, over relays of their own. */
export class Cuts {
  private readonly stand: Stand
  private readonly counts: Counts
  /** All of the same length, or the offsets would mean other bytes for other calls. */
  private id = 10_000_000

  constructor(stand: Stand, counts: Counts) {
    this.stand = stand
    this.counts = counts
  }

  /** A session that nobody cuts. */
  async measure(phase: CutRun['phase']): Promise<Sizes> {
    const party = await Party.create(250, 'measure')
    const relay = await this.stand.relay()
    const client = await this.stand.connect(party, relay)
    if (phase === 'resume') {
      await this.call(client, 'measuring')
      await sleep(QUIET)
      relay.last.cut()
      while (!party.connections.some(({ kind }) => kind === 'resumed')) await sleep(1)
    }
    const handshake = { ...relay.last.passed }
    await this.call(client, 'measuring')
    await sleep(QUIET)
    const call = { ...relay.last.passed }
    await client.session.close()
    await relay.close()
    return { handshake, call }
  }

  async run({ phase, way, handshakes, calls, slots }: CutRun): Promise<void> {
    const [inHandshake, inCall] = [handshakes.values(), calls.values()]
    const cut = (offset: IteratorResult<number, undefined>): Fault | undefined =>
      offset.done === true ? undefined : { way, at: offset.value, how: offset.value % 2 === 0 ? 'end' : 'reset' }
    const slot = async (number: number): Promise<void> => {
      // A client of its own: a gateway keeps 16 lost sessions of each, and these leave some behind.
      const party = await Party.create(10 + number, `client ${number}`)
      const relay = await this.stand.relay()
      let client: Client | undefined
      for (;;) {
        const faults = [cut(inHandshake.next())]
        if (phase === 'resume') while (faults.length < IN_A_ROW) faults.push(cut(inHandshake.next()))
        const call = cut(inCall.next())
        if (call === undefined && faults.every((fault) => fault === undefined)) break
        const some = faults.filter((fault) => fault !== undefined)
        if (phase === 'first') await this.cutFirst(party, relay, some[0], call)
        else client = await this.cutResume(party, relay, [...some, ...(call === undefined ? [] : [call])], client)
        for (const { error } of party.rejections.splice(0)) found(this.counts, 'wrong', `${error.code} at a client`)
        forget(party)
        forget(this.stand.host)
      }
      await client?.session.close()
      await relay.close()
    }
    await Promise.all(Array.from({ length: slots }, (_, number) => slot(number)))
    for (const { error } of this.stand.host.rejections.splice(0)) {
      found(this.counts, 'wrong', `${error.code} at the gateway`)
    }
    for (const [id, times] of this.stand.executions) {
      if (times > 1) found(this.counts, 'repeated', `${id} was carried out ${times} times`)
    }
    this.stand.executions.clear()
  }

  /** A handshake that is cut, the next connection that works, and a call over it, in the middle of which that is cut. */
  private async cutFirst(
    party: Party,
    relay: ByteRelay,
    first: Fault | undefined,
    second: Fault | undefined,
  ): Promise<void> {
    const where = [first, second].map(nameOf).join(', then ')
    const fired = relay.fired
    if (first !== undefined) relay.faults.push(first)
    let client: Client | undefined
    try {
      client = await bounded(this.stand.connect(party, relay), PATIENCE, where)
    } catch (thrown) {
      const { code, message } = toCountersignError(thrown)
      if (relay.fired === fired || !CLEAR.includes(code)) found(this.counts, 'wrong', `${where}: ${code} ${message}`)
    }
    if (first !== undefined) await this.happen(relay, fired, 1)
    if (second !== undefined) relay.faults.push(second)
    // What lies in the last bytes of a handshake may be lost after it: then the session is there, and goes on.
    if (client !== undefined && second !== undefined) relay.last.cut()
    try {
      client ??= await bounded(this.stand.connect(party, relay), PATIENCE, where)
    } catch (thrown) {
      const { code, message } = toCountersignError(thrown)
      return found(this.counts, 'lost', `${where}: the connection behind it: ${code} ${message}`)
    }
    const middle = relay.fired
    await this.call(client, where)
    if (second !== undefined) await this.happen(relay, middle, 1)
    // Lost and then closed, it costs nobody a signature.
    const lost = party.connections.length
    relay.last.cut('reset')
    const deadline = Date.now() + QUIET
    while (party.connections.length === lost && Date.now() < deadline) await sleep(1)
    await client.session.close()
  }

  private async cutResume(
    party: Party,
    relay: ByteRelay,
    faults: readonly Fault[],
    open: Client | undefined,
  ): Promise<Client> {
    const where = `resume ${faults.map(nameOf).join(', ')}`
    const client = open ?? (await this.stand.connect(party, relay))
    const fired = relay.fired
    relay.faults.push(...faults)
    relay.last.cut(faults[0]?.how === 'reset' ? 'reset' : 'end')
    await this.call(client, where)
    await this.happen(relay, fired, faults.length)
    return client
  }

  /** Waits for what lies behind the answer. */
  private async happen(relay: ByteRelay, before: number, expected: number): Promise<void> {
    const deadline = Date.now() + QUIET
    while (relay.fired < before + expected && Date.now() < deadline) await sleep(2)
    const happened = relay.fired - before
    this.counts.cuts += happened
    this.counts.missed += expected - happened
    relay.faults.length = 0
  }

  private async call(client: Client, where: string): Promise<void> {
    const id = this.id++
    this.counts.calls += 1
    try {
      const answer = await bounded(callThrough(client, id), PATIENCE, where)
      if (answer !== answerTo(id)) found(this.counts, 'wrong', `${where}: ${answer}`)
    } catch (thrown) {
      const { code, message } = toCountersignError(thrown)
      found(this.counts, 'lost', `${where}: ${code} ${message}`)
    }
    const times = this.stand.executions.get(String(id)) ?? 0
    if (times === 0) found(this.counts, 'lost', `${where}: not carried out`)
  }
}

function nameOf(fault: Fault | undefined): string {
  return fault === undefined ? 'nothing' : `${fault.way} ${fault.at} ${fault.how}`
}

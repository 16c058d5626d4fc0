import { expect } from 'vitest'
import { parseStatement } from '../../src/evidence/statement.ts'
import type { Statement } from '../../src/evidence/types.ts'
import type { ErrorCode } from '../../src/support/errors.ts'
import type { Party } from './party.ts'
import type { World } from './world.ts'
import type { Call, Line } from './worldCalls.ts'

/** Codes that promise that the server never saw the request. */
const NOTHING_SENT: readonly string[] = [
  'signer-unavailable',
  'session-closed',
  'session-lost',
  'gateway-unreachable',
  'limit',
  'cancelled',
] satisfies ErrorCode[]

/** What every run must leave behind, whatever happened in it. The world has settled. */
export async function checkWorld(world: World): Promise<void> {
  for (const line of world.lines) for (const call of line.calls) checkCall(world, line, call)
  for (const { party } of [world.client, world.host]) {
    expect(party.rejections).toEqual([])
    expect(party.lines.filter((text) => text.startsWith('error'))).toEqual([])
  }
  const live = world.lines.at(-1)
  for (const line of world.lines) if (line !== live || line.over) checkPrefixes(world, line)
  if (live !== undefined && !live.over) await checkLive(world, live)
  checkEpochs(world)
}

function checkCall({ work, host }: World, { restarted, closed }: Line, { plan, outcomes, abort }: Call): void {
  const executed = work.executed.get(plan.id) ?? 0
  const [outcome = 'none'] = outcomes
  const told = `call ${plan.id}: ${outcomes.join(', ')}; executed ${executed} times`
  expect(outcomes, told).toHaveLength(1)
  expect(executed, told).toBeLessThanOrEqual(1)
  if (outcome === 'answered') expect(executed, told).toBe(1)
  else if (outcome === 'outcome-unknown') expect(restarted || closed, told).toBe(true)
  // `complete`: an event was not signed and the end behind it was; whoever counts the events sees that.
  else if (/^not answered: (broken|complete)$/.test(outcome)) expect(host.refusals, told).toBeGreaterThan(1)
  else if (outcome === 'not answered: cancelled') expect(abort.signal.aborted, told).toBe(true)
  else {
    expect(NOTHING_SENT, told).toContain(outcome)
    expect(executed, told).toBe(0)
    if (outcome === 'cancelled') expect(abort.signal.aborted, told).toBe(true)
    if (outcome === 'session-lost') expect(restarted || closed, told).toBe(true)
    if (outcome === 'session-closed') expect(closed || restarted, told).toBe(true)
  }
}

/** The live session is whole: what one end sent the other received, nothing is kept that nobody waits for, and it ends well. */
async function checkLive(world: World, line: Line): Promise<void> {
  const { sid } = line.session
  const gateway = world.network.sessions.find((session) => session.sid === sid)
  expect(gateway).toBeDefined()
  for (const session of [line.session, gateway]) await expect.poll(() => leftovers(session), PATIENT).toEqual({})
  line.closed = true
  await Promise.all([line.session.close(), gateway?.close()])
  expect(await line.session.closed).toBeUndefined()
  expect(await gateway?.closed).toBeUndefined()
  for (const [from, to] of directions(world)) {
    const sent = chain(from, sid, 'sent')
    expect(chain(to, sid, 'received')).toEqual(sent)
    expect(sent.at(-1)?.kind).toBe('close')
  }
}

/** A session that did not end well: what was received was sent before, in that order. */
function checkPrefixes(world: World, { session: { sid } }: Line): void {
  for (const [from, to] of directions(world)) {
    const received = chain(to, sid, 'received')
    expect(received).toEqual(chain(from, sid, 'sent').slice(0, received.length))
  }
}

function directions({ client, host }: World): readonly (readonly [Party, Party])[] {
  return [
    [client.party, host.party],
    [host.party, client.party],
  ]
}

/** The statements of one direction in the order of the journal, which must be that of their sequence. */
function chain({ journal }: Party, sid: string, how: 'sent' | 'received'): Statement[] {
  const statements = journal
    .filter((entry) => entry.how === how)
    .map(({ statement }) => parseStatement(statement))
    .filter((statement) => statement.sid === sid)
  expect(statements.map(({ seq }) => seq)).toEqual(statements.map((_, index) => index))
  return statements
}

/** Epochs count from 1 on each connection, at both ends; the gateway may be in one more, whose EpochStart was lost. */
function checkEpochs({ client, host }: World): void {
  for (const conn of new Set([...client.party.epochs, ...host.party.epochs].map((report) => report.conn))) {
    const [own, theirs] = [client, host].map(({ party }) =>
      party.epochs.filter((report) => report.conn === conn).map(({ epoch }) => epoch),
    )
    expect(own).toEqual(own?.map((_, index) => index + 1))
    expect(theirs).toEqual(theirs?.map((_, index) => index + 1))
    const ahead = (theirs?.length ?? 0) - (own?.length ?? 0)
    expect(ahead === 0 || ahead === 1).toBe(true)
  }
}

const PATIENT = { timeout: 3000, interval: 10 }

/** What is not zero. Looks behind the interface on purpose: a leak of credit or memory shows outside only after gigabytes. */
function leftovers(session: unknown): Record<string, number> {
  const contexts = at(session, 'contexts')
  const credits = at(contexts, 'sending', 'credits')
  const debts = at(contexts, 'returns', 'credits')
  const sender = at(contexts, 'sender')
  const counts = {
    sessionCreditTaken: number(credits, 'session', 'limit') - number(credits, 'session', 'left'),
    exchangesWithCreditTaken: number(credits, 'exchanges', 'size'),
    sessionCreditOwed: number(debts, 'session', 'charged'),
    exchangesWithCreditOwed: number(debts, 'exchanges', 'size'),
    carrierTaken: number(contexts, 'sending', 'carrier', 'limit') - number(contexts, 'sending', 'carrier', 'left'),
    unacknowledged: number(sender, 'unacknowledged', 'limit') - number(sender, 'unacknowledged', 'left'),
    settling: number(sender, 'settling', 'size'),
    tails: number(sender, 'tails', 'size') + number(contexts, 'delivery', 'tails', 'size'),
    closedInBatches: number(sender, 'closed'),
    kept:
      number(sender, 'options', 'outbox', 'kept', 'length') + number(sender, 'options', 'outbox', 'waiting', 'length'),
    left: number(sender, 'options', 'outbox', 'left'),
    bodies: number(contexts, 'receiver', 'reassembly', 'transfers', 'size'),
    batches: number(contexts, 'receiver', 'queue', 'length'),
    resending: number(contexts, 'receiver', 'resending'),
    openExchanges: number(contexts, 'exchanges', 'open', 'size') + number(contexts, 'exchanges', 'questions', 'size'),
    waitingForStandstill: number(sender, 'stillers', 'length') + number(sender, 'idlers', 'length'),
    resumption: number(session, 'resumption', 'kept', 'length'),
  }
  return Object.fromEntries(Object.entries(counts).filter(([, count]) => count !== 0))
}

function at(from: unknown, ...path: readonly string[]): unknown {
  return path.reduce((value: unknown, name) => {
    if (typeof value !== 'object' || value === null) throw new Error(`There is no ${name} to look at.`)
    return Reflect.get(value, name)
  }, from)
}

function number(from: unknown, ...path: readonly string[]): number {
  const value = at(from, ...path)
  if (typeof value !== 'number') throw new Error(`${path.join('.')} is no number.`)
  return value
}

import { encodeBase64url, encodeUtf8 } from '../../crypto/encoding.ts'
import { sha384 } from '../../crypto/hash.ts'
import type { HandshakeLine } from '../bundle/format.ts'
import type { DirectionReport, Finding, SessionReport } from './finding.ts'
import { History, OfflineSession } from './session.ts'

/** How many sessions are held against later files; the oldest is settled when there are more. */
const MOST = 16_384
/** How many missing ranges a note names. */
const NAMED = 3

const CONN_LABEL = encodeUtf8('cs1 conn')

/** The sessions that the files tell of, in bounded memory. */
export class OfflineSessions {
  private readonly sessions = new Map<string, OfflineSession>()
  private readonly history = new History()
  private settledCount = 0

  /** How many had a statement that was verified. */
  get count(): number {
    return this.settledCount + [...this.sessions.values()].filter(wasRead).length
  }

  get(sid: string): OfflineSession {
    return this.sessions.get(sid) ?? new OfflineSession(sid, this.history)
  }

  /** From now on it is part of what is known. */
  keep(session: OfflineSession): void {
    this.sessions.set(session.sid, session)
  }

  /**
   * A digest of a handshake's transcript.
   * @returns false where it does not belong to the connection that it names
   */
  handshake({ sid, conn, transcript }: Pick<HandshakeLine, 'sid' | 'conn' | 'transcript'>): boolean {
    if (encodeBase64url(sha384(CONN_LABEL, Buffer.from(transcript, 'base64url'))) !== conn) return false
    const session = this.get(sid)
    session.handshakes++
    if (conn === sid) session.bound = true
    this.keep(session)
    return true
  }

  /** What is said of those that are too many to be kept. */
  *crowded(): Generator<Finding> {
    for (const session of this.sessions.values()) {
      if (this.sessions.size <= MOST) return
      yield* this.settle(session)
    }
  }

  /** The end of a file: what of it could not be held against what another file says. */
  *ended(file: string, number: number): Generator<Finding> {
    for (const { sid, chains } of this.sessions.values()) {
      for (const [dir, chain] of Object.entries(chains)) {
        if (!chain.isUncompared(number)) continue
        const note = `the end of session ${sid} ${dir} is too far back to be held against what another file says of it`
        yield { file, line: 0, state: 'incomplete', notes: [note] }
      }
    }
  }

  /** What is said of all of them, when nothing more is read. */
  *finish(): Generator<Finding> {
    for (const session of this.sessions.values()) yield* this.settle(session)
  }

  private *settle(session: OfflineSession): Generator<Finding> {
    this.sessions.delete(session.sid)
    if (!wasRead(session)) return
    this.settledCount++
    const report = reportOf(session)
    const notes = faultsOf(report, session.unread)
    yield { file: '', line: 0, state: notes.length > 0 ? 'incomplete' : 'holds', notes, session: report }
  }
}

function wasRead({ chains }: OfflineSession): boolean {
  return chains.c2s.read.count > 0 || chains.s2c.read.count > 0
}

function reportOf({ sid, chains, signers, handshakes, bound }: OfflineSession): SessionReport {
  const directions = (['c2s', 's2c'] as const).map((dir): DirectionReport => {
    const { read, end, acknowledged } = chains[dir]
    const kid = signers[dir]
    const { count: statements, missing } = read
    const receipts = { acknowledged, unacknowledged: read.countFrom(acknowledged) }
    return { dir, ...(kid !== undefined && { kid }), statements, missing, closed: end !== undefined, ...receipts }
  })
  return { sid, directions, handshakes, bound }
}

/** What is missing from a session. That nothing is, only the `close` of each direction can show. */
function faultsOf({ directions }: SessionReport, unread: number): readonly string[] {
  const gaps = directions.flatMap(({ dir, missing }) =>
    missing.length === 0 ? [] : [`${dir} lacks ${listed(missing)}`],
  )
  const open = directions
    .filter(({ closed }) => !closed)
    .map(({ dir }) => `no close statement ${dir}: statements may be missing at the end of this direction`)
  const acks = unread === 0 ? [] : [`${unread} acknowledgements are of statements that are not in these files`]
  return [...gaps, ...open, ...acks]
}

function listed(missing: DirectionReport['missing']): string {
  const count = missing.reduce((sum, { from, to }) => sum + to - from, 0)
  const names = missing.slice(0, NAMED).map(({ from, to }) => (to - from === 1 ? `${from}` : `${from}–${to - 1}`))
  const more = missing.length > NAMED ? ' and more' : ''
  return `${count} ${count === 1 ? 'statement' : 'statements'}: ${names.join(', ')}${more}`
}

import { JournalHistory } from './journal/history.ts'
import { type JournalItem, readJournal } from './journal/reader.ts'
import { isWithin } from './keyWindow.ts'
import type { TrustedWindow } from './trustedKeys.ts'
import { type FilePosition, OfflineSession } from './offlineSession.ts'
import type { EvidenceEntry, Statement } from './types.ts'
import type { Check, Missing, Verdict } from './verdict.ts'
import { EvidenceVerifier } from './verifier.ts'

/** 'holds': everything that was asked. 'incomplete': nothing is false, but something could not be compared. */
export type FindingState = 'holds' | 'false' | 'incomplete'

/** A verdict on one line of a file, or on a file as a whole. */
export interface Finding {
  readonly file: string
  /** From 1; 0 for what concerns no single line. */
  readonly line: number
  readonly state: FindingState
  /** Why it is false, or what could not be compared. */
  readonly notes: readonly string[]
  /** For records: what was signed, as far as it could be read, and by whom. */
  readonly record?: {
    readonly how: EvidenceEntry['how']
    readonly kid: string
    readonly custody?: string
    readonly digest?: string
    readonly statement?: Statement
    readonly checks: readonly Check[]
  }
}

export interface Summary {
  readonly files: number
  readonly sessions: number
  readonly records: number
  readonly holds: number
  readonly false: number
  readonly incomplete: number
  /**
   * 0 all holds, 1 something is false, 2 incomplete: also without a trusted key, for a session without the `close`
   * statement of each direction, and when there was nothing to verify.
   */
  readonly exitCode: 0 | 1 | 2
}

type VerifiableItem = Exclude<JournalItem, { kind: 'handshake' }>

const DIGEST_ONLY = 'only the digest of the context was kept'
const UNTRUSTED = 'its signer was compared with nothing'

/**
 * Verifies files that came from anywhere. It recomputes everything and believes no verdict that a file carries; what one
 * file says of a session is held against what the others say.
 */
export class OfflineVerifier {
  private readonly trusted: ReadonlyMap<string, TrustedWindow> | undefined
  private readonly verifier = new EvidenceVerifier()
  private readonly sessions = new Map<string, OfflineSession>()
  private readonly history = new JournalHistory()
  private readonly counts = { files: 0, records: 0, holds: 0, false: 0, incomplete: 0 }

  /** @param trusted keys by kid, with their windows; undefined compares signers with nothing, and every finding says so */
  constructor(trusted?: ReadonlyMap<string, TrustedWindow>) {
    this.trusted = trusted
  }

  /** One finding a record, and one for each problem of the file, as it is read. */
  async *verifyFile(file: string, input: AsyncIterable<Uint8Array>): AsyncGenerator<Finding> {
    this.counts.files++
    const positions = new Map<string, FilePosition>()
    try {
      for await (const item of readJournal(input, this.history.file(file))) {
        if (item.kind !== 'handshake') yield this.counted(await this.verifyItem(file, item, positions))
      }
    } catch (thrown) {
      if (!isReadError(thrown)) throw thrown
      yield this.counted({ file, line: 0, state: 'incomplete', notes: [`the file could not be read (${thrown.code})`] })
    }
  }

  /** What can only be said when all files were read. */
  *finish(): Generator<Finding> {
    for (const { file, line, kind, detail } of this.history.finish()) {
      yield this.counted({ file, line, state: stateOf(kind), notes: [detail] })
    }
    for (const [sid, session] of this.sessions) {
      let open = 0
      for (const { where, agrees } of session.late()) {
        if (agrees === undefined) open++
        if (agrees !== false) continue
        const notes = ['A statement acknowledges something else than was sent.']
        yield this.counted({ ...placeOf(where), state: 'false', notes })
      }
      const notes = [`${open} acknowledgements are of statements that are not in these files`]
      if (open > 0) yield this.counted({ file: '', line: 0, state: 'incomplete', notes })
      for (const dir of session.unclosed()) {
        const tail = `session ${sid} has no close statement ${dir}: statements may be missing at the end of this direction`
        yield this.counted({ file: '', line: 0, state: 'incomplete', notes: [tail] })
      }
    }
  }

  get summary(): Summary {
    const { counts, sessions } = this
    const complete = counts.incomplete === 0 && counts.records > 0 && this.trusted !== undefined
    return { ...counts, sessions: sessions.size, exitCode: counts.false > 0 ? 1 : complete ? 0 : 2 }
  }

  private counted(finding: Finding): Finding {
    if (finding.record !== undefined) this.counts.records++
    this.counts[finding.state]++
    return finding
  }

  private async verifyItem(file: string, item: VerifiableItem, positions: Map<string, FilePosition>): Promise<Finding> {
    if (item.kind !== 'entry') {
      return { file, line: item.line, state: stateOf(item.kind), notes: [item.detail] }
    }
    const { line, entry, sealed } = item
    const verdict = await this.verifyEntry(entry, positions, `${line} ${file}`)
    const { statement, digest, batch, checks } = verdict
    const record = {
      how: entry.how,
      kid: entry.signer.kid,
      checks,
      ...(batch !== undefined && { custody: batch.custody }),
      ...(digest !== undefined && { digest }),
      ...(statement !== undefined && { statement }),
    }
    const judged = judge(verdict, this.trusted !== undefined, sealed !== undefined)
    const revoked = this.trusted?.get(entry.signer.kid)?.revoked !== undefined
    return { file, line, ...(revoked ? doubted(judged) : judged), record }
  }

  private async verifyEntry(
    entry: EvidenceEntry,
    positions: Map<string, FilePosition>,
    where: string,
  ): Promise<Verdict> {
    const { kid } = entry.signer
    const { trusted } = this
    const verdict = await this.verifier.verify(entry, (statement) => {
      const session = this.sessions.get(statement.sid) ?? new OfflineSession(statement.sid)
      const question = statement.req === undefined ? undefined : session.question(statement.req)
      return {
        session: session.expectations(statement, entry.statement, kid, positions.get(placeIn(statement)) ?? {}),
        ...(trusted !== undefined && { trusts: (signer: string, at: number) => trustedAt(trusted, signer, at) }),
        ...(question !== undefined && { question: () => question }),
      }
    })
    const { ok, statement, digest } = verdict
    if (!ok || statement === undefined || digest === undefined) return verdict
    const session = this.sessions.get(statement.sid) ?? new OfflineSession(statement.sid)
    session.add(statement, entry.statement, digest, kid, where)
    this.sessions.set(statement.sid, session)
    positions.set(placeIn(statement), { next: statement.seq + 1 })
    return verdict
  }
}

function stateOf(kind: 'altered' | 'incomplete'): FindingState {
  return kind === 'altered' ? 'false' : 'incomplete'
}

function trustedAt(trusted: ReadonlyMap<string, TrustedWindow>, kid: string, at: number): boolean | 'outside' {
  const window = trusted.get(kid)
  return window !== undefined && (isWithin(window, at) || 'outside')
}

/** Whoever has a stolen key dates what it signs as it likes: that a statement is older than the theft is only its own word. */
function doubted({ state, notes }: Pick<Finding, 'state' | 'notes'>): Pick<Finding, 'state' | 'notes'> {
  return {
    state: state === 'holds' ? 'incomplete' : state,
    notes: [...notes, 'its key was revoked later: that it was signed before is only what it says itself'],
  }
}

function placeIn({ sid, dir }: Statement): string {
  return `${sid} ${dir}`
}

function placeOf(where: string): { readonly file: string; readonly line: number } {
  const space = where.indexOf(' ')
  return { file: where.slice(space + 1), line: Number(where.slice(0, space)) }
}

const LACKING: Readonly<Record<Exclude<Missing, 'context'>, string>> = {
  trust: UNTRUSTED,
  session: 'its session is not known',
  past: 'the statements before it are not in these files',
  question: 'its question is not in these files',
}

function judge(
  { ok, error, missing }: Verdict,
  trusting: boolean,
  encrypted: boolean,
): Pick<Finding, 'state' | 'notes'> {
  const signer = trusting ? [] : [UNTRUSTED]
  if (!ok) return { state: 'false', notes: [error?.message ?? 'It does not hold.', ...signer] }
  const lacking = missing.filter((what) => what !== 'context')
  // That only a digest was kept is what the journal was set to: the statement holds, and the line says what it covers.
  const kept = encrypted ? 'the context is encrypted and was not compared with its digest' : DIGEST_ONLY
  const notes = missing.includes('context') ? [kept] : []
  return {
    state: lacking.length > 0 ? 'incomplete' : 'holds',
    notes: [...lacking.map((what) => LACKING[what]), ...notes],
  }
}

function isReadError(thrown: unknown): thrown is Error & { readonly code: string } {
  return thrown instanceof Error && 'syscall' in thrown && 'code' in thrown && typeof thrown.code === 'string'
}

import {
  type BundleFinding,
  type BundleKey,
  type BundleReport,
  type BundleRow,
  type BundleSession,
  MOST_FINDINGS,
  MOST_KEYS,
  MOST_LINES,
  MOST_ROWS,
  MOST_SESSIONS,
} from '../../contracts/bundleView.ts'
import { CUSTODIES } from '../../contracts/custody.ts'
import { fingerprintWords } from '../../crypto/fingerprint.ts'
import { isKid } from '../../crypto/jwk.ts'
import type { Finding, SessionReport, Summary } from '../../evidence/offline.ts'
import type { KnownKeys } from '../evidence/knownHere.ts'
import { t } from '../../support/l10n.ts'

/** Of one reason; and of a name in a row. */
const LONGEST_NOTE = 500
const LONGEST_NAME = 200
/** Signers that are counted: more are in no honest bundle. */
const COUNTED_KEYS = 1024

interface Signer {
  contexts: number
  custody?: string
  exporter: boolean
}

/** Gathers what the verifier finds into something that can be drawn, in bounded memory whatever the file holds. */
export class ReportBuilder {
  private readonly known: KnownKeys
  private readonly forView: ReadonlySet<string>
  private readonly rows: BundleRow[] = []
  private readonly sessions: BundleSession[] = []
  private readonly signers = new Map<string, Signer>()
  private readonly findings = new Map<
    string,
    { state: BundleFinding['state']; note: string; count: number; lines: number[] }
  >()
  private moreFindings = 0
  private acknowledged = 0
  private from: number | undefined
  private to: number | undefined
  private exported: BundleReport['exported']

  /** @param forView keys that a person trusts for this view only */
  constructor(known: KnownKeys, forView: ReadonlySet<string>) {
    this.known = known
    this.forView = forView
  }

  add(finding: Finding): void {
    const { state, line, notes, record, session, manifest } = finding
    if (record !== undefined) this.addRecord(finding, record)
    if (session !== undefined) this.addSession(state, session)
    if (manifest !== undefined) {
      this.exported = { kid: manifest.kid, at: manifest.at, state }
      this.signer(manifest.kid).exporter = true
    }
    if (state !== 'holds') for (const note of notes.length > 0 ? notes : [NO_REASON]) this.addNote(state, note, line)
  }

  report(
    { exitCode, records, redacted, sessions }: Summary,
    about: Pick<BundleReport, 'bytes' | 'checkedAt'>,
  ): BundleReport {
    const verdict = exitCode === 0 ? 'holds' : exitCode === 1 ? 'false' : 'incomplete'
    const found = [...this.findings.values()]
    const ordered = [
      ...found.filter(({ state }) => state === 'false'),
      ...found.filter(({ state }) => state !== 'false'),
    ]
    return {
      verdict,
      ...about,
      contexts: records,
      redacted,
      acknowledged: this.acknowledged,
      sessionCount: sessions,
      ...(this.from !== undefined && { from: this.from }),
      ...(this.to !== undefined && { to: this.to }),
      ...(this.exported !== undefined && { exported: this.exported }),
      keys: this.keys(),
      findings: ordered,
      moreFindings: this.moreFindings,
      sessions: this.sessions,
      rows: this.rows,
    }
  }

  private addRecord({ state, line, notes }: Finding, record: NonNullable<Finding['record']>): void {
    const { kid, custody, statement } = record
    const signer = this.signer(kid)
    signer.contexts++
    if (custody !== undefined) signer.custody ??= custody
    if (statement !== undefined) {
      this.from = Math.min(statement.ts, this.from ?? statement.ts)
      this.to = Math.max(statement.ts, this.to ?? statement.ts)
    }
    if (this.rows.length >= MOST_ROWS) return
    this.rows.push({ line, state, kid, notes: notes.slice(0, 8).map(shortened), ...aboutOf(statement) })
  }

  private addSession(state: Finding['state'], { sid, directions }: SessionReport): void {
    for (const { statements, unacknowledged } of directions) this.acknowledged += statements - unacknowledged
    if (this.sessions.length >= MOST_SESSIONS) return
    const of = (wanted: 'c2s' | 's2c') => {
      const { statements = 0, closed = false, unacknowledged = 0 } = directions.find(({ dir }) => dir === wanted) ?? {}
      return { statements, closed, unacknowledged }
    }
    this.sessions.push({ sid, state, c2s: of('c2s'), s2c: of('s2c') })
  }

  /** One reason is said once, with its first lines: a bundle of an unknown signer has the same for every record. */
  private addNote(state: BundleFinding['state'], text: string, line: number): void {
    const note = shortened(text)
    const known = this.findings.get(`${state} ${note}`)
    if (known === undefined && !this.roomFor(state)) {
      this.moreFindings++
      return
    }
    const finding = known ?? { state, note, count: 0, lines: [] }
    finding.count++
    if (finding.lines.length < MOST_LINES) finding.lines.push(line)
    this.findings.set(`${state} ${note}`, finding)
  }

  /** What is false must not be crowded out by what is only missing. */
  private roomFor(state: BundleFinding['state']): boolean {
    if (this.findings.size < MOST_FINDINGS) return true
    const missing = [...this.findings].find(([, finding]) => finding.state === 'incomplete')
    if (state !== 'false' || missing === undefined) return false
    this.moreFindings += missing[1].count
    return this.findings.delete(missing[0])
  }

  private signer(kid: string): Signer {
    const signer = this.signers.get(kid) ?? { contexts: 0, exporter: false }
    if (this.signers.size < COUNTED_KEYS) this.signers.set(kid, signer)
    return signer
  }

  private keys(): BundleKey[] {
    const signers = [...this.signers].filter(([kid]) => isKid(kid)).toSorted(([, a], [, b]) => b.contexts - a.contexts)
    return signers.slice(0, MOST_KEYS).map(([kid, { contexts, custody, exporter }]) => {
      const known = this.known.get(kid)
      const claimed = CUSTODIES.find((each) => each === custody)
      return {
        kid,
        words: fingerprintWords({ kid }),
        ...(claimed !== undefined && { custody: claimed }),
        contexts,
        exporter,
        trust: known !== undefined ? 'known' : this.forView.has(kid) ? 'view' : 'unknown',
        ...(known !== undefined && { whose: known.whose.slice(0, LONGEST_NAME) }),
      }
    })
  }
}

function aboutOf(statement: NonNullable<Finding['record']>['statement']): Pick<BundleRow, 'about'> {
  if (statement === undefined) return {}
  const { dir, kind, method, id, server, ctx, ts } = statement
  const cut = (text: string) => text.slice(0, LONGEST_NAME)
  return {
    about: {
      dir,
      kind,
      server,
      size: ctx.length,
      at: ts,
      ...(method !== undefined && { method: cut(method) }),
      ...(id !== undefined && { id: cut(id) }),
    },
  }
}

function shortened(note: string): string {
  return note.length > LONGEST_NOTE ? `${note.slice(0, LONGEST_NOTE)}…` : note
}

const NO_REASON = t('It could not be verified.')

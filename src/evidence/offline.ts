import { sha384Text } from '../crypto/hash.ts'
import { unreachable } from '../support/errors.ts'
import { BUNDLE_START } from './bundle/format.ts'
import { type BundleItem, readBundle } from './bundle/reader.ts'
import { isChosen, type Selection } from './bundle/selection.ts'
import { badStatement } from './errors.ts'
import type { Expectations } from './expectations.ts'
import { JournalHistory } from './journal/history.ts'
import { readLines } from './journal/lines.ts'
import { type JournalItem, JournalReader } from './journal/reader.ts'
import { judgeManifest, takeKey, takeTransition } from './offline/bundleFile.ts'
import {
  type Finding,
  type FoundRecord,
  judged,
  type Kept,
  type ReadEvidence,
  type Summary,
} from './offline/finding.ts'
import type { OfflineSession } from './offline/session.ts'
import { OfflineSessions } from './offline/sessions.ts'
import { peeked } from './offline/peek.ts'
import { FileTrust, type Strangers } from './offline/trust.ts'
import type { TrustedWindow } from './trustedKeys.ts'
import type { Draft } from './types.ts'
import type { Verdict } from './verdict.ts'
import { EvidenceVerifier } from './verifier.ts'

export type { Finding, ReadEvidence, SessionReport, Summary } from './offline/finding.ts'

/** The file that is being read. */
interface CurrentFile {
  readonly name: string
  readonly number: number
  readonly trust: FileTrust
  /** What a bundle says that it is; undefined for a journal. */
  selection?: Selection
}

/** Told of the evidence behind each finding about a record, before the finding is yielded. */
export type Watcher = (evidence: ReadEvidence, finding: Finding) => void

/**
 * Verifies journals and evidence bundles that came from anywhere, as streams and in bounded memory. It recomputes
 * everything and believes no verdict that a file carries; what one file says of a session is held against what the others say.
 */
export class OfflineVerifier {
  private readonly trusted: ReadonlyMap<string, TrustedWindow> | undefined
  private readonly watcher: Watcher | undefined
  private readonly strangers: Strangers
  private readonly verifier = new EvidenceVerifier()
  private readonly sessions = new OfflineSessions()
  private readonly history = new JournalHistory()
  private readonly counts = { files: 0, records: 0, redacted: 0, holds: 0, false: 0, incomplete: 0 }

  /**
   * @param trusted keys by kid, with their windows; undefined compares signers with nothing, and every finding says so
   * @param strangers what a signer is that is not among them: `trusted` may be all that counts, or only what is known here
   */
  constructor(trusted?: ReadonlyMap<string, TrustedWindow>, watcher?: Watcher, strangers: Strangers = 'refused') {
    this.trusted = trusted
    this.watcher = watcher
    this.strangers = strangers
  }

  /** One finding a record, and one for each problem of the file, as it is read. */
  async *verifyFile(name: string, input: AsyncIterable<Uint8Array>): AsyncGenerator<Finding> {
    const file: CurrentFile = { name, number: this.counts.files++, trust: new FileTrust(this.trusted, this.strangers) }
    try {
      const { start, whole } = await peeked(input, BUNDLE_START.length)
      const findings = Buffer.compare(start, BUNDLE_START) === 0 ? this.bundle(file, whole) : this.journal(file, whole)
      for await (const finding of findings) {
        yield this.counted(finding)
        for (const settled of this.sessions.crowded()) yield this.counted(settled)
      }
    } catch (thrown) {
      if (!isReadError(thrown)) throw thrown
      yield this.counted(problem('incomplete', name, 0, `the file could not be read (${thrown.code})`))
    }
    for (const finding of this.sessions.ended(name, file.number)) yield this.counted(finding)
  }

  /** What can only be said when all files were read: one finding a session. */
  *finish(): Generator<Finding> {
    for (const { file, line, kind, detail } of this.history.finish())
      yield this.counted(problem(kind, file, line, detail))
    for (const finding of this.sessions.finish()) yield this.counted(finding)
  }

  get summary(): Summary {
    const { counts, sessions } = this
    const complete = counts.incomplete === 0 && counts.records > 0 && this.trusted !== undefined
    return { ...counts, sessions: sessions.count, exitCode: counts.false > 0 ? 1 : complete ? 0 : 2 }
  }

  private counted(finding: Finding): Finding {
    const { record, state } = finding
    if (record !== undefined) this.counts.records++
    if (record?.redacted === true) this.counts.redacted++
    if (state !== 'holds' || record !== undefined) this.counts[state]++
    return finding
  }

  private async *journal(file: CurrentFile, input: AsyncIterable<Uint8Array>): AsyncGenerator<Finding> {
    const reader = new JournalReader(this.history.file(file.name))
    for await (const line of readLines(input)) {
      for (const item of reader.read(line)) for (const finding of await this.journalItem(file, item)) yield finding
    }
    for (const item of reader.end()) for (const finding of await this.journalItem(file, item)) yield finding
  }

  private journalItem(file: CurrentFile, item: JournalItem): readonly Finding[] | Promise<readonly Finding[]> {
    const { name } = file
    switch (item.kind) {
      case 'entry':
        return this.record(file, item, item.sealed === undefined ? 'as kept' : 'encrypted')
      case 'handshake':
        return this.sessions.handshake(item.handshake) ? [] : [problem('altered', name, item.line, FALSE_HANDSHAKE)]
      case 'altered':
      case 'incomplete':
        return [problem(item.kind, name, item.line, item.detail)]
      default:
        return unreachable(item)
    }
  }

  private async *bundle(file: CurrentFile, input: AsyncIterable<Uint8Array>): AsyncGenerator<Finding> {
    for await (const item of readBundle(input)) yield* await this.bundleItem(file, item)
  }

  private async bundleItem(file: CurrentFile, item: BundleItem): Promise<readonly Finding[]> {
    const { name, trust } = file
    const { line } = item
    const complaint = (note: string | undefined) => (note === undefined ? [] : [problem('altered', name, line, note)])
    switch (item.type) {
      case 'bundle':
        file.selection = item.selection
        return []
      case 'key':
        return complaint(takeKey(item, trust))
      case 'transition':
        return complaint(await takeTransition(item, trust))
      case 'handshake':
        return complaint(this.sessions.handshake(item) ? undefined : FALSE_HANDSHAKE)
      case 'entry':
        return await this.record(file, item, item.redacted ? 'redacted' : 'as kept')
      case 'manifest': {
        const { header, records, redacted } = item
        const manifest = { kid: header.exporter, at: header.at, records, redacted }
        return [{ file: name, line, ...(await judgeManifest(item, trust)), manifest }]
      }
      case 'altered':
      case 'incomplete':
        return [problem(item.type, name, line, item.detail)]
      default:
        return unreachable(item)
    }
  }

  private async record(
    file: CurrentFile,
    { line, entry }: { readonly line: number; readonly entry: ReadEvidence },
    kept: Kept,
  ): Promise<readonly Finding[]> {
    const { name, trust, selection } = file
    const { kid } = entry.signer
    const { verdict, late } = await this.verifyEntry(file, line, entry)
    const whole = selection === undefined || selection.kind === 'all' || selection.kind === 'session'
    const given = { trusting: this.trusted !== undefined, selected: !whole, kept }
    const { state, notes } = judged(verdict, given)
    const { notes: more, doubted } = trust.about(kid)
    const finding: Finding = {
      file: name,
      line,
      state: doubted && state === 'holds' ? 'incomplete' : state,
      notes: more.length === 0 ? notes : [...notes, ...more],
      record: recordOf(entry, verdict, kept === 'redacted'),
    }
    this.watcher?.(entry, finding)
    return late.length === 0 ? [finding] : [finding, ...late]
  }

  private async verifyEntry(
    file: CurrentFile,
    line: number,
    entry: ReadEvidence,
  ): Promise<{ readonly verdict: Verdict; readonly late: readonly Finding[] }> {
    const { kid } = entry.signer
    const { number, trust, selection, name } = file
    let session: OfflineSession | undefined
    let next = ''
    const verdict = await this.verifier.verify(entry, (statement) => {
      if (selection !== undefined && !isChosen({ selection }, statement, entry.at)) {
        throw badStatement('A record does not belong to what the bundle says that it holds.')
      }
      const known = this.sessions.get(statement.sid)
      next = sha384Text(Buffer.from(statement.prev, 'base64url'), entry.statement)
      session = known
      const expected: Draft<Expectations> = {
        session: known.expectations({ statement, next, kid, file: number }),
      }
      const trusts = trust.trustsIn(kid)
      if (trusts !== undefined) expected.trusts = trusts
      // Its question; that there was none; or nothing, where it may be in no file.
      const question = known.question(statement)
      if (question !== undefined) expected.question = () => (question === 'never asked' ? undefined : question)
      return expected
    })
    const { ok, statement, digest } = verdict
    if (!ok || statement === undefined || digest === undefined || session === undefined) return { verdict, late: [] }
    this.sessions.keep(session)
    const late = session.add({ statement, digest, next, kid, file: number }, { file: name, line })
    return { verdict, late: late.map(({ note, ...at }) => problem('altered', at.file, at.line, note)) }
  }
}

function recordOf({ how, signer }: ReadEvidence, verdict: Verdict, redacted: boolean): FoundRecord {
  const { statement, digest, batch, checks } = verdict
  const record: Draft<FoundRecord> = { how, kid: signer.kid, checks }
  if (batch !== undefined) record.custody = batch.custody
  if (digest !== undefined) record.digest = digest
  if (statement !== undefined) record.statement = statement
  if (redacted) record.redacted = redacted
  return record
}

const FALSE_HANDSHAKE = 'A handshake is not that of its connection.'

function problem(kind: 'altered' | 'incomplete', file: string, line: number, note: string): Finding {
  return { file, line, state: kind === 'altered' ? 'false' : 'incomplete', notes: [note] }
}

function isReadError(thrown: unknown): thrown is Error & { readonly code: string } {
  return thrown instanceof Error && 'syscall' in thrown && 'code' in thrown && typeof thrown.code === 'string'
}

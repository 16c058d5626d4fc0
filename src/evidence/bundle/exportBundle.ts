import { isSuiteName } from '../../crypto/suite.ts'
import { CountersignError, unreachable } from '../../support/errors.ts'
import { digestOf } from '../checks.ts'
import type { JournalItem } from '../journal/reader.ts'
import { Recent } from '../journal/recent.ts'
import { parseStatement } from '../statement.ts'
import type { EvidenceEntry, HandshakeNote, Statement } from '../types.ts'
import type { HandshakeLine } from './format.ts'
import { type Choice, isChosen } from './selection.ts'
import { type BundleCounts, type BundleOptions, BundleWriter } from './writer.ts'

/** Sessions whose handshakes wait for their first record, or whose records are counted. */
const SESSIONS = 16_384
/** A journal has a statement twice where both ends write into it, or a write failed: the two are never far apart. */
const STATEMENTS = 65_536
/** Of one session: a connection each. */
const HANDSHAKES = 256

export interface ExportOptions extends Omit<BundleOptions, 'selection'>, Choice {
  /** Whose bytes stay out; their digests stay in. @param digest of the statement, base64url */
  readonly redact?: (statement: Statement, digest: string) => boolean
  readonly signal?: AbortSignal
  /** Told now and then how many records went into the bundle. */
  readonly progress?: (records: number) => void
}

export interface Exported extends BundleCounts {
  /** What is wrong with the journal, or missing from it; the first 100 of it. */
  readonly problems: readonly string[]
  /** How many contexts are there by their digest only, because the journal has them encrypted. */
  readonly encrypted: number
}

const PROBLEMS = 100
const TELL_EVERY = 256

/**
 * Writes what was chosen of a journal as an evidence bundle. Nothing is verified here: evidence that does not hold does not
 * hold in the bundle either, and leaving it out would hide it.
 * @throws CountersignError `usage` where nothing was chosen, those of the exporter's key; the reason of `signal`
 */
export async function exportBundle(items: AsyncIterable<JournalItem>, options: ExportOptions): Promise<Exported> {
  const { signal } = options
  const work = new Export(options)
  await work.writer.begin()
  for await (const item of items) {
    signal?.throwIfAborted()
    await work.take(item)
  }
  const counts = await work.writer.end(signal)
  return { ...counts, problems: work.problems, encrypted: work.encrypted }
}

class Export {
  readonly writer: BundleWriter
  readonly problems: string[] = []
  encrypted = 0
  private readonly options: ExportOptions
  /** Handshakes of sessions that have no record in the bundle yet. */
  private readonly waiting = new Recent<Omit<HandshakeLine, 'type'>[] | 'begun'>(SESSIONS)
  /**
   * Digests of what was written, by session, direction and sequence: what a journal has twice is not written twice. Another
   * statement of the same sequence is: it is a second history, and the bundle is as false as the journal.
   */
  private readonly written = new Recent<string>(STATEMENTS)

  constructor(options: ExportOptions) {
    this.options = options
    this.writer = new BundleWriter(options)
  }

  async take(item: JournalItem): Promise<void> {
    switch (item.kind) {
      case 'handshake':
        return await this.handshake(item.handshake)
      case 'entry':
        if (await this.entry(item.entry)) this.encrypted += item.sealed === undefined ? 0 : 1
        return
      case 'altered':
      case 'incomplete':
        if (this.problems.length < PROBLEMS) this.problems.push(`line ${item.line}: ${item.detail}`)
        return
      default:
        unreachable(item)
    }
  }

  private async handshake({ suite, ...rest }: HandshakeNote): Promise<void> {
    // Of a later version: a bundle of this one has no way to say it.
    if (!isSuiteName(suite)) return
    const note = { ...rest, suite }
    const held = this.waiting.get(note.sid) ?? []
    if (held === 'begun') await this.writer.handshake(note)
    else if (held.length < HANDSHAKES) this.waiting.add(note.sid, [...held, note])
  }

  private async entry(entry: EvidenceEntry): Promise<boolean> {
    const { redact, progress } = this.options
    const statement = this.read(entry)
    const digest = digestOf(entry.statement)
    if (statement === undefined || !isChosen(this.options, statement, entry.at, digest)) return false
    const { sid, dir, seq } = statement
    const place = `${sid} ${dir} ${seq}`
    if (this.written.get(place) === digest) return false
    this.written.add(place, digest)
    const held = this.waiting.get(sid) ?? []
    this.waiting.add(sid, 'begun')
    if (held !== 'begun') for (const note of held) await this.writer.handshake(note)
    await this.writer.add(entry, redact?.(statement, digest) === true)
    const { records } = this.writer.counts
    if (records % TELL_EVERY === 0) progress?.(records)
    return true
  }

  private read({ statement }: EvidenceEntry): Statement | undefined {
    try {
      return parseStatement(statement)
    } catch (thrown) {
      if (!(thrown instanceof CountersignError)) throw thrown
      if (this.problems.length < PROBLEMS) this.problems.push(thrown.message)
      return undefined
    }
  }
}

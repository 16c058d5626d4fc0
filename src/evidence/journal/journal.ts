import { open } from 'node:fs/promises'
import { join } from 'node:path'
import { encodeBase64url } from '../../crypto/encoding.ts'
import { sha384 } from '../../crypto/hash.ts'
import { randomBytes } from '../../crypto/random.ts'
import { type Clock, systemClock } from '../../support/clock.ts'
import { CountersignError } from '../../support/errors.ts'
import { digestOf } from '../checks.ts'
import type { EvidenceEntry, EvidenceSink } from '../types.ts'
import { AppendFile, type Durability } from './appendFile.ts'
import { privateFolder, syncFolder } from './folder.ts'
import { BATCH_WINDOW, encodeLine, FIRST_PREV, type JournalLine, KEY_WINDOW } from './format.ts'
import { Recent } from './recent.ts'

export interface JournalOptions {
  /** Made with mode 0700. Several processes may share it: each opening begins a file of its own. */
  readonly folder: string
  /** Whether contexts are kept in full or by their digest only. Default 'full'. */
  readonly contexts?: 'full' | 'digest'
  /** What the promise of `append` waits for. Default 'written'. */
  readonly durability?: Durability
  readonly clock?: Clock
}

const LINE_FEED = Uint8Array.of(10)

/**
 * The record of evidence on disk: one file of JSON lines, written once and never changed (docs/PROTOCOL.md, "Journal").
 * After an error it stays broken until it is opened anew, and whoever waits for it releases nothing.
 */
export class Journal implements EvidenceSink {
  /** The file that this journal writes. */
  readonly path: string
  private readonly file: AppendFile
  private readonly full: boolean
  private readonly clock: Clock
  private readonly keys = new Recent<true>(KEY_WINDOW)
  private readonly batches = new Recent<true>(BATCH_WINDOW)
  private n = 0
  private prev = FIRST_PREV
  private records = 0
  private closing: Promise<void> | undefined

  private constructor(path: string, file: AppendFile, options: JournalOptions) {
    this.path = path
    this.file = file
    this.full = options.contexts !== 'digest'
    this.clock = options.clock ?? systemClock
  }

  /** Begins a new file, mode 0600. @throws CountersignError `journal-write`, `file-permissions` */
  static async open(options: JournalOptions): Promise<Journal> {
    const { folder, durability = 'written', clock = systemClock } = options
    await privateFolder(folder)
    const time = new Date(clock.now()).toISOString().slice(0, 19).replaceAll(':', '-')
    const path = join(folder, `countersign-${time}Z-${encodeBase64url(randomBytes(9))}.jsonl`)
    try {
      // Exclusive: the file of another process is never continued, its chain would have two ends.
      const handle = await open(path, 'ax', 0o600)
      await syncFolder(folder)
      return new Journal(path, new AppendFile(handle, durability), options)
    } catch (cause) {
      throw new CountersignError('journal-write', 'A new journal could not be begun; check its folder.', { cause })
    }
  }

  /** Records entries in calling order. @throws CountersignError `journal-write`: the context must not be released */
  async append(entry: EvidenceEntry): Promise<void> {
    if (this.closing !== undefined) throw new CountersignError('journal-write', 'The journal is closed.')
    const { signer, jws } = entry
    const batch = digestOf(jws)
    const lines: JournalLine[] = []
    if (this.keys.get(signer.kid) === undefined) lines.push({ type: 'key', kid: signer.kid, key: signer })
    if (this.batches.get(batch) === undefined) lines.push({ type: 'batch', digest: batch, kid: signer.kid, jws })
    const { statement, head, index, proof, how, at } = entry
    const context = this.full ? entry.context : undefined
    lines.push({ type: 'record', batch, statement, head, index, proof, how, at, context })
    const bytes = this.encode(lines)
    if (lines.some(({ type }) => type === 'key')) this.keys.add(signer.kid, true)
    if (lines.some(({ type }) => type === 'batch')) this.batches.add(batch, true)
    this.records++
    await this.file.append(bytes)
  }

  /** Writes the `close` line and closes the file. Safe to call twice. @throws CountersignError `journal-write` */
  close(): Promise<void> {
    this.closing ??= this.end()
    return this.closing
  }

  private async end(): Promise<void> {
    const line = this.encode([{ type: 'close', at: this.clock.now(), records: this.records }])
    try {
      await this.file.append(line)
    } finally {
      await this.file.close()
    }
  }

  /** Numbers and chains lines; when one cannot be encoded, none of them took a number. */
  private encode(lines: readonly JournalLine[]): Uint8Array {
    let { n, prev } = this
    const parts: Uint8Array[] = []
    for (const line of lines) {
      const bytes = encodeLine({ n: n++, prev, line })
      prev = encodeBase64url(sha384(bytes))
      parts.push(bytes, LINE_FEED)
    }
    this.n = n
    this.prev = prev
    return Buffer.concat(parts)
  }
}

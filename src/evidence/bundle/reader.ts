import { encodeBase64url } from '../../crypto/encoding.ts'
import { TranscriptHash } from '../../crypto/hash.ts'
import { CountersignError, unreachable } from '../../support/errors.ts'
import { digestOf } from '../checks.ts'
import { type RawLine, readLines } from '../journal/lines.ts'
import { Recent } from '../journal/recent.ts'
import type { EvidenceEntry, OfflineEvidence, VerificationKey } from '../types.ts'
import {
  BATCH_WINDOW,
  type BatchLine,
  type BundleLine,
  type HandshakeLine,
  type HeaderLine,
  KEY_WINDOW,
  type KeyLine,
  type ManifestLine,
  parseBundleLine,
  type RecordLine,
  type TransitionLine,
} from './format.ts'

/** What a bundle holds, in its order; `line` counts from 1. Nothing in it is verified. */
export type BundleItem =
  | (HeaderLine & Place)
  | (KeyLine & Place)
  | (TransitionLine & Place)
  | (HandshakeLine & Place)
  | BundleEntry
  | BundleEnd
  | BundleProblem

interface Place {
  readonly line: number
}

export interface BundleEntry extends Place {
  readonly type: 'entry'
  readonly entry: OfflineEvidence & Pick<EvidenceEntry, 'how' | 'at'>
  readonly redacted: boolean
}

/** The manifest, and what the lines before it are: the two must say the same. */
export interface BundleEnd extends ManifestLine, Place {
  readonly header: HeaderLine
  /** The exporter's key; undefined where the bundle has none of that name. */
  readonly signer: VerificationKey | undefined
  readonly lines: number
  readonly records: number
  readonly redacted: number
  /** SHA-384 of the lines before with their line feeds, base64url. */
  readonly digest: string
}

export interface BundleProblem extends Place {
  readonly type: 'altered' | 'incomplete'
  readonly detail: string
}

/** Reads a bundle as a stream: memory for one line and the last 256 batches, whatever the file. Verifies no signature. */
export async function* readBundle(input: AsyncIterable<Uint8Array>): AsyncGenerator<BundleItem> {
  const reader = new Reader()
  for await (const line of readLines(input)) for (const item of reader.read(line)) yield item
  yield* reader.end()
}

const LINE_FEED = Uint8Array.of(10)

class Reader {
  private readonly keys = new Recent<VerificationKey>(KEY_WINDOW)
  private readonly batches = new Recent<{ readonly jws: Uint8Array; readonly signer: VerificationKey }>(BATCH_WINDOW)
  private readonly hash = new TranscriptHash()
  private header: HeaderLine | undefined
  private exporter: VerificationKey | undefined
  private line = 0
  private records = 0
  private redacted = 0
  private ended = false
  private torn = false

  read({ bytes, complete }: RawLine): readonly BundleItem[] {
    this.line++
    // Without its header nobody knows what the rest of a bundle is to be compared with.
    if (this.line > 1 && this.header === undefined) return []
    if (this.ended) return [this.problem('altered', 'there are lines behind the manifest')]
    if (!complete) {
      this.torn = true
      return [this.problem('incomplete', 'the bundle is cut off in the middle of a line')]
    }
    const parsed = bytes === undefined ? undefined : parse(bytes)
    // The first line is the header, and no other line is: whatever else stands there, this is not what was exported.
    const misplaced = parsed === undefined || (this.line === 1) !== (parsed.type === 'bundle')
    const items = misplaced
      ? [this.problem('altered', 'the line is not one of a bundle, or not in its place')]
      : this.take(parsed)
    if (bytes !== undefined) this.hash.update(bytes, LINE_FEED)
    return items
  }

  end(): readonly BundleItem[] {
    if (this.ended || this.torn || this.header === undefined) return []
    return [this.problem('incomplete', 'the bundle ends without its manifest: it was cut off at its end')]
  }

  private take(line: BundleLine): readonly BundleItem[] {
    switch (line.type) {
      case 'bundle':
        this.header = line
        return [{ ...line, line: this.line }]
      case 'key': {
        const key = { kid: line.kid, ...line.key }
        this.keys.add(line.kid, key)
        if (line.kid === this.header?.exporter) this.exporter = key
        return [{ ...line, line: this.line }]
      }
      case 'transition':
      case 'handshake':
        return [{ ...line, line: this.line }]
      case 'batch':
        return this.takeBatch(line)
      case 'record':
        return [this.entryOf(line)]
      case 'manifest':
        return [this.endOf(line)]
      default:
        return unreachable(line)
    }
  }

  private takeBatch({ digest, kid, jws }: BatchLine): readonly BundleItem[] {
    const signer = this.keys.get(kid)
    if (digest !== digestOf(jws)) return [this.problem('altered', 'the line names its batch by a wrong digest')]
    if (signer === undefined) return [this.problem('incomplete', 'the key of the batch is missing')]
    this.batches.add(digest, { jws, signer })
    return []
  }

  private entryOf(record: RecordLine): BundleItem {
    this.records++
    if (record.redacted) this.redacted++
    const batch = this.batches.get(record.batch)
    if (batch === undefined) {
      return this.problem('incomplete', 'the batch of the record is missing, so it cannot be verified')
    }
    const { statement, head, context, index, proof, how, at, redacted } = record
    const entry = { ...batch, statement, head, context, index, proof, how, at }
    return { type: 'entry', line: this.line, entry, redacted }
  }

  private endOf({ type, jws }: ManifestLine): BundleItem {
    this.ended = true
    const { header, exporter: signer, records, redacted } = this
    if (header === undefined) return this.problem('altered', 'the bundle has no header')
    const digest = encodeBase64url(this.hash.digest())
    return { type, jws, line: this.line, header, signer, lines: this.line - 1, records, redacted, digest }
  }

  private problem(type: BundleProblem['type'], detail: string): BundleProblem {
    return { type, line: this.line, detail }
  }
}

function parse(bytes: Uint8Array): BundleLine | undefined {
  try {
    return parseBundleLine(bytes)
  } catch (thrown) {
    if (thrown instanceof CountersignError) return undefined
    throw thrown
  }
}

import type { SignInput } from '../../contracts/signInput.ts'
import { TranscriptHash } from '../../crypto/hash.ts'
import { CountersignError } from '../../support/errors.ts'
import { digestOf } from '../checks.ts'
import { Recent } from '../journal/recent.ts'
import type { SigningKey } from '../signingInput.ts'
import type { TransitionDocument } from '../transition.ts'
import type { TrustedWindow } from '../trustedKeys.ts'
import type { EvidenceEntry, VerificationKey } from '../types.ts'
import { BATCH_WINDOW, type BundleLine, encodeBundleLine, type HandshakeLine, KEY_WINDOW } from './format.ts'
import { sealManifest } from './manifest.ts'
import type { Selection } from './selection.ts'

/** The key that signs the manifest: a part of `Signer`, so that whoever exports hands over its own. */
export interface Exporter extends VerificationKey, SigningKey {
  sign(input: Extract<SignInput, { kind: 'manifest' }>, signal?: AbortSignal): Promise<Uint8Array>
}

export interface BundleOptions {
  readonly exporter: Exporter
  readonly selection: Selection
  /** Ms since 1970. */
  readonly at: number
  /** What the exporter knows of keys: when each counts; undefined where it knows nothing. */
  readonly windowOf?: (kid: string) => TrustedWindow | undefined
  /** By these documents keys followed others. Those that lead to a key of the bundle go into it. */
  readonly transitions?: readonly TransitionDocument[]
  /** Takes the next bytes of the file; the writer waits for it. */
  readonly write: (bytes: Uint8Array) => Promise<void> | void
}

export interface BundleCounts {
  readonly lines: number
  readonly records: number
  readonly redacted: number
}

/** Writes an evidence bundle as a stream: header, then in calling order what it is given, then the signed manifest. */
export class BundleWriter {
  private readonly options: BundleOptions
  private readonly hash = new TranscriptHash()
  private readonly keys = new Recent<true>(KEY_WINDOW)
  private readonly batches = new Recent<true>(BATCH_WINDOW)
  private readonly transitions = new Set<TransitionDocument>()
  private lines = 0
  private records = 0
  private redacted = 0

  constructor(options: BundleOptions) {
    this.options = options
  }

  get counts(): BundleCounts {
    const { lines, records, redacted } = this
    return { lines, records, redacted }
  }

  /** The header and the exporter's key: first, and once. */
  async begin(): Promise<void> {
    const { exporter, selection, at } = this.options
    await this.put({ type: 'bundle', exporter: exporter.kid, at, selection })
    await this.putKey(exporter)
  }

  async handshake(handshake: Omit<HandshakeLine, 'type'>): Promise<void> {
    await this.put({ type: 'handshake', ...handshake })
  }

  /** One context, with its batch and key where they were not written lately. `redact` leaves out its bytes, head included. */
  async add(entry: EvidenceEntry, redact = false): Promise<void> {
    const { signer, jws, statement, index, proof, how, at } = entry
    if (this.keys.get(signer.kid) === undefined) await this.putKey(signer)
    const batch = digestOf(jws)
    if (this.batches.get(batch) === undefined) {
      this.batches.add(batch, true)
      await this.put({ type: 'batch', digest: batch, kid: signer.kid, jws })
    }
    // The head goes as well: its headers repeat arguments of a call (mcp-param-*) and name the MCP session.
    const [head, context] = redact ? [undefined, undefined] : [entry.head, entry.context]
    this.records++
    if (redact) this.redacted++
    await this.put({ type: 'record', batch, statement, index, proof, how, at, redacted: redact, head, context })
  }

  /**
   * Signs the manifest and writes it: without it the bundle is incomplete.
   * @throws CountersignError of the signer; `usage` for a bundle without a record
   */
  async end(signal?: AbortSignal): Promise<BundleCounts> {
    const { exporter, at, write } = this.options
    const { counts } = this
    if (counts.records === 0)
      throw new CountersignError('usage', 'Nothing was selected, so there is nothing to export.')
    const fields = { ...counts, at, digest: this.hash.digest() }
    const signature = await exporter.sign({ kind: 'manifest', ...fields }, signal)
    const jws = sealManifest(fields, exporter, signature)
    await write(lineOf({ type: 'manifest', jws }))
    return counts
  }

  /** With what leads to it first: a reader can follow trust as it reads, and knows when an old key ended. */
  private async putKey({ kid, algorithm, publicKey }: VerificationKey): Promise<void> {
    this.keys.add(kid, true)
    for (const document of this.options.transitions ?? []) {
      const { from, to } = document.transition
      if (to.kid !== kid || this.transitions.has(document)) continue
      this.transitions.add(document)
      if (this.keys.get(from.kid) === undefined) await this.putKey(from)
      await this.put({ type: 'transition', document: document.bytes })
    }
    await this.put({ type: 'key', kid, key: { algorithm, publicKey }, ...this.options.windowOf?.(kid) })
  }

  private async put(line: BundleLine): Promise<void> {
    const bytes = lineOf(line)
    this.hash.update(bytes)
    this.lines++
    await this.options.write(bytes)
  }
}

function lineOf(line: BundleLine): Uint8Array {
  return Buffer.concat([encodeBundleLine(line), Uint8Array.of(10)])
}

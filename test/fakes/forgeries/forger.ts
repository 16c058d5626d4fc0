import { createHash } from 'node:crypto'
import { sealManifest } from '../../../src/evidence/bundle/manifest.ts'
import { type Parties, realBundle } from '../evidenceBundle.ts'
import type { SeedSigner } from '../seedSigner.ts'
import { NOW } from '../../unit/evidence/build.ts'

export type Line = Record<string, unknown>

/** A forged bundle, and the reason that the product must give. */
export interface Forgery {
  readonly forge: (real: Forger) => Promise<Uint8Array> | Uint8Array
  readonly reason: RegExp
  /** What `verify --trust` is given beside both ends. */
  readonly trust?: (of: Parties) => readonly string[]
}

/** A real bundle in the hands of somebody who changes it: without a key, or with that of its exporter. */
export class Forger {
  readonly of: Parties
  /** The lines without the manifest, as text and read. */
  readonly texts: readonly string[]
  readonly manifest: string

  private constructor(of: Parties, bytes: Buffer) {
    this.of = of
    const texts = bytes.toString('utf8').split('\n').slice(0, -1)
    this.manifest = texts.at(-1) ?? ''
    this.texts = texts.slice(0, -1)
  }

  static async create(of: Parties): Promise<Forger> {
    return new Forger(of, await realBundle(of))
  }

  get lines(): Line[] {
    return this.texts.map((text): Line => JSON.parse(text))
  }

  /** The lines with the manifest that they had: what somebody without any key can make. */
  unsealed(texts: readonly string[], manifest = this.manifest): Uint8Array {
    return Buffer.from([...texts, manifest, ''].join('\n'))
  }

  /** The lines under a manifest that fits: what the exporter can make, so that only the evidence itself speaks against it. */
  async sealed(lines: readonly (Line | string)[], signer: SeedSigner = this.of.client): Promise<Uint8Array> {
    const texts = lines.map((line) => (typeof line === 'string' ? line : JSON.stringify(line)))
    return this.unsealed(texts, await this.manifestOf(texts, signer))
  }

  async manifestOf(
    texts: readonly string[],
    signer: SeedSigner = this.of.client,
    changes: object = {},
  ): Promise<string> {
    const digest = createHash('sha384')
      .update(texts.map((text) => `${text}\n`).join(''))
      .digest()
    const records = texts.filter((text) => text.includes('"type":"record"')).length
    const redacted = texts.filter((text) => text.includes('"redacted":true')).length
    const fields = { at: NOW, lines: texts.length, records, redacted, digest: new Uint8Array(digest), ...changes }
    const jws = sealManifest(fields, signer, await signer.sign({ kind: 'manifest', ...fields }))
    return JSON.stringify({ type: 'manifest', jws: Buffer.from(jws).toString('utf8') })
  }

  /** All lines with the n-th record (from 0) changed. */
  record(n: number, change: (line: Line) => Line): Line[] {
    return this.nth('record', n, change)
  }

  nth(type: string, n: number, change: (line: Line) => Line): Line[] {
    const { lines } = this
    const at = this.indexOf(type, n)
    return lines.map((line, index) => (index === at ? change(line) : line))
  }

  /** Where the n-th line of a type stands. */
  indexOf(type: string, n: number): number {
    const places = this.lines.flatMap((line, index) => (line['type'] === type ? [index] : []))
    const at = places[n]
    if (at === undefined) throw new Error(`The bundle has no line ${n} of type ${type}.`)
    return at
  }
}

/** The JWS text of a line with one of its three parts changed. */
export function jwsWith(line: Line, change: (jws: Record<string, string>) => object): Line {
  const jws: Record<string, string> = JSON.parse(String(line['jws']))
  return { ...line, jws: JSON.stringify(change(jws)) }
}

/** A part of a JWS, which is JSON, with members replaced. */
export function edited(part: string | undefined, changes: object): string {
  const value: object = JSON.parse(Buffer.from(part ?? '', 'base64url').toString('utf8'))
  return Buffer.from(JSON.stringify({ ...value, ...changes })).toString('base64url')
}

/** Base64url of the same length with its first byte changed. */
export function flipped(text: unknown): string {
  const bytes = Buffer.from(String(text), 'base64url')
  bytes.writeUInt8(bytes.readUInt8(0) ^ 1, 0)
  return bytes.toString('base64url')
}

export function sha384(text: unknown): string {
  return createHash('sha384').update(String(text)).digest('base64url')
}

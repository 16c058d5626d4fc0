import { Buffer } from 'node:buffer'
import { CUSTODIES } from '../../../contracts/custody.ts'
import { VERDICTS } from '../../../contracts/panelContext.ts'
import type { ContextFilter } from '../../../contracts/panelContexts.ts'
import { DIRECTIONS, KINDS, type RowChunk } from './chunk.ts'

/** A filter, taken apart. Text is compared in lower case. */
export interface Query {
  /** Places in the lists of chunk.ts; -1: any. */
  readonly verdict: number
  readonly direction: number
  readonly custody: number
  /** The exact name; '': any. */
  readonly server: string
  readonly inName: readonly { readonly name: 'server' | 'tool' | 'method'; readonly text: string }[]
  /** Each has to be in the names, the reason, the exchange's number, or in the context itself. */
  readonly words: readonly string[]
}

/** More words than these say nothing more: one bit each of a row's comparison. */
const MOST_WORDS = 16
const PART = /(?:(server|tool|method):)?(?:"([^"]*)"?|(\S+))/gi

export function parseQuery(filter: ContextFilter): Query {
  const words: string[] = []
  const inName: { name: 'server' | 'tool' | 'method'; text: string }[] = []
  for (const [, place, quoted, bare] of filter.text.toLowerCase().matchAll(PART)) {
    const text = quoted ?? bare ?? ''
    if (text === '') continue
    if (place === 'server' || place === 'tool' || place === 'method') inName.push({ name: place, text })
    else if (words.length < MOST_WORDS) words.push(text)
  }
  return {
    verdict: filter.verdict === '' ? -1 : VERDICTS.indexOf(filter.verdict),
    direction: filter.direction === '' ? -1 : DIRECTIONS.indexOf(filter.direction),
    custody: filter.custody === '' ? -1 : CUSTODIES.indexOf(filter.custody),
    server: filter.server,
    inName,
    words,
  }
}

/** Of one context: more would stop the host for too long. */
const SEARCHED_BYTES = 1024 * 1024

/** A context as it is compared, wherever it was kept. */
export function searchable({ buffer, byteOffset, byteLength }: Uint8Array): string {
  return Buffer.from(buffer, byteOffset, Math.min(byteLength, SEARCHED_BYTES)).toString('utf8').toLowerCase()
}

/** Compares rows with a query. What it found out about the strings of a chunk it keeps, so that a row costs no text. */
export class Matcher {
  readonly query: Query
  private readonly all: number
  private readonly chunks = new WeakMap<RowChunk, ChunkMatcher>()

  constructor(filter: ContextFilter) {
    this.query = parseQuery(filter)
    this.all = 2 ** this.query.words.length - 1
  }

  /**
   * @param textOf the context in lower case, asked for only where the names do not decide; undefined: not here
   */
  matches(chunk: RowChunk, at: number, textOf: () => string | undefined): boolean {
    const { query } = this
    if (query.verdict >= 0 && chunk.verdict[at] !== query.verdict) return false
    if (query.direction >= 0 && chunk.dir[at] !== query.direction) return false
    if (query.custody >= 0 && chunk.custody[at] !== query.custody) return false
    if (query.server === '' && query.inName.length === 0 && this.all === 0) return true
    let strings = this.chunks.get(chunk)
    if (strings === undefined) {
      strings = new ChunkMatcher(chunk, query)
      this.chunks.set(chunk, strings)
    }
    if (!strings.named(at)) return false
    const missing = this.all & ~strings.words(at)
    if (missing === 0) return true
    const text = textOf()
    return text !== undefined && query.words.every((word, bit) => (missing & (1 << bit)) === 0 || text.includes(word))
  }
}

class ChunkMatcher {
  private readonly chunk: RowChunk
  private readonly query: Query
  /** By the number of a string: which words are in it. -1: not looked at yet; new strings come while a chunk fills. */
  private readonly inString: number[] = []
  private readonly inKind: readonly number[]

  constructor(chunk: RowChunk, query: Query) {
    this.chunk = chunk
    this.query = query
    this.inKind = KINDS.map((kind) => this.bits(kind))
  }

  named(at: number): boolean {
    const { text, strings } = this.chunk
    const { server, inName } = this.query
    if (server !== '' && strings.get(text.server[at]) !== server) return false
    return inName.every(({ name, text: wanted }) => (strings.get(text[name][at]) ?? '').toLowerCase().includes(wanted))
  }

  words(at: number): number {
    const { text, number, kind } = this.chunk
    return (
      this.of(text.server[at]) |
      this.of(text.tool[at]) |
      this.of(text.method[at]) |
      this.of(text.reason[at]) |
      (this.inKind[kind[at] ?? 0] ?? 0) |
      this.exchange(number.exchange[at] ?? Number.NaN)
    )
  }

  private of(string = 0): number {
    const known = this.inString[string]
    if (known !== undefined) return known
    const bits = this.bits((this.chunk.strings.texts[string] ?? '').toLowerCase())
    this.inString[string] = bits
    return bits
  }

  private exchange(exchange: number): number {
    if (Number.isNaN(exchange)) return 0
    const text = String(exchange)
    return this.query.words.reduce((bits, word, bit) => (word === text ? bits | (1 << bit) : bits), 0)
  }

  private bits(text: string): number {
    return this.query.words.reduce((bits, word, bit) => (text.includes(word) ? bits | (1 << bit) : bits), 0)
  }
}

import { CUSTODIES } from '../../../contracts/custody.ts'
import { type ContextRow, VERDICTS } from '../../../contracts/panelContext.ts'
import { HASH_LENGTH } from '../../../crypto/hash.ts'

/** What is kept of each context: its row, and what its evidence is compared with when the journal is asked for it. */
export interface IndexRow extends Omit<ContextRow, 'ref' | 'receipt'> {
  readonly gateway: string
  /** kid of the signer and of whom it is meant for, as the handshake established them. */
  readonly signer?: string
  readonly audience?: string
  /** Chain head after its statement, 48 bytes: binds the statement and everything before it. */
  readonly chain?: Uint8Array
  /** How many statements of the other direction it acknowledges. */
  readonly ack?: number
  /** From entering the queue to the signature, ms. */
  readonly queued?: number
}

/** Rows of one chunk. A power of two, and so few that a chunk's strings can be numbered with 16 bits. */
export const CHUNK_ROWS = 4096

export const KINDS = ['request', 'head', 'response', 'event', 'end', 'cancel', 'close'] as const
export const DIRECTIONS = ['c2s', 's2c'] as const

/** Each string once: a hundred thousand rows name few servers and tools. */
export class StringTable {
  readonly texts: string[] = ['']
  private readonly numbers = new Map<string, number>()

  /** 0: there is none. */
  number(text: string | undefined): number {
    if (text === undefined) return 0
    let number = this.numbers.get(text)
    if (number === undefined) {
      number = this.texts.push(text) - 1
      this.numbers.set(text, number)
    }
    return number
  }

  get(number: number | undefined): string | undefined {
    return number === undefined || number === 0 ? undefined : this.texts[number]
  }
}

const TEXTS = ['server', 'method', 'tool', 'reason', 'sid', 'gateway', 'signer', 'audience'] as const
const NUMBERS = ['exchange', 'seq', 'alert', 'ack', 'queued'] as const
type Text = (typeof TEXTS)[number]

const u16 = () => new Uint16Array(CHUNK_ROWS)
const f64 = () => new Float64Array(CHUNK_ROWS)

/**
 * 4096 rows as columns: about 200 bytes a row and nothing for the garbage collector to walk. Chunks are dropped whole, and
 * their strings with them.
 */
export class RowChunk {
  /** Of its first row. */
  readonly first: number
  length = 0
  readonly strings = new StringTable()
  readonly servers = new Set<string>()
  readonly verdict = new Uint8Array(CHUNK_ROWS)
  readonly dir = new Uint8Array(CHUNK_ROWS)
  readonly kind = new Uint8Array(CHUNK_ROWS)
  readonly custody = new Uint8Array(CHUNK_ROWS)
  readonly text = {
    server: u16(),
    method: u16(),
    tool: u16(),
    reason: u16(),
    sid: u16(),
    gateway: u16(),
    signer: u16(),
    audience: u16(),
  }
  /** NaN: there is none. */
  readonly number = { exchange: f64(), seq: f64(), alert: f64(), ack: f64(), queued: f64() }
  readonly at = f64()
  readonly size = f64()
  private readonly batch = new Uint32Array(CHUNK_ROWS)
  private readonly batchSize = u16()
  private readonly chained = new Uint8Array(CHUNK_ROWS)
  private readonly chains = new Uint8Array(CHUNK_ROWS * HASH_LENGTH)

  constructor(first: number) {
    this.first = first
  }

  /** @param batch a number for the batch, from 1; 0: none */
  write(at: number, row: IndexRow, batch: number): void {
    this.length = Math.max(this.length, at + 1)
    this.verdict[at] = VERDICTS.indexOf(row.verdict)
    this.dir[at] = DIRECTIONS.indexOf(row.dir)
    this.kind[at] = KINDS.indexOf(row.kind)
    this.custody[at] = CUSTODIES.indexOf(row.custody)
    this.servers.add(row.server)
    for (const name of TEXTS) this.text[name][at] = this.strings.number(row[name])
    for (const name of NUMBERS) this.number[name][at] = row[name] ?? Number.NaN
    this.at[at] = row.at
    this.size[at] = row.size
    this.batch[at] = batch
    this.batchSize[at] = row.batch?.n ?? 0
    this.chained[at] = Number(row.chain !== undefined)
    if (row.chain !== undefined) this.chains.set(row.chain, at * HASH_LENGTH)
  }

  read(at: number): IndexRow | undefined {
    const [verdict, dir, kind, custody] = [
      VERDICTS[this.verdict[at] ?? 0],
      DIRECTIONS[this.dir[at] ?? 0],
      KINDS[this.kind[at] ?? 0],
      CUSTODIES[this.custody[at] ?? 0],
    ]
    // Never where `write` wrote: the columns hold places of those lists.
    if (at >= this.length || !verdict || !dir || !kind || !custody) return undefined
    const row: { -readonly [Name in keyof IndexRow]: IndexRow[Name] } = {
      verdict,
      dir,
      kind,
      custody,
      at: this.at[at] ?? 0,
      size: this.size[at] ?? 0,
      server: this.textAt('server', at) ?? '',
      sid: this.textAt('sid', at) ?? '',
      gateway: this.textAt('gateway', at) ?? '',
    }
    for (const name of ['method', 'tool', 'reason', 'signer', 'audience'] as const) {
      const text = this.textAt(name, at)
      if (text !== undefined) row[name] = text
    }
    for (const name of NUMBERS) {
      const number = this.number[name][at] ?? Number.NaN
      if (!Number.isNaN(number)) row[name] = number
    }
    const batch = this.batch[at] ?? 0
    if (batch > 0) row.batch = { id: `b${batch}`, n: this.batchSize[at] ?? 0 }
    if (this.chained[at] === 1) row.chain = this.chains.slice(at * HASH_LENGTH, (at + 1) * HASH_LENGTH)
    return row
  }

  private textAt(name: Text, at: number): string | undefined {
    return this.strings.get(this.text[name][at])
  }
}

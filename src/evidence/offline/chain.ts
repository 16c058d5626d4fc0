import { encodeBase64url } from '../../crypto/encoding.ts'
import { chainStart } from '../chain.ts'
import { badStatement, type EvidenceError, replayed } from '../errors.ts'
import type { Position } from '../expectations.ts'
import { Recent } from '../journal/recent.ts'
import type { Direction, Statement } from '../types.ts'
import { Ranges } from './ranges.ts'

/** How many chain heads are remembered over all sessions, and how many of those that stay longer. About 30 MB. */
const HEADS = 131_072
const MARKS = 65_536
/** Every so many statements a head stays longer: two histories that part never meet again, so one place shows it. */
const MARK_EVERY = 1024

/** Chain heads of all sessions, as base64url, in bounded memory: after so many statements of a chain. */
export class HeadBook {
  private readonly recent = new Recent<string>(HEADS)
  private readonly marks = new Recent<string>(MARKS)
  private chains = 0

  newChain(): number {
    return this.chains++
  }

  get(chain: number, seq: number): string | undefined {
    const name = `${chain} ${seq}`
    return this.recent.get(name) ?? this.marks.get(name)
  }

  set(chain: number, seq: number, head: string): void {
    const name = `${chain} ${seq}`
    this.recent.add(name, head)
    if (seq % MARK_EVERY === 0) this.marks.add(name, head)
  }
}

/** One direction of a session as the files tell it. */
export class OfflineChain {
  readonly id: number
  /** Which statements were read. */
  readonly read = new Ranges()
  /** How many of its statements the other end says that it verified. */
  acknowledged = 0
  /** How many statements there are, once its `close` was read: nothing may follow. */
  end: number | undefined
  private readonly book: HeadBook
  private readonly start: string
  /** The highest statement read so far, by how many there are with it; its head is never forgotten. */
  private tip = { seq: 0, head: '' }
  /** Where the file that is being read stands in this direction: a file holds its statements in order. */
  private at: { readonly file: number; readonly next: number; readonly head: string; readonly ack: number } | undefined
  /** Whether the last statement of this file was also in another, or there is no other that goes further. */
  private compared = true

  constructor(book: HeadBook, sid: string, dir: Direction) {
    this.book = book
    this.id = book.newChain()
    this.start = encodeBase64url(chainStart(sid, dir))
    this.tip = { seq: 0, head: this.start }
  }

  /** Chain head after so many statements, base64url; undefined where it is not known (any more). */
  headAt(seq: number): string | undefined {
    if (seq === 0) return this.start
    if (seq >= this.tip.seq) return seq === this.tip.seq ? this.tip.head : undefined
    if (seq === this.at?.next) return this.at.head
    return this.book.get(this.id, seq)
  }

  /** What a statement must follow from; undefined where the statements before it are not in the files. */
  position({ seq }: Statement, file: number): Position | undefined {
    // In one file sequences only rise: a lower one is a statement that was put in twice.
    const expected = this.at?.file === file && seq < this.at.next ? this.at.next : seq
    const head = this.headAt(expected)
    return head === undefined ? undefined : { seq: expected, head: Buffer.from(head, 'base64url') }
  }

  /** What was read before says against a statement. @param next chain head after it */
  contradiction({ seq, kind, ack }: Statement, next: string, file: number): EvidenceError | undefined {
    const head = this.headAt(seq + 1)
    if (head !== undefined && head !== next) return replayed(SECOND_HISTORY)
    if (this.end !== undefined && seq >= this.end)
      return badStatement('A statement follows the close of its direction.')
    // Read, or acknowledged by the other end: then there was one, wherever it is.
    const known = Math.max(this.tip.seq, this.acknowledged)
    if (kind === 'close' && known > seq + 1) return badStatement('A close has statements behind it.')
    if (this.at?.file === file && seq >= this.at.next && ack.seq < this.at.ack) {
      return badStatement('A statement takes an acknowledgement back.')
    }
    return undefined
  }

  add({ seq, kind, prev, ack }: Statement, next: string, file: number): void {
    this.compared = this.headAt(seq + 1) !== undefined || seq + 1 > this.tip.seq
    if (this.headAt(seq) === undefined) this.book.set(this.id, seq, prev)
    this.book.set(this.id, seq + 1, next)
    if (seq + 1 > this.tip.seq) this.tip = { seq: seq + 1, head: next }
    this.at = { file, next: seq + 1, head: next, ack: ack.seq }
    this.read.add(seq)
    if (kind === 'close') this.end = seq + 1
  }

  /** Whether the end of a file's part of this direction is too far back to be held against what other files say. */
  isUncompared(file: number): boolean {
    return this.at?.file === file && !this.compared && this.at.next < this.tip.seq
  }
}

const SECOND_HISTORY = 'Another statement has this sequence: one key signed two histories.'

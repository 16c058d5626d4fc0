import { CountersignError } from '../support/errors.ts'

/** What waits in a queue: it can be told that it will not be signed. */
export interface Waiting {
  failed(error: Error): void
}

/**
 * A bounded queue in lines, served round-robin: one item of each line in turn, first in first out within a line.
 * Without lines one busy server would make the calls to all others wait behind its own.
 */
export class SigningQueue<T extends Waiting> {
  private readonly bound: number
  /** Lines that have items, in the order of their next turn. */
  private readonly lines = new Map<string, T[]>()
  private count = 0

  constructor(bound: number) {
    this.bound = bound
  }

  get size(): number {
    return this.count
  }

  /** @throws CountersignError `limit` when the queue is full */
  add(line: string, item: T): void {
    if (this.count >= this.bound) throw queueFull()
    const waiting = this.lines.get(line)
    if (waiting === undefined) this.lines.set(line, [item])
    else waiting.push(item)
    this.count++
  }

  find(line: string, matches: (item: T) => boolean): T | undefined {
    return this.lines.get(line)?.find(matches)
  }

  /** Takes an item out before its turn; false when it had its turn already. */
  remove(line: string, item: T): boolean {
    const waiting = this.lines.get(line)
    const index = waiting?.indexOf(item) ?? -1
    if (waiting === undefined || index < 0) return false
    waiting.splice(index, 1)
    this.count--
    if (waiting.length === 0) this.lines.delete(line)
    return true
  }

  /** The item whose turn it is. Its line goes behind the others. */
  next(): T | undefined {
    const first = this.lines.entries().next()
    if (first.done === true) return undefined
    const [line, waiting] = first.value
    this.lines.delete(line)
    const item = waiting.shift()
    if (item !== undefined) this.count--
    if (waiting.length > 0) this.lines.set(line, waiting)
    return item
  }

  /** Empties the queue. */
  drain(): T[] {
    const all = Array.from(this.lines.values()).flat()
    this.lines.clear()
    this.count = 0
    return all
  }
}

export function queueFull(): CountersignError {
  return new CountersignError('limit', 'Too many contexts wait for their signature; try again in a moment.')
}

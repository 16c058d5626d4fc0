import { isDeepStrictEqual } from 'node:util'
import { CountersignError, type ErrorCode } from '../../../src/support/errors.ts'
import type { Random } from './random.ts'

/** How the bytes of a target are built up: decides which mutations know something about them. */
export type Format = 'bytes' | 'cbor' | 'json' | 'lines'

/**
 * One parser under test. `run` returns where the parser accepts the input and throws where it refuses it; whatever is no
 * CountersignError with one of `codes` is a finding, a `Violation` included.
 */
export interface Target {
  readonly name: string
  readonly format: Format
  /** What the parser says that it throws (its `@throws`); empty for one that never throws. */
  readonly codes: readonly ErrorCode[]
  /** Valid inputs, made by our own encoders. */
  readonly seeds: readonly Uint8Array[]
  /** Everything random in here comes from the bytes alone, so that an input repeats its finding without the run around it. */
  readonly run: (bytes: Uint8Array, random: Random) => void | Promise<void>
  /** Byte strings that mean something to this parser. */
  readonly tokens?: readonly string[]
  /** Its share of all inputs: 1, less where one input costs milliseconds. */
  readonly share?: number
  /** Of an input, in bytes, where what is held against the result costs more than the parser. */
  readonly longest?: number
}

/** A property does not hold, though the parser itself was content. */
export class Violation extends Error {
  override readonly name = 'Violation'
}

export function must(condition: boolean, property: string): asserts condition {
  if (!condition) throw new Violation(property)
}

export function mustEqual(actual: unknown, expected: unknown, property: string): void {
  if (!isDeepStrictEqual(actual, expected)) throw new Violation(property)
}

export function mustBeBytes(actual: Uint8Array, expected: Uint8Array, property: string): void {
  if (Buffer.compare(actual, expected) !== 0) throw new Violation(property)
}

/** Lists of what a stream gave. Byte strings are compared as such: a deep comparison of a hundred thousand takes a second. */
export function mustEqualEach(actual: readonly unknown[], expected: readonly unknown[], property: string): void {
  must(actual.length === expected.length, property)
  for (const [at, item] of actual.entries()) {
    const other = expected[at]
    if (item instanceof Uint8Array && other instanceof Uint8Array) mustBeBytes(item, other, property)
    else mustEqual(item, other, property)
  }
}

export type Outcome = 'accepted' | 'refused'

/** Runs one input. @throws what was found: anything but an error of ours that the target may throw */
export async function runInput(target: Target, bytes: Uint8Array, random: Random): Promise<Outcome> {
  try {
    const pending = target.run(bytes, random)
    // Most parsers are synchronous: a turn of the microtask queue each would be half of the time.
    if (pending !== undefined) await pending
    return 'accepted'
  } catch (thrown) {
    if (!(thrown instanceof CountersignError)) throw thrown
    must(target.codes.includes(thrown.code), `throws the code "${thrown.code}", which it does not name`)
    must(thrown.message.length <= LONGEST_SENTENCE, 'throws a sentence that grows with its input')
    return 'refused'
  }
}

/** Sentences go into logs and alerts: a peer must not choose how long they are. */
const LONGEST_SENTENCE = 1000

/** A parser, and what its result is held against. */
export function parses<T>(
  parse: (bytes: Uint8Array) => T | Promise<T>,
  check: (value: T, bytes: Uint8Array) => void = () => {},
): Target['run'] {
  return (bytes) => {
    const value = parse(bytes)
    if (value instanceof Promise) return value.then((settled) => check(settled, bytes))
    check(value, bytes)
    return undefined
  }
}

/** Deterministic formats: what is accepted is what the encoder makes of the value, to the byte. */
export function exact<T>(parse: (bytes: Uint8Array) => T, encode: (value: T) => Uint8Array): Target['run'] {
  return parses(parse, (value, bytes) =>
    mustBeBytes(encode(value), bytes, 'accepts bytes that its encoder does not make of the value'),
  )
}

/** Formats with more than one spelling (JSON): the encoder's spelling of an accepted value is read as the same value. */
export function stable<T>(parse: (bytes: Uint8Array) => T, encode: (value: T) => Uint8Array): Target['run'] {
  return parses(parse, (value) =>
    mustEqual(parse(encode(value)), value, 'reads another value where its encoder wrote this one'),
  )
}

/** Something that is fed piece by piece. */
export interface Pushed<T> {
  push(chunk: Uint8Array): readonly T[]
}

/** What comes out of a stream must not depend on how the network cut it. Returns what came out. @throws as `push` */
export function sameInPieces<T>(make: () => Pushed<T>, bytes: Uint8Array, random: Random): readonly T[] {
  const whole = attempt(() => make().push(bytes))
  const pieces = attempt(() => {
    const splitter = make()
    return cutUp(bytes, random).flatMap((piece) => splitter.push(piece))
  })
  mustEqual(pieces.code, whole.code, 'refuses in pieces what it takes whole, or the other way round')
  if (whole.thrown !== undefined) throw whole.thrown
  mustEqualEach(pieces.result ?? [], whole.result ?? [], 'gives something else in pieces')
  return whole.result ?? []
}

interface Attempt<T> {
  readonly result?: T
  readonly thrown?: unknown
  readonly code?: string
}

function attempt<T>(work: () => T): Attempt<T> {
  try {
    return { result: work() }
  } catch (thrown) {
    if (!(thrown instanceof CountersignError)) throw thrown
    return { thrown, code: thrown.code }
  }
}

/** The bytes in pieces of random lengths. */
export function cutUp(bytes: Uint8Array, random: Random): Uint8Array[] {
  const pieces: Uint8Array[] = []
  const most = random.pick([1, 2, 7, 64, 1024] as const)
  for (let at = 0; at < bytes.length; ) {
    // At most some thousand pieces: a long input in single bytes is its own test (test/unit/session/parsers.test.ts).
    const length = Math.max(1 + random.below(most), Math.ceil(bytes.length / 4096))
    pieces.push(bytes.slice(at, at + length))
    at += length
  }
  return pieces
}

import type { Random } from '../engine/random.ts'

/** What a mutation may draw on. */
export interface Supply {
  readonly random: Random
  /** Another input of the same target. */
  readonly other: () => Uint8Array
  readonly tokens: readonly Uint8Array[]
  /** No result is longer. */
  readonly limit: number
}

/** Borders of integers in the sizes that length fields have. */
const BORDERS = [0, 1, 0x10, 0x17, 0x18, 0x7f, 0x80, 0xff, 0x100, 0x7fff, 0xffff, 0x1_0000, 0x4_0000, 0x4_0011] as const
const WIDE = [0x7fff_ffff, 0x8000_0000, 0xffff_ffff] as const

type Mutation = (bytes: Uint8Array, supply: Supply) => Uint8Array

const MUTATIONS: readonly [Mutation, ...Mutation[]] = [
  (bytes, { random }) => changed(bytes, random, (byte) => byte ^ (1 << random.below(8))),
  (bytes, { random }) => changed(bytes, random, () => random.u32()),
  (bytes, { random }) => changed(bytes, random, (byte) => byte + random.pick([-1, 1, 16, -16, 32, -32] as const)),
  (bytes, { random }) => bytes.subarray(0, random.below(bytes.length)),
  (bytes, { random }) => bytes.subarray(random.small(bytes.length)),
  (bytes, { random }) => Buffer.concat([bytes, random.bytes(1 + random.small(64))]),
  removed,
  inserted,
  duplicated,
  spliced,
  lengthField,
  token,
  token,
]

/** One mutation that knows nothing of the format. */
export function mutateBytes(bytes: Uint8Array, supply: Supply): Uint8Array {
  const { random } = supply
  if (random.chance(400)) return repeated(bytes, supply)
  return random.pick(MUTATIONS)(bytes, supply).subarray(0, supply.limit)
}

function changed(bytes: Uint8Array, random: Random, change: (byte: number) => number): Uint8Array {
  const copy = Uint8Array.from(bytes)
  const at = random.below(copy.length)
  if (copy.length > 0) copy[at] = change(copy[at] ?? 0)
  return copy
}

function removed(bytes: Uint8Array, { random }: Supply): Uint8Array {
  const start = random.below(bytes.length)
  const end = start + 1 + random.small(bytes.length - start)
  return Buffer.concat([bytes.subarray(0, start), bytes.subarray(end)])
}

function inserted(bytes: Uint8Array, { random }: Supply): Uint8Array {
  return insert(bytes, random.below(bytes.length + 1), random.bytes(1 + random.small(16)))
}

function duplicated(bytes: Uint8Array, { random }: Supply): Uint8Array {
  const start = random.below(bytes.length)
  const piece = bytes.subarray(start, start + 1 + random.small(bytes.length - start))
  return insert(bytes, random.below(bytes.length + 1), piece)
}

/** The beginning of one input and the end of another. */
function spliced(bytes: Uint8Array, { random, other }: Supply): Uint8Array {
  const tail = other()
  return Buffer.concat([bytes.subarray(0, random.below(bytes.length + 1)), tail.subarray(random.below(tail.length))])
}

/** A big-endian integer of 1, 2, 4 or 8 bytes somewhere: at a border, near what is there, or near what is left. */
function lengthField(bytes: Uint8Array, { random }: Supply): Uint8Array {
  const copy = Uint8Array.from(bytes)
  const width = random.pick([1, 2, 4, 4, 8] as const)
  if (copy.length < width) return copy
  const at = random.below(Math.min(copy.length - width + 1, random.chance(2) ? 32 : copy.length))
  let there = 0n
  for (let index = 0; index < width; index++) there = (there << 8n) | BigInt(copy[at + index] ?? 0)
  const left = BigInt(copy.length - at - width)
  const near = BigInt(random.below(5) - 2)
  let value = random.pick([there + near, left + near, BigInt(random.pick(BORDERS)) + near, BigInt(random.pick(WIDE))])
  for (let index = width - 1; index >= 0; index--) {
    copy[at + index] = Number(value & 0xffn)
    value >>= 8n
  }
  return copy
}

/** A token of the format put in, or written over what is there. */
function token(bytes: Uint8Array, { random, tokens }: Supply): Uint8Array {
  const word = random.pick(tokens)
  if (word === undefined) return bytes
  const at = random.below(bytes.length + 1)
  if (random.chance(2)) return insert(bytes, at, word)
  return Buffer.concat([bytes.subarray(0, at), word, bytes.subarray(at + word.length)])
}

/** Some bytes very often: what costs more than it should shows at length. */
function repeated(bytes: Uint8Array, { random, limit, tokens }: Supply): Uint8Array {
  const start = random.below(bytes.length)
  const piece = random.chance(2)
    ? (random.pick(tokens) ?? Uint8Array.of(0))
    : bytes.subarray(start, start + 1 + random.small(bytes.length - start))
  const length = Math.min(limit, 2 ** (10 + random.below(9)))
  const times = Math.max(1, Math.floor(length / Math.max(1, piece.length)))
  return insert(bytes, random.below(bytes.length + 1), Buffer.concat(Array.from({ length: times }, () => piece)))
}

function insert(bytes: Uint8Array, at: number, piece: Uint8Array): Uint8Array {
  return Buffer.concat([bytes.subarray(0, at), piece, bytes.subarray(at)])
}

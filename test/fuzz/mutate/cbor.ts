import type { Random } from '../engine/random.ts'
import { mutateBytes, type Supply } from './bytes.ts'

/**
 * CBOR as a tree that can also say what our own encoder never would: it is read and written here without a check, so that
 * the decoder under test is not what decides which inputs it gets.
 */
type Node =
  | { readonly kind: 'raw'; readonly bytes: Uint8Array }
  | { readonly kind: 'string'; readonly major: number; readonly content: Uint8Array }
  /** Of a map: name, value, name, value. */
  | { readonly kind: 'container'; readonly major: number; readonly children: Node[] }

const TEXT = 3
const MAP = 5
const MAX_DEPTH = 100

class Reader {
  private readonly bytes: Uint8Array
  private at = 0

  constructor(bytes: Uint8Array) {
    this.bytes = bytes
  }

  get done(): boolean {
    return this.at === this.bytes.length
  }

  /** undefined for what is not plain CBOR of definite lengths. */
  node(depth = 0): Node | undefined {
    const start = this.at
    const first = this.bytes[this.at++]
    if (first === undefined || depth > MAX_DEPTH) return undefined
    const major = first >> 5
    const short = first & 31
    const width = short < 24 ? 0 : short < 28 ? 2 ** (short - 24) : -1
    if (width < 0) return undefined
    let argument = width === 0 ? short : 0
    for (let index = 0; index < width; index++) argument = argument * 256 + (this.bytes[this.at++] ?? 0)
    if (this.at > this.bytes.length) return undefined
    if (major === 2 || major === TEXT) {
      this.at += argument
      if (this.at > this.bytes.length) return undefined
      return { kind: 'string', major, content: this.bytes.subarray(this.at - argument, this.at) }
    }
    if (major < 4 || major > 6) return { kind: 'raw', bytes: this.bytes.subarray(start, this.at) }
    const children: Node[] = []
    const count = major === 6 ? 1 : major === MAP ? 2 * argument : argument
    for (let index = 0; index < count; index++) {
      const child = this.node(depth + 1)
      if (child === undefined) return undefined
      children.push(child)
    }
    if (major !== 6) return { kind: 'container', major, children }
    return { kind: 'raw', bytes: this.bytes.subarray(start, this.at) }
  }
}

function head(major: number, argument: number, random?: Random): Uint8Array {
  const shortest = argument < 24 ? 0 : argument < 0x100 ? 1 : argument < 0x1_0000 ? 2 : argument < 0x1_0000_0000 ? 4 : 8
  const width = random?.pick([1, 2, 4, 8] as const) ?? shortest
  if (width < shortest || width === 0)
    return Uint8Array.of((major << 5) | (argument < 24 ? argument : 24), ...(argument < 24 ? [] : [argument]))
  const bytes = new Uint8Array(1 + width)
  bytes[0] = (major << 5) | (24 + Math.log2(width))
  let rest = BigInt(argument)
  for (let at = width; at > 0; at--) {
    bytes[at] = Number(rest & 0xffn)
    rest >>= 8n
  }
  return bytes
}

/** With `quirk`, one of the heads is longer than needed or lies about what follows. */
function write(node: Node, random: Random, quirk?: Node): Uint8Array {
  if (node.kind === 'raw') return node.bytes
  const odd = node === quirk
  const lie = odd && random.chance(2) ? random.pick([-1, 1, 255, 0xffff_ffff] as const) : 0
  const padded = odd && lie === 0 ? random : undefined
  if (node.kind === 'string') {
    return Buffer.concat([head(node.major, Math.max(0, node.content.length + lie), padded), node.content])
  }
  const children = node.children.map((child) => write(child, random, quirk))
  const count = node.major === MAP ? children.length >> 1 : children.length
  if (odd && random.chance(4))
    return Buffer.concat([Uint8Array.of((node.major << 5) | 31), ...children, Uint8Array.of(0xff)])
  return Buffer.concat([head(node.major, Math.max(0, count + lie), padded), ...children])
}

const hex = (text: string): Uint8Array => new Uint8Array(Buffer.from(text, 'hex'))

/** Items that are valid CBOR and mostly no part of a document of ours. */
const ODD = [
  '00',
  '01',
  '17',
  '1818',
  '18ff',
  '190100',
  '19ffff',
  '1a00010000',
  '1affffffff',
  '1b0020000000000000',
  '1b001fffffffffffff',
  '1bffffffffffffffff',
  '20',
  '3903e7',
  '3b001ffffffffffffe',
  '3bffffffffffffffff',
  '40',
  '4100',
  '60',
  '6161',
  '61ff',
  '63eda080',
  '80',
  'a0',
  '8100',
  'a1616100',
  'a1695f5f70726f746f5f5f00',
  'f4',
  'f5',
  'f6',
  'f7',
  'f0',
  'f8ff',
  'f90000',
  'f98000',
  'f93c00',
  'f97e00',
  'f97c00',
  'fa7f800000',
  'fb3ff0000000000000',
  'fb4340000000000000',
  'c000',
  'c11a00000000',
  'd9d9f700',
  'c249010000000000000000',
  '9f00ff',
  '5f4100ff',
  'ff',
  '1c',
].map((text): Node => ({ kind: 'raw', bytes: hex(text) }))

const NAMES = ['__proto__', 'constructor', 'toString', 'length', 'then', '', '\ufeff', 'a'].map(
  (name): Node => ({ kind: 'string', major: TEXT, content: Buffer.from(name) }),
)

/** One mutation of a CBOR document; of bytes, where it is none. */
export function mutateCbor(bytes: Uint8Array, supply: Supply): Uint8Array {
  const { random, limit } = supply
  const reader = new Reader(bytes)
  const root = reader.node()
  if (root === undefined || !reader.done || random.chance(4)) return mutateBytes(bytes, supply)
  if (random.chance(8)) return write(root, random, random.pick(list(root))).subarray(0, limit)
  return write(change(root, supply), random).subarray(0, limit)
}

function list(node: Node, into: Node[] = []): Node[] {
  into.push(node)
  if (node.kind === 'container') for (const child of node.children) list(child, into)
  return into
}

/** The same tree with one node replaced. */
function change(root: Node, supply: Supply): Node {
  const chosen = supply.random.pick(list(root))
  const replace = (node: Node): Node => {
    if (node === chosen) return mutated(node, supply)
    return node.kind === 'container' ? { ...node, children: node.children.map(replace) } : node
  }
  return replace(root)
}

function mutated(node: Node, supply: Supply): Node {
  const { random } = supply
  if (random.chance(5)) return random.pick(ODD) ?? node
  if (random.chance(8)) return fromOther(supply) ?? node
  if (random.chance(20)) return nested(node, random)
  if (node.kind === 'string') return { ...node, ...string(node, supply) }
  if (node.kind === 'container')
    return { ...node, children: children(node.children, node.major === MAP ? 2 : 1, supply) }
  return random.chance(2)
    ? { kind: 'raw', bytes: head(0, random.below(2 ** random.below(53))) }
    : (random.pick(ODD) ?? node)
}

function string(
  { major, content }: Extract<Node, { kind: 'string' }>,
  supply: Supply,
): { readonly major: number; readonly content: Uint8Array } {
  const { random } = supply
  if (random.chance(10)) return { major: 5 - major, content }
  if (random.chance(10))
    return { major, content: random.bytes(random.pick([0, 1, 31, 32, 33, 47, 48, 49, 64, 255, 256, 4096])) }
  return { major, content: mutateBytes(content, supply) }
}

/** A member or element twice, gone, moved, or one more; maps in steps of two. */
function children(items: readonly Node[], step: 1 | 2, { random }: Supply): Node[] {
  const count = items.length / step
  const at = step * random.below(count)
  const piece = items.slice(at, at + step)
  const without = [...items.slice(0, at), ...items.slice(at + step)]
  const to = step * random.below(count + 1)
  switch (random.below(4)) {
    case 0:
      return without
    case 1:
      return [...items.slice(0, to), ...piece, ...items.slice(to)]
    case 2:
      return [...without.slice(0, to), ...piece, ...without.slice(to)]
    default: {
      const extra = [random.pick(NAMES), random.pick(ODD)].slice(-step).filter((node) => node !== undefined)
      const times = random.chance(10) ? random.below(300) : 1
      return [...items.slice(0, to), ...Array.from({ length: times }, () => extra).flat(), ...items.slice(to)]
    }
  }
}

function fromOther({ random, other }: Supply): Node | undefined {
  const root = new Reader(other()).node()
  return root === undefined ? undefined : random.pick(list(root))
}

function nested(node: Node, random: Random): Node {
  let inner = node
  for (let depth = random.pick([1, 2, 4, 16, 17, 100] as const); depth > 0; depth--) {
    inner = random.chance(4)
      ? { kind: 'container', major: MAP, children: [random.pick(NAMES) ?? inner, inner] }
      : { kind: 'container', major: 4, children: [inner] }
  }
  return inner
}

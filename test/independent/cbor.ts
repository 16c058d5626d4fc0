// PROTOCOL.md, "Notation": deterministic CBOR, and what is refused.

/** "Refused: n": the receiver ends the connection with alert n. */
export class Refused extends Error {
  readonly code: number

  constructor(code: number, why: string) {
    super(`${code}: ${why}`)
    this.code = code
  }
}

/** The other end refused us. */
export class Told extends Refused {}

/** Refuses with `code` unless the condition holds. */
export function must(holds: boolean, code: number, why: string): asserts holds {
  if (!holds) throw new Refused(code, why)
}

export type Cbor = null | boolean | number | string | Uint8Array | readonly Cbor[] | { readonly [name: string]: Cbor }

function isList(value: Cbor): value is readonly Cbor[] {
  return Array.isArray(value)
}

/** Major type and its number, in as few bytes as it needs. */
function head(major: number, count: number): Buffer {
  const first = major << 5
  if (count < 24) return Buffer.of(first | count)
  if (count < 0x100) return Buffer.of(first | 24, count)
  const bytes = Buffer.alloc(count < 0x10000 ? 3 : count < 0x1_0000_0000 ? 5 : 9)
  bytes[0] = first | (bytes.length === 3 ? 25 : bytes.length === 5 ? 26 : 27)
  if (bytes.length === 9) bytes.writeBigUInt64BE(BigInt(count), 1)
  else bytes.writeUIntBE(count, 1, bytes.length - 1)
  return bytes
}

export function encode(value: Cbor): Buffer {
  if (value === null) return Buffer.of(0xf6)
  if (typeof value === 'boolean') return Buffer.of(value ? 0xf5 : 0xf4)
  if (typeof value === 'number') return value < 0 ? head(1, -1 - value) : head(0, value)
  if (typeof value === 'string') return Buffer.concat([head(3, Buffer.byteLength(value)), Buffer.from(value)])
  if (value instanceof Uint8Array) return Buffer.concat([head(2, value.length), value])
  if (isList(value)) return Buffer.concat([head(4, value.length), ...value.map(encode)])
  const members = Object.entries(value).map(([name, member]) => [encode(name), encode(member)] as const)
  members.sort(([a], [b]) => Buffer.compare(a, b))
  return Buffer.concat([head(5, members.length), ...members.flat()])
}

/** One document. What is not deterministic shows when it is encoded again, so the reader below need not look for it. */
export function decode(bytes: Uint8Array): Cbor {
  const input = Buffer.from(bytes)
  let at = 0
  const take = (length: number): Buffer => {
    must(at + length <= input.length, 21, 'cut')
    at += length
    return input.subarray(at - length, at)
  }
  const item = (depth: number): Cbor => {
    must(depth <= 16, 21, 'nesting')
    const first = take(1).readUInt8()
    const [major, short] = [first >> 5, first & 31]
    if (major === 7) {
      must(short >= 20 && short <= 22, 21, 'a simple value or a float')
      return short === 22 ? null : short === 21
    }
    must(short <= 27, 21, 'indefinite length')
    const count = short < 24 ? short : Number(BigInt(`0x${take(1 << (short - 24)).toString('hex')}`))
    must(Number.isSafeInteger(count) && (major < 4 || count <= 65_536), 21, 'a number too large')
    if (major === 0) return count
    if (major === 1) return -1 - count
    if (major === 2) return take(count)
    if (major === 3) return take(count).toString('utf8')
    if (major === 4) return Array.from({ length: count }, () => item(depth + 1))
    must(major === 5, 21, 'a tag')
    const members: Record<string, Cbor> = Object.create(null)
    for (let member = 0; member < count; member += 1) members[asText(item(depth + 1))] = item(depth + 1)
    return members
  }
  const value = item(1)
  must(encode(value).equals(input), 21, 'not deterministic')
  return value
}

export function asBytes(value: Cbor | undefined, length?: number): Buffer {
  must(value instanceof Uint8Array && (length === undefined || value.length === length), 21, 'bytes wanted')
  return Buffer.from(value)
}

export function asNumber(value: Cbor | undefined, least = 0): number {
  must(typeof value === 'number' && value >= least, 21, 'a number wanted')
  return value
}

export function asText(value: Cbor | undefined): string {
  must(typeof value === 'string', 21, 'text wanted')
  return value
}

export function asList(value: Cbor | undefined, length?: number): readonly Cbor[] {
  must(value !== undefined && isList(value) && (length === undefined || value.length === length), 21, 'array wanted')
  return value
}

/** A map with exactly these members. */
export function asMap(value: Cbor | undefined, names: readonly string[]): { readonly [name: string]: Cbor } {
  must(typeof value === 'object' && value !== null && !isList(value), 21, 'map wanted')
  must(!(value instanceof Uint8Array), 21, 'map wanted')
  must(Object.keys(value).sort().join() === names.toSorted().join(), 21, `members wanted: ${names.join()}`)
  return value
}

/** Random numbers that a seed repeats exactly (sfc32): a finding must come back on another machine. */
export class Random {
  private a: number
  private b: number
  private c: number
  private d: number

  constructor(seed: string) {
    this.a = hash(seed, 0x9e3779b9)
    this.b = hash(seed, 0x243f6a88)
    this.c = hash(seed, 0xb7e15162)
    this.d = 1
    for (let round = 0; round < 12; round++) this.u32()
  }

  /** The same numbers for the same bytes. */
  static of(bytes: Uint8Array): Random {
    let value = 0
    for (let at = 0; at < bytes.length; at++) value = Math.imul(value ^ (bytes[at] ?? 0), 0x01000193)
    return new Random(`${bytes.length} ${value}`)
  }

  u32(): number {
    const sum = (this.a + this.b + this.d) | 0
    this.d = (this.d + 1) | 0
    this.a = this.b ^ (this.b >>> 9)
    this.b = (this.c + (this.c << 3)) | 0
    this.c = ((this.c << 21) | (this.c >>> 11)) + sum
    return sum >>> 0
  }

  /** 0 to `below` - 1; 0 where there is no choice. */
  below(below: number): number {
    return below <= 1 ? 0 : Math.floor((this.u32() / 0x1_0000_0000) * below)
  }

  /** Mostly small, now and then as large as `below` allows: lengths of what is cut, inserted and repeated. */
  small(below: number): number {
    return this.below(Math.max(1, Math.floor(below / 2 ** this.below(12))))
  }

  chance(one: number): boolean {
    return this.below(one) === 0
  }

  pick<T>(list: readonly [T, ...T[]]): T
  pick<T>(list: readonly T[]): T | undefined
  pick<T>(list: readonly T[]): T | undefined {
    return list[this.below(list.length)]
  }

  bytes(length: number): Uint8Array {
    const bytes = new Uint8Array(length)
    for (let at = 0; at < length; at++) bytes[at] = this.u32()
    return bytes
  }
}

/** FNV-1a: spreads seeds that differ in one character, and is no secret. */
function hash(text: string, start: number): number {
  let value = start
  for (let at = 0; at < text.length; at++) value = Math.imul(value ^ text.charCodeAt(at), 0x01000193)
  return value ^ (value >>> 15)
}

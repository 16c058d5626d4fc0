import { closeSync, existsSync, openSync, readFileSync, readSync } from 'node:fs'

/**
 * Searches the memory of another process for secrets: every readable page, through /proc/PID/maps and /proc/PID/mem. A heap
 * snapshot would not do: it does not contain the bytes of buffers, nor anything that OpenSSL or WebAssembly holds.
 *
 *     const found = scanMemory(pid, [{ name: 'ss', forms: formsOf(bytes) }])     // Map { 'ss' => Set { '[heap]' } }
 *
 * Linux only. The process should stand still meanwhile, and its parent may look into it without more rights.
 */
export interface Wanted {
  readonly name: string
  /** Spellings of the secret; 12 bytes or more each. Any `WINDOW` bytes of one, from a multiple of `STEP`, are a hit. */
  readonly forms: readonly Uint8Array[]
}

/** Where something was found, by the name of its region; absent where it was not. */
export type Found = ReadonlyMap<string, ReadonlySet<string>>

/** Half of an AES-256 key: less is no secret, and a chance hit of 16 bytes does not happen. */
const WINDOW = 16
/** With windows at every 8th byte of a secret, no copy of 23 bytes or more of it is missed. */
const STEP = 8
const CHUNK = 1024 * 1024
const PAGE = 4096
const ZEROS = Buffer.alloc(PAGE)

/** Why this machine cannot be scanned, for the title of a skipped test; undefined where it can. */
export const whyNoScan = existsSync('/proc/self/mem') ? undefined : 'there is no /proc/PID/mem here'

/**
 * How a secret may lie in memory: as it is, back to front (OpenSSL's big numbers on a little-endian machine), and each 8
 * bytes back to front (the state words of SHA-512, whose last value is the digest).
 */
export function formsOf(secret: Uint8Array): Uint8Array[] {
  const reversed = secret.slice().reverse()
  const words = secret.slice(0, secret.length - (secret.length % 8))
  for (let at = 0; at < words.length; at += 8) words.subarray(at, at + 8).reverse()
  // An iv of 12 bytes has one word, which is less than anybody can search for.
  return words.length < WINDOW ? [secret, reversed] : [secret, reversed, words]
}

/** The decapsulation key's vector s (FIPS 203, algorithm 6 with d = 12) as numbers of 16 bits, in which it is computed with. */
export function coefficientsOf(packed: Uint8Array): Uint8Array {
  const numbers = new Uint16Array((packed.length / 3) * 2)
  for (let at = 0, to = 0; at + 3 <= packed.length; at += 3, to += 2) {
    const [a = 0, b = 0, c = 0] = packed.subarray(at, at + 3)
    numbers[to] = a | ((b & 15) << 8)
    numbers[to + 1] = (b >> 4) | (c << 4)
  }
  return new Uint8Array(numbers.buffer)
}

/**
 * @param whole false to stop as soon as each secret was found somewhere
 * @throws where the process has gone, or may not be looked into
 */
export function scanMemory(pid: number, wanted: readonly Wanted[], whole = true): Found {
  const index = new Index(wanted)
  const memory = openSync(`/proc/${pid}/mem`, 'r')
  const buffer = Buffer.alloc(CHUNK + WINDOW)
  try {
    for (const { start, end, name } of regionsOf(pid)) {
      // What may begin at the end of one chunk and go on in the next is carried over.
      let kept = 0
      for (let at = start; at < end; ) {
        const read = readAt(memory, buffer, kept, Math.min(CHUNK, end - at), at)
        // A page that cannot be read (a device, a guard) ends its region, not the scan.
        if (read === 0) break
        index.search(buffer.subarray(0, kept + read), name)
        if (!whole && index.found.size === wanted.length) return index.found
        const length = kept + read
        kept = Math.min(length, WINDOW - 1)
        buffer.copyWithin(0, length - kept, length)
        at += read
      }
    }
  } finally {
    closeSync(memory)
  }
  return index.found
}

interface Region {
  readonly start: number
  readonly end: number
  readonly name: string
}

/** All but the files that were mapped for reading: what nobody can write to holds no secret of ours. */
function regionsOf(pid: number): Region[] {
  const regions: Region[] = []
  for (const line of readFileSync(`/proc/${pid}/maps`, 'utf8').split('\n')) {
    const match = /^([0-9a-f]+)-([0-9a-f]+) (r)(.).. \S+ \S+ (\d+) *(.*)$/.exec(line)
    if (match === null) continue
    const [, from = '', to = '', , write = '', inode = '', path = ''] = match
    if ((write !== 'w' && inode !== '0') || path === '[vvar]' || path === '[vsyscall]') continue
    regions.push({
      start: Number.parseInt(from, 16),
      end: Number.parseInt(to, 16),
      name: path === '' ? 'anonymous' : path,
    })
  }
  if (regions.length === 0) throw new Error(`process ${pid} has no memory that may be read`)
  return regions
}

function readAt(file: number, buffer: Buffer, offset: number, length: number, position: number): number {
  try {
    return readSync(file, buffer, offset, length, position)
  } catch {
    return 0
  }
}

interface Needle {
  readonly name: string
  readonly bytes: Buffer
}

/** Finds any of many needles in one pass: most positions are ruled out by their first two bytes. */
class Index {
  readonly found = new Map<string, Set<string>>()
  private readonly starts = new Uint8Array(65_536)
  private readonly needles = new Map<number, Needle[]>()

  constructor(wanted: readonly Wanted[]) {
    for (const { name, forms } of wanted) {
      for (const form of forms) {
        const last = Math.max(0, form.length - WINDOW)
        for (let at = 0; at <= last; at += STEP) this.add(name, Buffer.from(form.slice(at, at + WINDOW)))
      }
    }
  }

  search(bytes: Buffer, region: string): void {
    for (let at = 0; at < bytes.length; at += PAGE) {
      const page = bytes.subarray(at, at + PAGE)
      // Half of a process's memory was never written to. What begins in the last zeros of such a page is found with the next.
      if (page.equals(ZEROS.subarray(0, page.length))) continue
      this.searchFrom(bytes, Math.max(0, at - WINDOW), at + page.length, region)
    }
  }

  private searchFrom(bytes: Buffer, from: number, to: number, region: string): void {
    const { starts } = this
    const end = Math.min(to, bytes.length - 3)
    let pair = (bytes[from] ?? 0) << 8
    for (let at = from; at < end; at++) {
      pair = (pair >> 8) | ((bytes[at + 1] ?? 0) << 8)
      if (starts[pair] === 0) continue
      for (const needle of this.needles.get(bytes.readUInt32LE(at)) ?? []) {
        // What goes on behind these bytes is found when they are carried over to the next.
        if (at + needle.bytes.length > bytes.length) continue
        if (bytes.compare(needle.bytes, 0, needle.bytes.length, at, at + needle.bytes.length) === 0) {
          const regions = this.found.get(needle.name) ?? new Set()
          this.found.set(needle.name, regions.add(region))
        }
      }
    }
  }

  private add(name: string, bytes: Buffer): void {
    // Zeros are everywhere: a secret that was wiped before it was told would be "found" in every page.
    if (bytes.length < 12 || bytes.every((byte) => byte === 0)) throw new Error(`${name} is no secret to look for`)
    const key = bytes.readUInt32LE(0)
    this.starts[key & 0xffff] = 1
    this.needles.set(key, [...(this.needles.get(key) ?? []), { name, bytes }])
  }
}

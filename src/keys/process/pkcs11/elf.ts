import { Buffer } from 'node:buffer'
import { closeSync, openSync, readSync } from 'node:fs'

/** Names of Elf64 fields are those of the System V ABI, chapter 5. */
const PT = { LOAD: 1, DYNAMIC: 2 } as const
const DT = { NULL: 0, NEEDED: 1, STRTAB: 5 } as const
const EHDR_SIZE = 64
const PHDR_SIZE = 56
const DYN_SIZE = 16
/** Real libraries have around ten program headers and some dozens of dynamic entries. */
const MOST_HEADERS = 128
const MOST_DYNAMIC = 4096
const LONGEST_NAME = 256

/**
 * DT_NEEDED: names of the libraries that a 64-bit ELF library is linked to. Empty for any other file, and for one that is
 * not as it should be: whether it loads is for the system's loader to say, this only looks ahead.
 */
export function neededLibraries(file: string): string[] {
  let descriptor: number | undefined
  try {
    descriptor = openSync(file, 'r')
    return readNeeded(descriptor)
  } catch {
    return []
  } finally {
    if (descriptor !== undefined) closeSync(descriptor)
  }
}

function readNeeded(descriptor: number): string[] {
  const header = readAt(descriptor, 0, EHDR_SIZE)
  if (header.readUInt32BE(0) !== 0x7f454c46 || header[4] !== 2) return []
  const little = header[5] === 1
  const half = (bytes: Buffer, at: number) => (little ? bytes.readUInt16LE(at) : bytes.readUInt16BE(at))
  const word = (bytes: Buffer, at: number) => (little ? bytes.readUInt32LE(at) : bytes.readUInt32BE(at))
  const long = (bytes: Buffer, at: number) => Number(little ? bytes.readBigUInt64LE(at) : bytes.readBigUInt64BE(at))

  const count = half(header, 56)
  if (half(header, 54) !== PHDR_SIZE || count > MOST_HEADERS) return []
  const table = readAt(descriptor, long(header, 32), count * PHDR_SIZE)
  const segments = Array.from({ length: count }, (_, index) => {
    const at = index * PHDR_SIZE
    return {
      type: word(table, at),
      offset: long(table, at + 8),
      address: long(table, at + 16),
      size: long(table, at + 32),
    }
  })
  const dynamic = segments.find(({ type }) => type === PT.DYNAMIC)
  if (dynamic === undefined || dynamic.size > MOST_DYNAMIC * DYN_SIZE) return []

  const bytes = readAt(descriptor, dynamic.offset, dynamic.size)
  const names: number[] = []
  let strings: number | undefined
  for (let at = 0; at + DYN_SIZE <= bytes.length; at += DYN_SIZE) {
    const tag = long(bytes, at)
    if (tag === DT.NULL) break
    if (tag === DT.NEEDED) names.push(long(bytes, at + 8))
    if (tag === DT.STRTAB) strings = long(bytes, at + 8)
  }
  const address = strings
  if (address === undefined) return []
  const home = segments.find(
    (one) => one.type === PT.LOAD && one.address <= address && address < one.address + one.size,
  )
  if (home === undefined) return []
  return names.map((name) => stringAt(descriptor, address - home.address + home.offset + name))
}

function stringAt(descriptor: number, offset: number): string {
  const bytes = Buffer.alloc(LONGEST_NAME)
  const end = bytes.subarray(0, readSync(descriptor, bytes, 0, LONGEST_NAME, offset)).indexOf(0)
  if (end < 0) throw new RangeError('a name without an end')
  return bytes.toString('latin1', 0, end)
}

function readAt(descriptor: number, offset: number, length: number): Buffer {
  const bytes = Buffer.alloc(length)
  if (readSync(descriptor, bytes, 0, length, offset) !== length) throw new RangeError('the file ends too early')
  return bytes
}

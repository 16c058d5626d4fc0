import { randomFillSync } from 'node:crypto'
import { joined } from './encoding.ts'

/** `length` bytes from the operating system's generator, as a plain Uint8Array (never a slice of a shared pool). */
export function randomBytes(length: number): Uint8Array {
  return randomFillSync(secretBytes(length))
}

const salts = new Uint8Array(4096)
let taken = salts.length

/**
 * `length` bytes (up to 4,096) for what is no key: the salt of a statement, which goes to the other side in its clear text. They
 * come from the operating system's generator 4 KiB at a time, because a system call for each costs more than all digests of a
 * statement. Each byte is given once, and not kept.
 */
export function randomSalt(length: number): Uint8Array {
  if (taken + length > salts.length) {
    randomFillSync(salts)
    taken = 0
  }
  const end = taken + length
  const salt = salts.slice(taken, end)
  salts.fill(0, taken, end)
  taken = end
  return salt
}

/**
 * Zeros with room for a secret. V8 keeps an array of up to 64 bytes inside its own heap: the garbage collector copies it
 * about, the first call into C++ moves it out, and no `wipe` reaches what stays behind. One with a buffer of its own stays
 * where it is.
 */
export function secretBytes(length: number): Uint8Array {
  return new Uint8Array(new ArrayBuffer(length))
}

/** The parts, one after the other, as `secretBytes`. */
export function secretConcat(...parts: readonly Uint8Array[]): Uint8Array {
  return joined(parts, secretBytes)
}

/**
 * Overwrites secrets with zeros. It reaches the buffers given and no copies that a library made of them: it shortens the
 * time that a secret is in memory, it does not prove its absence.
 */
export function wipe(...buffers: readonly (Uint8Array | null | undefined)[]): void {
  for (const buffer of buffers) buffer?.fill(0)
}

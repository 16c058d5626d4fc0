import { createRequire, syncBuiltinESMExports } from 'node:module'
import { readSync, writeSync } from 'node:fs'

/**
 * Runs inside the process that is examined: tells its parent each secret in the moment in which it is made, and waits until
 * the parent has looked. `writeSync` hands the kernel the very bytes of the secret, so telling it makes no copy in here.
 */
const PARENT = 4
const answer = Buffer.alloc(1)

/** Every buffer that was told stays referenced: it has to be wiped, it cannot be gone because something else took its place. */
const held: Uint8Array[] = []

/** @param secret its bytes, or base64url text where a library gives it out in no other way: text is not what is searched for */
export function tell<T extends Uint8Array | string>(name: string, secret: T): T {
  write(Buffer.from(`${JSON.stringify({ name, length: secret.length, text: typeof secret === 'string' })}\n`))
  if (typeof secret === 'string') write(Buffer.from(secret, 'latin1'))
  else {
    write(secret)
    held.push(secret)
  }
  readSync(PARENT, answer)
  return secret
}

function write(bytes: Uint8Array): void {
  for (let at = 0; at < bytes.length; ) at += writeSync(PARENT, bytes, at)
}

let drawing: string | undefined

/** Runs `make` and tells what it draws from the random generator, which is as good as the key that comes of it. */
export function drawn<T>(name: string, make: () => T): T {
  drawing = name
  try {
    return make()
  } finally {
    drawing = undefined
  }
}

/** The two doors to the generator: noble uses the first, liboqs and our own code the second. */
const crypto: { randomFillSync: (bytes: Uint8Array) => Uint8Array } = createRequire(import.meta.url)('node:crypto')
const { randomFillSync } = crypto
crypto.randomFillSync = (bytes) => watched(randomFillSync(bytes))
syncBuiltinESMExports()
const getRandomValues = globalThis.crypto.getRandomValues.bind(globalThis.crypto)
globalThis.crypto.getRandomValues = (array) => {
  const filled = getRandomValues(array)
  if (filled instanceof Uint8Array) watched(filled)
  return filled
}

function watched(bytes: Uint8Array): Uint8Array {
  if (drawing !== undefined) tell(drawing, bytes)
  return bytes
}

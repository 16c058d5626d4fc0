import { describe, expect, it } from 'vitest'
import { loadWasmKem, loadWasmSignature } from '../../../src/crypto/backend/wasm.ts'
import { type Library, loadModule } from '../../../src/crypto/backend/wasmModule.ts'
import { randomBytes } from '../../../src/crypto/random.ts'

/** What an operation leaves in the memory of its WebAssembly module, looked at byte by byte. */

/** The module's constants and variables lie in front of its stack: malloc's own among them, no key. */
const DATA = 8192

interface Left {
  /** Bytes other than zero between the variables and the heap: the stack, all 8 MiB of it. */
  readonly stack: number
  /** The longest run of such bytes in the heap that were not there before. */
  readonly heap: number
}

function left({ module, heap }: Library, before: Uint8Array): Left {
  const now = module.HEAPU8
  let [stack, run, longest] = [0, 0, 0]
  for (let at = DATA; at < heap; at++) if (now[at] !== 0) stack += 1
  for (let at = heap; at < now.length; at++) {
    run = now[at] === 0 || now[at] === before[at] ? 0 : run + 1
    longest = Math.max(longest, run)
  }
  return { stack, heap: longest }
}

/** Nothing, but for the words in which malloc remembers what is free: addresses of three bytes. */
function expectNothing(what: Left): void {
  expect(what.stack).toBe(0)
  expect(what.heap).toBeLessThan(4)
}

describe.each(['ML-KEM-768', 'ML-KEM-1024'] as const)('%s leaves nothing', (name) => {
  it('of a key, of an encapsulation, of a decapsulation', async () => {
    const library = await loadModule(name)
    const kem = await loadWasmKem(name, library)
    const before = library.module.HEAPU8.slice()
    const key = kem.generate()
    expectNothing(left(library, before))
    const { ciphertext, sharedSecret } = kem.encapsulate(key.publicKey)
    expectNothing(left(library, before))
    expect(await key.decapsulate(ciphertext)).toEqual(sharedSecret)
    expectNothing(left(library, before))
  })

  it('while the library by itself leaves some of its stack', async () => {
    const { module, scheme, heap } = await loadModule(name)
    const before = module.HEAPU8.slice()
    const [publicKey, secretKey] = [module._malloc(1568), module._malloc(3168)]
    expect(module._OQS_KEM_keypair(scheme, publicKey, secretKey)).toBe(0)
    const found = left({ module, scheme, heap }, before)
    expect(found.stack).toBeGreaterThan(100)
    // The key, which nobody has taken away.
    expect(found.heap).toBeGreaterThan(32)
  })
})

describe.each(['ML-DSA-65', 'ML-DSA-87'] as const)('%s leaves nothing', (algorithm) => {
  it('of a signature, however long the message', async () => {
    const library = await loadModule(algorithm)
    const scheme = await loadWasmSignature(algorithm, library)
    const key = await scheme.keyFromSeed(randomBytes(32))
    const before = library.module.HEAPU8.slice()
    // Rejections make a signature use more or less: 20 of them have seen every path.
    for (const length of [...Array.from({ length: 20 }, () => 64), 100_000]) {
      key.sign(randomBytes(length))
      expectNothing(left(library, before))
    }
  })
})

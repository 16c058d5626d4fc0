import { CountersignError } from '../../support/errors.ts'
import { said } from '../../support/l10n.ts'
import type { KemName, SignatureAlgorithm } from '../algorithms.ts'
import { secretConcat } from '../random.ts'

/** What Emscripten and liboqs export. Pointers and sizes are numbers; status 0 is success. */
export interface LiboqsModule {
  /** Replaced by a new view whenever the memory grows: read it anew for each use. */
  readonly HEAPU8: Uint8Array
  _malloc(size: number): number
  _free(pointer: number): void
  _OQS_init(): void
  _OQS_SIG_new(name: number): number
  _OQS_SIG_keypair(scheme: number, publicKey: number, secretKey: number): number
  _OQS_SIG_sign(
    scheme: number,
    signature: number,
    signatureLength: number,
    message: number,
    messageLength: number,
    secretKey: number,
  ): number
  _OQS_SIG_verify(
    scheme: number,
    message: number,
    messageLength: number,
    signature: number,
    signatureLength: number,
    publicKey: number,
  ): number
  _OQS_KEM_new(name: number): number
  _OQS_KEM_keypair(scheme: number, publicKey: number, secretKey: number): number
  _OQS_KEM_encaps(scheme: number, ciphertext: number, sharedSecret: number, publicKey: number): number
  _OQS_KEM_decaps(scheme: number, sharedSecret: number, ciphertext: number, secretKey: number): number
}

/** `print` and `printErr` default to the console, and standard output is not ours to write on. */
export type LoadModule = (options: { print(line: string): void; printErr(line: string): void }) => Promise<LiboqsModule>

const FILES: Readonly<Record<SignatureAlgorithm | KemName, () => Promise<{ default: LoadModule }>>> = {
  'ML-DSA-65': () => import('../../../node_modules/@oqs/liboqs-js/dist/ml-dsa-65.min.js'),
  'ML-DSA-87': () => import('../../../node_modules/@oqs/liboqs-js/dist/ml-dsa-87.min.js'),
  'ML-KEM-768': () => import('../../../node_modules/@oqs/liboqs-js/dist/ml-kem-768.min.js'),
  'ML-KEM-1024': () => import('../../../node_modules/@oqs/liboqs-js/dist/ml-kem-1024.min.js'),
}

/** An instance with a memory of its own. */
export interface Library {
  readonly module: LiboqsModule
  /** Pointer to its OQS_SIG or OQS_KEM, which lives as long as the process. */
  readonly scheme: number
  /** Where its heap begins: right above its stack, which grows downwards. */
  readonly heap: number
}

export async function loadModule(name: SignatureAlgorithm | KemName): Promise<Library> {
  const load = (await FILES[name]()).default
  const module = await load({ print: () => {}, printErr: () => {} })
  const first = module._malloc(1)
  module._free(first)
  module._OQS_init()
  const text = new TextEncoder().encode(`${name}\0`)
  const scheme = withMemory(module, [text], (pointer) =>
    name.startsWith('ML-DSA') ? module._OQS_SIG_new(pointer) : module._OQS_KEM_new(pointer),
  )
  if (scheme === 0) throw new CountersignError('algorithm-unsupported', said`The WASM library has no ${name}.`)
  return { module, scheme, heap: first - CHUNK_HEADER }
}

/**
 * Runs `use` with memory inside the module: bytes are copied in, a number asks for so many uninitialised bytes. All of it
 * is overwritten before it is given back, because the next message would otherwise be allocated over an old secret key.
 */
export function withMemory<T>(
  module: LiboqsModule,
  parts: readonly (Uint8Array | number)[],
  use: (...pointers: [number, number, number, number]) => T,
): T {
  const held: { pointer: number; size: number }[] = []
  try {
    for (const part of parts) {
      // malloc(0) may be null, which would look like a failure.
      const size = Math.max(1, typeof part === 'number' ? part : part.length)
      const pointer = module._malloc(size)
      if (pointer === 0) throw new CountersignError('limit', 'A message is too large for the WASM library.')
      held.push({ pointer, size })
      if (typeof part !== 'number') module.HEAPU8.set(part, pointer)
    }
    const [a, b, c, d] = held
    return use(a?.pointer ?? 0, b?.pointer ?? 0, c?.pointer ?? 0, d?.pointer ?? 0)
  } finally {
    for (const { pointer, size } of held) {
      module.HEAPU8.fill(0, pointer, pointer + size)
      module._free(pointer)
    }
  }
}

/** More than ML-DSA-87 takes to sign, which is the most: 127 KiB. A test holds that no operation leaves anything below. */
const STACK_USED = 256 * 1024
/** What malloc keeps in front of a block. */
const CHUNK_HEADER = 8

/**
 * `withMemory` for private keys and shared secrets. The library overwrites what it allocates and most of its stack, but not
 * all: some 2 KB of an operation stay until a later one takes the same place.
 */
export function withSecrets<T>(
  { module, heap }: Library,
  parts: readonly (Uint8Array | number)[],
  use: (...pointers: [number, number, number, number]) => T,
): T {
  try {
    return withMemory(module, parts, use)
  } finally {
    module.HEAPU8.fill(0, heap - STACK_USED, heap)
  }
}

/** A copy of bytes inside the module, which may be a secret. */
export function copyOut(module: LiboqsModule, pointer: number, length: number): Uint8Array {
  return secretConcat(module.HEAPU8.subarray(pointer, pointer + length))
}

import { type EcdhKey, type EcdhName, generateEcdhKey } from './ecdh.ts'
import { encapsulate, generateKemKey, type KemName } from './kem.ts'
import { secretConcat, wipe } from './random.ts'
import type { SignatureAlgorithm } from './signature.ts'

/** The suites of docs/PROTOCOL.md, "Suites". AES-256-GCM and SHA-384 are the same in all. */
export type SuiteName =
  | 'MLKEM1024_X25519_MLDSA87_AES256GCM_SHA384'
  | 'MLKEM768_X25519_MLDSA65_AES256GCM_SHA384'
  | 'MLKEM1024_P384_MLDSA87_AES256GCM_SHA384'

export interface Suite {
  readonly name: SuiteName
  readonly kem: KemName
  readonly ecdh: EcdhName
  /** The weakest algorithm of both ends' keys; a stronger one passes, or keys could not be rotated upwards. */
  readonly signature: SignatureAlgorithm
}

export const SUITES: Readonly<Record<SuiteName, Suite>> = {
  MLKEM1024_X25519_MLDSA87_AES256GCM_SHA384: {
    name: 'MLKEM1024_X25519_MLDSA87_AES256GCM_SHA384',
    kem: 'ML-KEM-1024',
    ecdh: 'X25519',
    signature: 'ML-DSA-87',
  },
  MLKEM1024_P384_MLDSA87_AES256GCM_SHA384: {
    name: 'MLKEM1024_P384_MLDSA87_AES256GCM_SHA384',
    kem: 'ML-KEM-1024',
    ecdh: 'P-384',
    signature: 'ML-DSA-87',
  },
  MLKEM768_X25519_MLDSA65_AES256GCM_SHA384: {
    name: 'MLKEM768_X25519_MLDSA65_AES256GCM_SHA384',
    kem: 'ML-KEM-768',
    ecdh: 'X25519',
    signature: 'ML-DSA-65',
  },
}

/** In order of preference. */
export const DEFAULT_SUITES: readonly SuiteName[] = [
  'MLKEM1024_X25519_MLDSA87_AES256GCM_SHA384',
  'MLKEM1024_P384_MLDSA87_AES256GCM_SHA384',
  'MLKEM768_X25519_MLDSA65_AES256GCM_SHA384',
]

export function isSuiteName(value: unknown): value is SuiteName {
  // Object.hasOwn, because "constructor" is in every object.
  return typeof value === 'string' && Object.hasOwn(SUITES, value)
}

/** Whether a key of this algorithm may authenticate in this suite. */
export function signatureMeets(suite: SuiteName, algorithm: SignatureAlgorithm): boolean {
  return SUITES[suite].signature === 'ML-DSA-65' || algorithm === 'ML-DSA-87'
}

/** The initiator's half of a hybrid key agreement. */
export interface HybridKey {
  readonly suite: SuiteName
  /** ML-KEM encapsulation key. */
  readonly kemKey: Uint8Array
  /** ECDH share. */
  readonly share: Uint8Array
  /**
   * ss_mlkem ‖ ss_ecdh: 64 bytes with X25519, 80 with P-384. The transcript that the key schedule binds in holds every
   * input of both, so plain concatenation is enough (RFC 9954).
   * @throws CountersignError `length`, `peer-protocol`
   */
  combine(ciphertext: Uint8Array, peerShare: Uint8Array): Promise<Uint8Array>
  wipe(): void
}

export async function generateHybridKey(suite: SuiteName): Promise<HybridKey> {
  const kem = await generateKemKey(SUITES[suite].kem)
  const ecdh = generateEcdhKey(SUITES[suite].ecdh)
  return {
    suite,
    kemKey: kem.publicKey,
    share: ecdh.share,
    combine: async (ciphertext, peerShare) => join(await kem.decapsulate(ciphertext), ecdh, peerShare),
    wipe() {
      kem.wipe()
      ecdh.wipe()
    },
  }
}

export interface HybridEncapsulation {
  readonly ciphertext: Uint8Array
  readonly share: Uint8Array
  /** 64 or 80 bytes; the caller wipes it. */
  readonly secret: Uint8Array
}

/** The responder's half. @throws CountersignError `length`, `peer-protocol` */
export async function encapsulateHybrid(
  suite: SuiteName,
  kemKey: Uint8Array,
  share: Uint8Array,
): Promise<HybridEncapsulation> {
  const { ciphertext, sharedSecret } = await encapsulate(SUITES[suite].kem, kemKey)
  const ecdh = generateEcdhKey(SUITES[suite].ecdh)
  try {
    return { ciphertext, share: ecdh.share, secret: join(sharedSecret, ecdh, share) }
  } finally {
    ecdh.wipe()
  }
}

/** ss_mlkem ‖ ss_ecdh, also of keys that are kept. Wipes the first, also where the share is refused. @throws as `EcdhKey.derive` */
export function join(kemSecret: Uint8Array, ecdh: EcdhKey, peerShare: Uint8Array): Uint8Array {
  let ecdhSecret: Uint8Array | null = null
  try {
    ecdhSecret = ecdh.derive(peerShare)
    return secretConcat(kemSecret, ecdhSecret)
  } finally {
    wipe(kemSecret, ecdhSecret)
  }
}

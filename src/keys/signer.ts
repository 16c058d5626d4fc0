import type { Custody } from '../contracts/custody.ts'
import type { SignInput } from '../contracts/signInput.ts'
import type { SignatureAlgorithm } from '../crypto/signature.ts'

/** What the batch signer says of a batch beside its statements. */
export interface BatchTurn {
  /** The bytes that the signature has to be of. Asked for while the key is at work. */
  readonly expected: () => Uint8Array
  /**
   * The batch before, which is being signed and which this one names as history: the key signs this one only after that one.
   * `ended` settles when that one is signed or given up; the time of this one begins then.
   */
  readonly behind?: { readonly root: Uint8Array; readonly ended: Promise<unknown> }
}

/**
 * Whatever turns one of the allowed inputs into an ML-DSA signature: a key in a PKCS#11 token or in the vault.
 * The private key is somewhere else; there is no method that could return it.
 */
export interface Signer {
  /** RFC 7638 thumbprint (SHA-256, base64url, 43 characters) of the public key as AKP JWK (RFC 9964). */
  readonly kid: string
  readonly algorithm: SignatureAlgorithm
  /** Raw ML-DSA public key: 2592 bytes for ML-DSA-87, 1952 for ML-DSA-65 (FIPS 204, table 2). */
  readonly publicKey: Uint8Array
  readonly custody: Custody
  /** How people find the key again: "mcp-identity-key in NSS softoken, slot 1". Never used in a decision. */
  readonly description: string
  /**
   * Signs one input of the closed union of docs/PROTOCOL.md, "What a key signs".
   * @returns the signature: 4627 bytes for ML-DSA-87, 3309 for ML-DSA-65, already verified against `publicKey`.
   * @throws CountersignError `signer-unavailable`, `signer-timeout`, `pin-needed`, `token-missing`, `cancelled`;
   *   `predecessor-unsigned` for a batch behind one that was not signed.
   */
  sign(input: SignInput, signal?: AbortSignal, batch?: BatchTurn): Promise<Uint8Array>
}

/** What the identity's key is called where nobody gave it another name. */
export const DEFAULT_LABEL = 'mcp-identity-key'

import type { Custody } from '../contracts/custody.ts'
import type { SignInput } from '../contracts/signInput.ts'
import type { SignatureAlgorithm } from '../crypto/signature.ts'

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
   * @throws CountersignError `signer-unavailable`, `signer-timeout`, `pin-needed`, `token-missing`, `cancelled`.
   */
  sign(input: SignInput, signal?: AbortSignal): Promise<Uint8Array>
}

/** What the identity's key is called where nobody gave it another name. */
export const DEFAULT_LABEL = 'mcp-identity-key'

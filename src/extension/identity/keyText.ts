import { fingerprintWords } from '../../crypto/fingerprint.ts'
import { exportJwk, thumbprint } from '../../crypto/jwk.ts'
import { exportPem } from '../../crypto/pem.ts'
import type { MlDsa } from '../../crypto/signature.ts'

export interface PublicKey {
  readonly algorithm: MlDsa
  readonly publicKey: Uint8Array
}

/** A public key in words that go to the clipboard. @throws CountersignError `length` */
export function keyText(key: PublicKey, as: 'kid' | 'jwk' | 'pem' | 'words'): string {
  const kid = thumbprint(key.algorithm, key.publicKey)
  if (as === 'kid') return kid
  if (as === 'words') return fingerprintWords({ kid }).join(' ')
  return as === 'pem'
    ? exportPem(key.algorithm, key.publicKey)
    : JSON.stringify(exportJwk(key.algorithm, key.publicKey))
}

import type { MlDsa } from './algorithms.ts'
import { spki } from './backend/der.ts'
import { checkPublicKey } from './signature.ts'

/**
 * A public key as other tools read it: PEM (RFC 7468) of its SubjectPublicKeyInfo (RFC 9881), with a line feed at the end.
 * @throws CountersignError `length`
 */
export function exportPem(algorithm: MlDsa, publicKey: Uint8Array): string {
  checkPublicKey(algorithm, publicKey)
  const lines =
    Buffer.from(spki(algorithm, publicKey))
      .toString('base64')
      .match(/.{1,64}/g) ?? []
  return ['-----BEGIN PUBLIC KEY-----', ...lines, '-----END PUBLIC KEY-----', ''].join('\n')
}

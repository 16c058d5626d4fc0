import { createPublicKey, type KeyObject, randomBytes, sign } from 'node:crypto'

/** id-ml-dsa-87, 2.16.840.1.101.3.4.3.19 (RFC 9881, section 2); an AlgorithmIdentifier without parameters. */
const ML_DSA_87 = der(0x30, Buffer.from('0609608648016503040313', 'hex'))
/** id-at-commonName, 2.5.4.3 */
const COMMON_NAME = Buffer.from('0603550403', 'hex')
/** basicConstraints, 2.5.29.19, critical; cA is true. */
const AUTHORITY = der(0x30, Buffer.from('0603551d130101ff040530030101ff', 'hex'))

/**
 * A self-signed X.509 certificate of an ML-DSA-87 key, as PEM: no OpenSSL before 3.5 makes one, and Node makes none at all.
 * Valid from 2026 to 2049. It takes a Node whose `sign` knows ML-DSA.
 */
export function selfSigned(name: string, privateKey: KeyObject): string {
  const subject = der(0x30, der(0x31, der(0x30, COMMON_NAME, der(0x0c, Buffer.from(name)))))
  const body = der(
    0x30,
    der(0xa0, Buffer.of(2, 1, 2)), // version 3
    der(0x02, Buffer.concat([Buffer.of(1), randomBytes(8)])), // serial number, positive
    ML_DSA_87,
    subject, // issuer
    der(0x30, der(0x17, Buffer.from('260101000000Z')), der(0x17, Buffer.from('490101000000Z'))),
    subject,
    createPublicKey(privateKey).export({ type: 'spki', format: 'der' }),
    der(0xa3, der(0x30, AUTHORITY)),
  )
  const signature = sign(undefined, body, privateKey)
  const certificate = der(0x30, body, ML_DSA_87, der(0x03, Buffer.of(0), signature))
  const lines = certificate.toString('base64').replaceAll(/.{64}/g, '$&\n').trimEnd()
  return `-----BEGIN CERTIFICATE-----\n${lines}\n-----END CERTIFICATE-----\n`
}

/** Tag, length and value (X.690, 8.1.3): lengths from 128 on say first how many bytes they have. */
function der(tag: number, ...values: readonly Uint8Array[]): Buffer {
  const value = Buffer.concat(values)
  if (value.length < 0x80) return Buffer.concat([Buffer.of(tag, value.length), value])
  const hex = value.length.toString(16)
  const length = Buffer.from(hex.length % 2 === 0 ? hex : `0${hex}`, 'hex')
  return Buffer.concat([Buffer.of(tag, 0x80 | length.length), length, value])
}

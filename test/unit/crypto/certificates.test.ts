import { rootCertificates } from 'node:tls'
import { describe, expect, it } from 'vitest'
import { assertCertificates } from '../../../src/crypto/certificates.ts'

const [one = '', two = ''] = rootCertificates

describe('a file of authorities', () => {
  it('may hold one or many, and words around them', () => {
    for (const pem of [one, `${one}\n${two}\n`, `# ours\n\n${one}\r\ntext\n${two}`, one.replaceAll('\n', '\r\n')])
      expect(() => assertCertificates(pem)).not.toThrow()
  })

  it.each([
    ['nothing', ''],
    ['text', 'garbage'],
    ['a key', '-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n'],
    ['an empty certificate', '-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n'],
    ['something else in its place', '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n'],
    ['a certificate that was cut off', one.slice(0, 200)],
    ['a good one before a bad one', `${one}\n-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n`],
  ])('with %s is refused: Node would take it, and trust nobody', (_, pem) => {
    expect(() => assertCertificates(pem)).toThrow(expect.objectContaining({ code: 'decode' }))
  })
})

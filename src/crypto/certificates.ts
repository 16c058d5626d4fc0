import { X509Certificate } from 'node:crypto'
import { CountersignError } from '../support/errors.ts'

const BLOCK = /-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----/g

/** @throws CountersignError `decode` unless the text holds PEM certificates (RFC 7468), and each of them can be read */
export function assertCertificates(pem: string): void {
  const blocks = pem.match(BLOCK) ?? []
  if (blocks.length === 0) throw new CountersignError('decode', 'There is no certificate.')
  try {
    for (const block of blocks) void new X509Certificate(block)
  } catch (cause) {
    throw new CountersignError('decode', 'A certificate cannot be read.', { cause })
  }
}

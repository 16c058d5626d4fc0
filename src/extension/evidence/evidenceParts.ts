import { Buffer } from 'node:buffer'
import { BYTES_SHOWN, type ContextBytes, type EvidencePart } from '../../contracts/panelContext.ts'
import { exportJwk } from '../../crypto/jwk.ts'
import { CountersignError, unreachable } from '../../support/errors.ts'
import type { Recorded } from './recorded.ts'

/**
 * A part of the evidence as text: statement, JWS and context exactly as their bytes are, the key as a JWK.
 * @throws CountersignError `usage` where only the digest of a context was kept
 */
export function evidencePart({ entry }: Recorded, part: EvidencePart): string {
  switch (part) {
    case 'statement':
      return textOf(entry.statement)
    case 'jws':
      return textOf(entry.jws)
    case 'context':
      return textOf(bytesOf(entry.context))
    case 'key':
      return JSON.stringify({ kid: entry.signer.kid, ...exportJwk(entry.signer.algorithm, entry.signer.publicKey) })
    default:
      return unreachable(part)
  }
}

/** The next 4 KiB of the context from `offset`, in hex. @throws CountersignError `usage` where only its digest was kept */
export function contextBytes({ entry }: Recorded, offset: number): ContextBytes {
  const bytes = bytesOf(entry.context)
  const part = bytes.subarray(offset, offset + BYTES_SHOWN)
  return { offset, size: bytes.length, bytes: Buffer.from(part).toString('hex') }
}

function bytesOf(context: Uint8Array | undefined): Uint8Array {
  if (context !== undefined) return context
  throw new CountersignError('usage', 'Only the digest of this context was kept.')
}

function textOf({ buffer, byteOffset, byteLength }: Uint8Array): string {
  return Buffer.from(buffer, byteOffset, byteLength).toString('utf8')
}

import { Buffer } from 'node:buffer'
import { decodeUtf8, encodeBase64url } from '../../crypto/encoding.ts'
import { sha384Text } from '../../crypto/hash.ts'
import { exportJwk } from '../../crypto/jwk.ts'
import { parseJws } from '../../crypto/jws.ts'
import { digestOf } from '../../evidence/checks.ts'
import { encodeLine, FIRST_PREV, type JournalLine } from '../../evidence/journal/format.ts'
import type { Recorded } from './recorded.ts'

/**
 * One context as a journal of its own: its key, its batch, its record. `countersign verify` reads it as it reads any journal;
 * there is no `close`, because it is a piece of something longer and must not look whole.
 */
export function evidenceLine({ entry }: Recorded): string {
  const { signer, jws, statement, head, index, proof, how, at, context } = entry
  const batch = digestOf(jws)
  const lines: JournalLine[] = [
    { type: 'key', kid: signer.kid, key: signer },
    { type: 'batch', digest: batch, kid: signer.kid, jws },
    { type: 'record', batch, statement, head, index, proof, how, at, context },
  ]
  let prev = FIRST_PREV
  const encoded = lines.map((line, n) => {
    const bytes = encodeLine({ n, prev, line })
    prev = sha384Text(bytes)
    return `${decodeUtf8(bytes)}\n`
  })
  return encoded.join('')
}

/** The same for people to read: what was signed, opened up. The copied evidence is what verifies, not this. */
export function evidenceDocument({ entry, statement }: Recorded): string {
  const { header, payload, signature } = parseJws(entry.jws)
  const { signer, index, proof, how, at } = entry
  const document = {
    context: readable(entry.context),
    statement,
    batch: { header, payload: readable(payload), signature: encodeBase64url(signature) },
    proof: { index, nodes: proof.map(encodeBase64url) },
    signer: { kid: signer.kid, ...exportJwk(signer.algorithm, signer.publicKey) },
    seen: { how, at: new Date(at).toISOString() },
  }
  return `${JSON.stringify(document, undefined, 2)}\n`
}

function readable(bytes: Uint8Array | undefined): unknown {
  if (bytes === undefined) return undefined
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('utf8')
  try {
    return JSON.parse(text) as unknown
  } catch {
    // An SSE event or an empty body: as text.
    return text
  }
}

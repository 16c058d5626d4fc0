import { decodeUtf8 } from '../../crypto/encoding.ts'
import { sha384Text } from '../../crypto/hash.ts'
import { digestOf } from '../../evidence/checks.ts'
import { encodeLine, FIRST_PREV, type JournalLine } from '../../evidence/journal/format.ts'
import type { Recorded } from './recorded.ts'

/**
 * One context as a journal of its own: its key, its batch, its record. `countersign verify` reads it as it reads any journal;
 * there is no `close`, because it is a piece of something longer and must not look whole.
 */
export function evidenceLine({ entry }: Pick<Recorded, 'entry'>): string {
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

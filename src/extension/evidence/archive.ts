import { decodeBase64url, encodeBase64url } from '../../crypto/encoding.ts'
import { chainNext } from '../../evidence/chain.ts'
import { digestOf } from '../../evidence/checks.ts'
import type { JournalBody } from '../../evidence/journal/bodies.ts'
import { parseStatement } from '../../evidence/statement.ts'
import type { Direction, EvidenceEntry } from '../../evidence/types.ts'
import { CountersignError } from '../../support/errors.ts'
import type { IndexRow } from './list/chunk.ts'
import type { Recorded } from './recorded.ts'

export interface StatementPlace {
  readonly sid: string
  readonly dir: Direction
  readonly seq: number
}

/** The journal, asked for single statements, or searched. What it gives is what a file holds, and not verified. */
export interface EvidenceArchive {
  /** undefined: it does not hold it. @throws CountersignError `file-unreadable` */
  find(place: StatementPlace, signal?: AbortSignal): Promise<EvidenceEntry | undefined>
  /** What was written since then, the newest file first; a file that cannot be read says so. @throws the reason of `signal` */
  bodies(since: number, signal: AbortSignal): AsyncIterable<JournalBody | 'unreadable'>
}

/** A row whose statement verified once, so that it has a place and a chain head. */
interface Placed extends IndexRow {
  readonly seq: number
  readonly chain: Uint8Array
  readonly signer: string
  readonly audience: string
}

export function isPlaced(row: IndexRow): row is Placed {
  const { seq, chain, signer, audience } = row
  return seq !== undefined && chain !== undefined && signer !== undefined && audience !== undefined
}

/**
 * Evidence from the journal, with what it has to agree with as it was known when it verified. The chain head is the memory
 * of the statement: a file that somebody edited since then does not lead to it.
 * @param questionOf the statement of the request that this row answers, from wherever it is
 * @throws CountersignError `statement-invalid` where the journal holds another statement in this place
 */
export async function fromArchive(
  archive: EvidenceArchive,
  row: Placed,
  questionOf: () => Promise<Recorded | undefined>,
): Promise<Recorded | undefined> {
  const { sid, dir, seq, chain, signer, audience } = row
  const entry = await archive.find({ sid, dir, seq })
  if (entry === undefined) return undefined
  const statement = parseStatement(entry.statement)
  const head = decodeBase64url(statement.prev)
  if (encodeBase64url(chainNext(head, entry.statement)) !== encodeBase64url(chain)) {
    throw new CountersignError(
      'statement-invalid',
      'The journal holds another statement here than the one that was verified: its file was changed since then.',
    )
  }
  const question = statement.req === undefined ? undefined : await questionOf()
  const digest = question === undefined ? undefined : digestOf(question.entry.statement)
  return {
    entry,
    statement,
    chain,
    expected: {
      trusts: (kid) => kid === signer,
      session: { sid, dir, aud: audience, position: { seq, head } },
      question: (asked) => (asked === digest ? question?.statement : undefined),
    },
    ...(row.queued === undefined ? {} : { queued: row.queued }),
  }
}

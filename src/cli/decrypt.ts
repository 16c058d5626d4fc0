import { createReadStream } from 'node:fs'
import { isUtf8 } from 'node:buffer'
import { decodeUtf8, encodeBase64url } from '../crypto/encoding.ts'
import type { RecipientKey } from '../crypto/recipient.ts'
import { digestOf } from '../evidence/checks.ts'
import { Journal } from '../evidence/journal/journal.ts'
import { type JournalEntry, readJournal } from '../evidence/journal/reader.ts'
import { openSealed } from '../evidence/journal/sealing.ts'
import { parseStatement } from '../evidence/statement.ts'
import { CountersignError } from '../support/errors.ts'

interface Decrypting {
  /** One document a context. */
  readonly show: (line: object) => void
  readonly note: (line: string) => void
  /** A folder for a new journal in the clear. */
  readonly to: string | undefined
}

/** How many contexts could be read, were false, were encrypted to another key, were not encrypted. */
interface Counts {
  opened: number
  false: number
  other: number
  clear: number
}

/**
 * Decrypts the contexts of files of a journal. That a statement is signed is for `verify` to say; here its digest is compared.
 * @throws CountersignError `file-unreadable`, `journal-write`
 */
export async function decryptFiles(
  files: readonly string[],
  key: RecipientKey,
  { show, note, to }: Decrypting,
): Promise<Counts> {
  const counts = { opened: 0, false: 0, other: 0, clear: 0 }
  const journal = to === undefined ? undefined : await Journal.open({ folder: to })
  try {
    for (const file of files) {
      for await (const item of readJournal(reading(file))) {
        if (item.kind === 'altered' || item.kind === 'incomplete') note(`${file}:${item.line}: ${item.detail}`)
        if (item.kind === 'handshake') await journal?.handshake(item.handshake)
        if (item.kind !== 'entry') continue
        const context = await contextOf(item, key, counts, (why) => note(`${file}:${item.line}: ${why}`))
        if (context !== undefined && item.sealed !== undefined) show(shown(file, item, context))
        await journal?.append({ ...item.entry, context })
      }
    }
  } finally {
    await journal?.close()
  }
  return counts
}

async function* reading(file: string): AsyncGenerator<Uint8Array> {
  try {
    for await (const chunk of createReadStream(file)) {
      if (chunk instanceof Uint8Array) yield chunk
    }
  } catch (cause) {
    throw new CountersignError('file-unreadable', `${file} cannot be read. Check its path and permissions.`, { cause })
  }
}

/** undefined where there is no context, or none that can be read. */
async function contextOf(
  { entry, sealed }: JournalEntry,
  key: RecipientKey,
  counts: Counts,
  note: (why: string) => void,
): Promise<Uint8Array | undefined> {
  if (sealed === undefined) {
    counts.clear += 1
    return entry.context
  }
  try {
    const context = await openSealed(sealed, key)
    const { digest, length } = parseStatement(entry.statement).ctx
    if (digest !== digestOf(context) || length !== context.length) {
      throw new CountersignError('statement-invalid', 'It is not the context of its statement.')
    }
    counts.opened += 1
    return context
  } catch (thrown) {
    if (!(thrown instanceof CountersignError)) throw thrown
    counts[thrown.code === 'key-missing' ? 'other' : 'false'] += 1
    note(thrown.message)
    return undefined
  }
}

function shown(file: string, { line, entry }: JournalEntry, context: Uint8Array): object {
  const { sid, dir, seq, kind, server, method, id } = parseStatement(entry.statement)
  const bytes = isUtf8(context) ? { context: decodeUtf8(context) } : { bytes: encodeBase64url(context) }
  return { file, line, sid, dir, seq, kind, server, method, id, ...bytes }
}

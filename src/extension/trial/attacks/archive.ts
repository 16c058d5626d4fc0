import type { JournalLine, RecordLine } from '../../../evidence/journal/format.ts'
import type { ArchiveAttack } from '../attack.ts'
import { flipped, stating } from '../edits.ts'
import { t } from '../../../support/l10n.ts'

/**
 * Whoever can write the journal afterwards. They also number and chain its lines anew, as they should be: the chain of lines
 * is signed by nobody. The offline verifier is given the two keys and the file, and nothing else.
 */
const afterwards = { on: 'archive', attacker: 'archive' } as const

export const ARCHIVE: readonly ArchiveAttack[] = [
  {
    ...afterwards,
    id: 'journal-context',
    title: t('Alter a context in the journal'),
    change: t('One bit of a call that was recorded.'),
    edit: (lines) =>
      oneRecord(lines, (record) => ({ ...record, context: flipped(record.context ?? new Uint8Array(0), -4) })),
  },
  {
    ...afterwards,
    id: 'journal-statement',
    title: t('Alter a statement in the journal'),
    change: t('The time at which a call was signed, by one hour.'),
    edit: (lines) =>
      oneRecord(lines, (record) => ({
        ...record,
        statement: stating(record.statement, ({ ts }) => ({ ts: Number(ts) - 3_600_000 })),
      })),
  },
  {
    ...afterwards,
    id: 'journal-swap',
    title: t('Swap two contexts in the journal'),
    change: t('The bytes of two calls, each under the evidence of the other.'),
    edit: (lines) => {
      const [one, two] = lines.filter(isCall)
      return lines.map((line) => {
        if (line === one) return { ...one, context: two?.context }
        return line === two ? { ...two, context: one?.context } : line
      })
    },
  },
  {
    ...afterwards,
    id: 'journal-remove',
    title: t('Take a call out of the journal'),
    change: t('One record is gone, and the number of records in the last line fits.'),
    edit: (lines) => {
      const gone = lines.find(isCall)
      return recounted(lines.filter((line) => line !== gone))
    },
  },
  {
    ...afterwards,
    id: 'journal-cut',
    title: t('Cut off the end of the journal'),
    change: t('The last record of each side is gone, and the number of records in the last line fits.'),
    edit: (lines) => {
      const closing = lines.filter((line) => line.type === 'record').slice(-2)
      return recounted(lines.filter((line) => !closing.some((one) => one === line)))
    },
  },
]

/** Of a call: what was sent and has a body. */
function isCall(line: JournalLine): line is RecordLine {
  return line.type === 'record' && line.how === 'sent' && line.context !== undefined && line.context.length > 0
}

function oneRecord(lines: readonly JournalLine[], change: (record: RecordLine) => RecordLine): readonly JournalLine[] {
  const chosen = lines.find(isCall)
  return lines.map((line) => (line === chosen ? change(chosen) : line))
}

function recounted(lines: readonly JournalLine[]): readonly JournalLine[] {
  const records = lines.filter(({ type }) => type === 'record').length
  return lines.map((line) => (line.type === 'close' ? { ...line, records } : line))
}

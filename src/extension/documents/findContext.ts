import type { ContextAddress } from '../../contracts/contextAddress.ts'
import type { ContextRow } from '../../contracts/panelContext.ts'
import type { JournalFolder, LocatedEntry } from '../../evidence/journal/store.ts'
import { parseStatement } from '../../evidence/statement.ts'
import { isWithin } from '../../evidence/keyWindow.ts'
import type { EvidenceEntry, Statement } from '../../evidence/types.ts'
import type { Verdict } from '../../evidence/verdict.ts'
import { EvidenceVerifier } from '../../evidence/verifier.ts'
import { CountersignError } from '../../support/errors.ts'
import { t } from '../../support/l10n.ts'
import type { ContextStore } from '../evidence/contextStore.ts'
import type { KnownKeys } from '../evidence/knownHere.ts'

/** A context as it was found, with a verdict that was computed now where there is evidence. */
export interface FoundContext {
  readonly from: 'window' | 'journal'
  /** As this window lists it; of the journal there is nothing but the evidence. */
  readonly row?: ContextRow
  readonly statement?: Statement
  readonly entry?: EvidenceEntry
  readonly verdict?: Verdict
  /** The journal has the context encrypted. */
  readonly encrypted: boolean
  /** Whose key signed, where this editor knows it. */
  readonly signer?: string
}

export interface FindPorts {
  readonly contexts: ContextStore
  readonly journal: () => Promise<JournalFolder>
  readonly known: () => Promise<KnownKeys>
}

/**
 * From this window's list, else from the journal.
 * @throws CountersignError `usage` for what is nowhere; those of the journal, and of evidence that is not what it was
 */
export async function findContext(ports: FindPorts, { ref, place }: ContextAddress): Promise<FoundContext> {
  const stored = ref === undefined ? undefined : ports.contexts.get(ref)
  if (stored !== undefined) return await fromWindow(ports, stored.row)
  if (place !== undefined) {
    for await (const located of (await ports.journal()).find(place)) return await fromJournal(ports, located)
  }
  throw new CountersignError('usage', place === undefined ? GONE : NOT_IN_JOURNAL)
}

async function fromWindow({ contexts }: FindPorts, row: ContextRow): Promise<FoundContext> {
  const recorded = await contexts.recorded(row.ref)
  const common = { from: 'window', row, encrypted: false } as const
  if (recorded === undefined) return common
  const { entry, statement } = recorded
  return { ...common, entry, statement, verdict: await contexts.verifyAgain(recorded) }
}

async function fromJournal({ known }: FindPorts, { entry, sealed }: LocatedEntry): Promise<FoundContext> {
  const key = (await known()).get(entry.signer.kid)
  const trusts = (_kid: string, at: number) => key !== undefined && (isWithin(key.window, at) || 'outside')
  // A signer that nobody here knows is said to be that; it does not make the evidence false.
  const verdict = await new EvidenceVerifier(0).verify(entry, key === undefined ? {} : { trusts })
  const { statement } = verdict
  return {
    from: 'journal',
    entry,
    verdict,
    encrypted: sealed !== undefined,
    ...(statement !== undefined && { statement }),
    ...(key !== undefined && { signer: key.whose }),
  }
}

/** The address of what is listed: by which it is found now, and after a reload if the journal has it. */
export function addressOf({ ref, sid, dir, seq, verdict }: ContextRow): ContextAddress {
  const placed = verdict === 'verified' && sid !== undefined && seq !== undefined
  return { ref, ...(placed && { place: { sid, dir, seq } }), reveal: false }
}

/** undefined: its statement cannot be read, so that nothing can name it. */
export function addressIn({ entry }: Pick<LocatedEntry, 'entry'>): ContextAddress | undefined {
  try {
    const { sid, dir, seq } = parseStatement(entry.statement)
    return { place: { sid, dir, seq }, reveal: false }
  } catch {
    return undefined
  }
}

const GONE = t(
  'This context is gone: it did not verify or was never signed, so it is in no journal, and the window that listed it was closed or reloaded.',
)
const NOT_IN_JOURNAL = t('The journal does not hold this context any more. Was a file of the journal moved or deleted?')

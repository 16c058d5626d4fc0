import { type QuickPickItem, QuickPickItemKind, ThemeIcon } from 'vscode'
import type { ContextAddress } from '../../contracts/contextAddress.ts'
import type { ContextRow, Verdict } from '../../contracts/panelContext.ts'
import type { JournalFolder } from '../../evidence/journal/store.ts'
import { parseStatement } from '../../evidence/statement.ts'
import { CountersignError } from '../../support/errors.ts'
import { t } from '../../support/l10n.ts'
import { inert } from '../../support/printable.ts'
import { pickOne } from '../commands/pickOne.ts'
import type { ContextStore } from '../evidence/contextStore.ts'
import { withProgress } from '../progress.ts'
import { addressIn, addressOf } from './findContext.ts'
import { NEWEST, newestRows } from './nearness.ts'

export interface PickPorts {
  readonly contexts: ContextStore
  readonly journal: () => Promise<JournalFolder>
  /** The row that is selected in the panel. */
  readonly selected: () => string | undefined
}

interface Item extends QuickPickItem {
  readonly address?: ContextAddress
}

/**
 * One of the newest contexts of this window, or of the journal. Undefined: the person closed the list.
 * @param beside what it is to be compared with: its exchange and other calls of its tool come first
 * @throws CountersignError `usage` where there is none; those of the journal
 */
export async function pickContext(
  ports: PickPorts,
  title: string,
  beside?: ContextAddress,
): Promise<ContextAddress | undefined> {
  const rows = newestRows(ports.contexts, { selected: ports.selected(), beside })
  if (rows.length === 0) return await pickFromJournal(ports, title)
  const items: Item[] = [
    ...rows.map(rowItem),
    { label: '', kind: QuickPickItemKind.Separator },
    { label: t('$(history) From the journal…'), description: t('contexts of other windows and of earlier days') },
  ]
  const picked = await pickOne(items, {
    title,
    placeHolder: beside === undefined ? t('Which context?') : t('With which context?'),
    matchOnDescription: true,
  })
  if (picked === undefined) return undefined
  return picked.address ?? (await pickFromJournal(ports, title))
}

const ICON: Readonly<Record<Verdict, string>> = {
  verified: 'countersign-ready',
  pending: 'countersign-pending',
  rejected: 'countersign-rejected',
  unsigned: 'countersign-off',
}

function rowItem(row: ContextRow): Item {
  const { verdict, tool, method, kind, server, at, dir, size } = row
  const name = tool ?? method ?? kind
  return {
    label: inert(name),
    description: [verdict, wayOf(dir), inert(server), `${size} B`, new Date(at).toLocaleTimeString()].join(' · '),
    iconPath: new ThemeIcon(ICON[verdict]),
    ...(name === kind ? {} : { detail: kind }),
    address: addressOf(row),
  }
}

async function pickFromJournal({ journal }: PickPorts, title: string): Promise<ContextAddress | undefined> {
  const newest = await withProgress(
    t('Reading the journal'),
    async (signal) => await (await journal()).latest(NEWEST, signal),
  )
  const items = newest.flatMap((located): Item[] => {
    const address = addressIn(located)
    if (address === undefined) return []
    const { method, kind, server, dir, ctx } = parseStatement(located.entry.statement)
    const at = new Date(located.entry.at).toLocaleString()
    const description = [kind, wayOf(dir), inert(server), `${ctx.length} B`, at].join(' · ')
    return [{ label: inert(method ?? kind), description, address }]
  })
  if (items.length === 0) {
    throw new CountersignError('usage', 'There is no context yet: connect to a server, and call a tool.')
  }
  const placeHolder = t`Which context? These are the newest of the journal, ${NEWEST} at most.`
  return (await pickOne(items, { title, placeHolder, matchOnDescription: true }))?.address
}

function wayOf(dir: ContextRow['dir']): string {
  return dir === 'c2s' ? '→ gateway' : '← gateway'
}

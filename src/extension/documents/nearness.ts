import type { ContextAddress } from '../../contracts/contextAddress.ts'
import type { ContextRow } from '../../contracts/panelContext.ts'
import type { ContextStore } from '../evidence/contextStore.ts'
import { refOf } from '../evidence/refs.ts'

/** A list for people: who looks for an older one finds it in the panel, whose list has filters. */
export const NEWEST = 200

interface Wanted {
  /** The row that is selected in the panel: it comes first. */
  readonly selected?: string | undefined
  /** What the context is to be compared with: that is not offered, and what is near to it comes first. */
  readonly beside?: ContextAddress | undefined
}

/** The newest contexts of this window as a person is offered them. */
export function newestRows(contexts: ContextStore, { selected, beside }: Wanted): readonly ContextRow[] {
  const { first, end } = contexts.index
  const rows: ContextRow[] = []
  for (let number = end - 1; number >= first && rows.length < NEWEST; number--) {
    const row = contexts.row(number)
    if (row !== undefined && refOf(number) !== beside?.ref) rows.push(row)
  }
  if (beside !== undefined) return byNearness(rows, contexts.get(beside.ref ?? '')?.row)
  const chosen = contexts.get(selected ?? '')?.row
  return chosen === undefined ? rows : [chosen, ...rows.filter(({ ref }) => ref !== chosen.ref)]
}

/** The same exchange first: a question beside its answer. Then what is of the same kind and about the same. */
export function byNearness(rows: readonly ContextRow[], beside: ContextRow | undefined): readonly ContextRow[] {
  if (beside === undefined) return rows
  const distance = ({ sid, exchange, kind, server, tool, method }: ContextRow) => {
    if (sid === beside.sid && exchange !== undefined && exchange === beside.exchange) return 0
    const alike = kind === beside.kind && server === beside.server
    return alike && tool === beside.tool && method === beside.method ? 1 : 2
  }
  return rows.toSorted((one, other) => distance(one) - distance(other))
}

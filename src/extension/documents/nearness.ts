import type { ContextRow } from '../../contracts/panelContext.ts'

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

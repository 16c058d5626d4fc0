/** What one run of a suite found: statuses by `scenario` and `check id (name)`, several where a check came several times. */
export type Checks = ReadonlyMap<string, ReadonlyMap<string, readonly string[]>>

export interface Difference {
  readonly scenario: string
  readonly check: string
  readonly direct: string
  readonly through: string
}

/** The one allowed difference: our endpoint checks Host and Origin itself, also for servers that do not. */
const ALLOWED = 'dns-rebinding-protection'
const ABSENT = 'absent'

/** Every check whose statuses differ, the allowed one left out. */
export function differences(direct: Checks, through: Checks): readonly Difference[] {
  const found: Difference[] = []
  for (const scenario of union(direct, through)) {
    const [before, after] = [direct.get(scenario) ?? new Map(), through.get(scenario) ?? new Map()]
    for (const check of union(before, after)) {
      const difference = { scenario, check, direct: said(before.get(check)), through: said(after.get(check)) }
      if (difference.direct !== difference.through && !isAllowed(difference)) found.push(difference)
    }
  }
  return found
}

/** Whether the server failed the allowed check and we pass it: docs/CONFORMANCE.md says so, and it must stay true. */
export function protectsFromRebinding(through: Checks): boolean {
  const statuses = Array.from(through.get(ALLOWED)?.values() ?? []).flat()
  return statuses.length > 0 && statuses.every((status) => status === 'SUCCESS')
}

export function countChecks(checks: Checks): Readonly<Record<string, number>> {
  const counts: Record<string, number> = {}
  for (const scenario of checks.values()) {
    for (const status of Array.from(scenario.values()).flat()) counts[status] = (counts[status] ?? 0) + 1
  }
  return counts
}

/** Better than the server, never worse and never another outcome. */
function isAllowed({ scenario, direct, through }: Difference): boolean {
  return scenario === ALLOWED && direct === 'FAILURE' && through === 'SUCCESS'
}

function union(one: ReadonlyMap<string, unknown>, other: ReadonlyMap<string, unknown>): readonly string[] {
  return Array.from(new Set([...one.keys(), ...other.keys()]))
}

function said(statuses: readonly string[] | undefined): string {
  return statuses === undefined ? ABSENT : statuses.toSorted().join(', ')
}

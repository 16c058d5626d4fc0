/** From when until when a key counts: `from` is the first instant, `until` the first one at which it no longer does. Ms since 1970. */
export interface KeyWindow {
  readonly from?: number | undefined
  readonly until?: number | undefined
}

/** Whether an instant lies in the window. */
export function isWithin({ from, until }: KeyWindow, at: number): boolean {
  return (from === undefined || at >= from) && (until === undefined || at < until)
}

/** The time that both windows have in common; a window with its end before its beginning holds nothing. */
export function narrowed(one: KeyWindow, other: KeyWindow): KeyWindow {
  return windowFrom(
    largest([one.from, other.from].filter((at) => at !== undefined)),
    smallest([one.until, other.until].filter((at) => at !== undefined)),
  )
}

/** Without members that say nothing, so that windows can be compared and written down. */
export function windowFrom(from: number | undefined, until: number | undefined): KeyWindow {
  return { ...(from !== undefined && { from }), ...(until !== undefined && { until }) }
}

function largest(values: readonly number[]): number | undefined {
  return values.length === 0 ? undefined : Math.max(...values)
}

function smallest(values: readonly number[]): number | undefined {
  return values.length === 0 ? undefined : Math.min(...values)
}

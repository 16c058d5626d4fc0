/** Which rows of a long list are in the document, and where the list stands when rows come in above. */
export const ROW = 24
const SPARE = 8

export interface Window {
  readonly from: number
  /** Exclusive. */
  readonly to: number
}

export function visible(scrollTop: number, height: number, count: number): Window {
  const first = Math.floor(Math.max(0, scrollTop) / ROW)
  const from = Math.max(0, Math.min(count, first - SPARE))
  const to = Math.min(count, first + Math.ceil(Math.max(0, height) / ROW) + 1 + SPARE)
  return { from, to: Math.max(from, to) }
}

/**
 * Where to scroll when the list changed: at the top one stays at the top and sees what is new; anywhere else the row
 * that was first in view stays where it is. `index` finds a row in the new list.
 */
export function anchored(
  scrollTop: number,
  before: readonly { readonly ref: string }[],
  index: (ref: string) => number | undefined,
): number {
  if (scrollTop < ROW / 2) return 0
  const top = Math.floor(scrollTop / ROW)
  for (let at = top; at < Math.min(before.length, top + 40); at++) {
    const ref = before[at]?.ref
    const now = ref === undefined ? undefined : index(ref)
    if (now !== undefined) return Math.max(0, scrollTop + (now - at) * ROW)
  }
  return scrollTop
}

/** The scroll position that has the row in view, moving as little as possible. */
export function reveal(index: number, scrollTop: number, height: number): number {
  const top = index * ROW
  if (top < scrollTop) return top
  return top + ROW > scrollTop + height ? top + ROW - height : scrollTop
}

/** Which rows of a long list are in the document. */
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

/** The scroll position that has the row in view, moving as little as possible. */
export function reveal(index: number, scrollTop: number, height: number): number {
  const top = index * ROW
  if (top < scrollTop) return top
  return top + ROW > scrollTop + height ? top + ROW - height : scrollTop
}

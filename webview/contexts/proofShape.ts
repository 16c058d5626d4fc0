import type { ContextProof } from '../../src/contracts/panelContext.ts'
import { sentences } from '../strings.ts'

/** The geometry of an RFC 9162 tree around one leaf: pure, no document. `x` runs from 0 to 1. */
export interface Place {
  readonly kind: 'computed' | 'given' | 'other'
  /** Leaves [from, to). */
  readonly from: number
  readonly to: number
  readonly level: number
  readonly x: number
  readonly width: number
  readonly label: string
  readonly title: string
  readonly parent: Place | undefined
}

/** Up to this many leaves are drawn one by one; beyond, a subtree that was given is one box. */
export const LEAVES_DRAWN = 12

/** The largest power of two smaller than n (RFC 9162 §2.1.1). */
export function splitAt(n: number): number {
  let k = 1
  while (k * 2 < n) k *= 2
  return k
}

interface Step {
  readonly from: number
  readonly to: number
  /** Of the computed side. */
  readonly path: readonly [number, number]
  readonly other: readonly [number, number]
}

/** From the root down to the leaf: at each split which half holds the leaf. */
export function descend(index: number, size: number): Step[] {
  const steps: Step[] = []
  let [from, to] = [0, size]
  while (to - from > 1) {
    const cut = from + splitAt(to - from)
    const left: readonly [number, number] = [from, cut]
    const right: readonly [number, number] = [cut, to]
    const inLeft = index < cut
    steps.push({ from, to, path: inLeft ? left : right, other: inLeft ? right : left })
    ;[from, to] = inLeft ? left : right
  }
  return steps
}

/** undefined where the proof does not have the shape of its index and size: then there is nothing true to draw. */
export function placed(proof: ContextProof): Place[] | undefined {
  const { index, size, given, computed } = proof
  const steps = descend(index, size)
  if (index >= size || steps.length !== given.length || computed.length !== given.length + 1) return undefined
  const single = size <= LEAVES_DRAWN
  const x = single ? (leaf: number) => (leaf + 0.5) / size : columns(steps, index)
  const depth = steps.length
  const centre = (from: number, to: number) => (x(from) + x(to - 1)) / 2
  const root = computed[depth] ?? ''
  // Beside a leaf that hangs high in an uneven tree, the given subtree needs a row of its own above its leaves.
  const foot = steps[depth - 1]?.other
  const lift = single && foot !== undefined && foot[1] - foot[0] > 1 ? 1 : 0
  let parent: Place = {
    kind: 'computed',
    from: 0,
    to: size,
    level: depth + lift,
    x: single ? 0.5 : centre(0, size),
    width: 84,
    label: sentences.root(`${root.slice(0, 4)}…`),
    title: sentences.rootComputed(root),
    parent: undefined,
  }
  const places = [parent]
  steps.forEach((step, at) => {
    const level = depth - at - 1
    const hash = given[level] ?? ''
    const other = node('given', step.other, level, hash, parent)
    if (single) places.push(...below(step.other, other))
    const next = node('computed', step.path, level, computed[level] ?? '', parent)
    places.push(other, next)
    parent = next
  })
  return places

  function node(
    kind: 'computed' | 'given',
    [from, to]: readonly [number, number],
    level: number,
    hash: string,
    up: Place,
  ): Place {
    const leaf = to - from === 1
    const label = leaf ? String(from) : single ? hash.slice(0, 4) : `${from}–${to - 1}`
    const width = leaf ? 21 : single ? 36 : 44
    // A given leaf of its own stands at the foot, so that it is in the row of leaves.
    const at = leaf && single ? 0 : level + lift
    return {
      kind,
      from,
      to,
      level: at,
      x: centre(from, to),
      width,
      label,
      title: `${sentences.range(from, to)}, ${kind}: ${hash}`,
      parent: up,
    }
  }

  function below([from, to]: readonly [number, number], up: Place): Place[] {
    if (to - from === 1) return []
    return Array.from({ length: to - from }, (_, offset) => {
      const leaf = from + offset
      return {
        kind: 'other' as const,
        from: leaf,
        to: leaf + 1,
        level: 0,
        x: x(leaf),
        width: 21,
        label: String(leaf),
        title: sentences.unseenLeaf(leaf),
        parent: up,
      }
    })
  }
}

/** Wide trees: one column for the leaf and one for each subtree that was given, in the order of their leaves. */
function columns(steps: readonly Step[], index: number): (leaf: number) => number {
  const starts = [index, ...steps.map((step) => step.other[0])].sort((a, b) => a - b)
  return (leaf) => {
    let at = 0
    while (at + 1 < starts.length && (starts[at + 1] ?? 0) <= leaf) at++
    return (at + 0.5) / starts.length
  }
}

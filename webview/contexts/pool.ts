import type { ContextRow } from '../../src/contracts/panelContext.ts'
import { put, type VNode } from '../dom/h.ts'
import { cellsOf, isSame, type Look, rowView, waitingRow } from './row.ts'

/** What is to be seen at a place of the list. */
export interface Place {
  /** Of the row, which keeps it while newer ones come: its element only moves then. */
  readonly match: number
  /** undefined: the host has not sent it yet. */
  readonly row: ContextRow | undefined
  readonly look: Look
}

interface Drawn extends Place {
  readonly node: VNode
}

/**
 * The elements of a long list, used again as the view moves: what leaves it at one end is what comes at the other. To make the
 * elements of a screen anew costs a frame, to write other words into them does not; nor does it cost one to leave them where they are.
 */
export class RowPool {
  private readonly extent: Element
  private readonly press: (row: ContextRow) => void
  private readonly drawn = new Map<Element, Drawn>()

  constructor(extent: Element, press: (row: ContextRow) => void) {
    this.extent = extent
    this.press = press
  }

  /** Draws these places, in this order, which is also the one that a screen reader finds. */
  draw(places: readonly Place[]): void {
    const { extent, drawn } = this
    const wanted = new Set(places.map(({ match }) => match))
    const kept = new Map<number, Element>()
    const free: Element[] = []
    for (const element of extent.children) {
      const match = drawn.get(element)?.match
      if (match !== undefined && wanted.has(match)) kept.set(match, element)
      else free.push(element)
    }
    const elements = places.map((place) => this.fill(kept.get(place.match) ?? free.shift(), place))
    for (const element of free) {
      element.remove()
      drawn.delete(element)
    }
    this.turn(elements[0])
    let next = extent.firstElementChild
    for (const element of elements) {
      if (element === next) next = next.nextElementSibling
      else extent.insertBefore(element, next)
    }
  }

  private fill(element: Element | undefined, place: Place): Element {
    const { row, look } = place
    const before = element === undefined ? undefined : this.drawn.get(element)
    const node =
      before?.row === row && before !== undefined && isSame(before.look, look)
        ? before.node
        : row === undefined
          ? waitingRow(look, cellsOf(before?.node))
          : rowView(row, { ...look, press: () => this.press(row) })
    const filled = put(element, node)
    this.drawn.set(filled, { ...place, node })
    return filled
  }

  /** Has the first row first. The others follow it round: what is moved are the few that left the view at one end. */
  private turn(first: Element | undefined): void {
    const { extent } = this
    const order = Array.from(extent.children)
    const at = first === undefined ? -1 : order.indexOf(first)
    if (at <= order.length / 2) extent.append(...order.slice(0, Math.max(0, at)))
    else extent.prepend(...order.slice(at))
  }
}

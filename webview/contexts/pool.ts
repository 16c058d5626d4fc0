import type { ContextRow } from '../../src/contracts/panelContext.ts'
import { put, type VNode } from '../dom/h.ts'
import { cellsOf, isSame, type Look, rowView, waitingRow } from './row.ts'

/** What is to be seen at a place of the list, and the slot whose element shows it. */
export interface Place {
  readonly slot: number
  /** undefined: the host has not sent it yet. */
  readonly row: ContextRow | undefined
  readonly look: Look
}

interface Drawn extends Place {
  readonly node: VNode
  readonly element: Element
}

/**
 * The elements of a long list, used again as the view moves: what leaves it at one end is what comes at the other. To make the
 * elements of a screen anew costs a frame, to write other words into them does not.
 */
export class RowPool {
  private readonly extent: Element
  private readonly press: (row: ContextRow) => void
  private readonly slots = new Map<number, Drawn>()

  constructor(extent: Element, press: (row: ContextRow) => void) {
    this.extent = extent
    this.press = press
  }

  /** Draws these places, in this order, which is also the one that a screen reader finds. */
  draw(places: readonly Place[]): void {
    const { slots, extent } = this
    const used = new Set(places.map(({ slot }) => slot))
    for (const [slot, { element }] of slots) {
      if (used.has(slot)) continue
      element.remove()
      slots.delete(slot)
    }
    const elements = places.map((place) => this.fill(place))
    this.turn(elements[0])
    let next = extent.firstElementChild
    for (const element of elements) {
      if (element === next) next = next.nextElementSibling
      else extent.insertBefore(element, next)
    }
  }

  private fill(place: Place): Element {
    const { slot, row, look } = place
    const before = this.slots.get(slot)
    // Most rows of most drawings.
    if (before?.row === row && before !== undefined && isSame(before.look, look)) return before.element
    const node =
      row === undefined
        ? waitingRow(look, cellsOf(before?.node))
        : rowView(row, { ...look, press: () => this.press(row) })
    const element = put(before?.element, node)
    this.slots.set(slot, { ...place, node, element })
    return element
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

import type { Model } from '../app/model.ts'
import { h, patch, type VNode } from '../dom/h.ts'
import { strings } from '../strings.ts'
import { move } from './move.ts'
import { type Place, RowPool } from './pool.ts'
import { rowId } from './row.ts'
import { reveal, ROW, visible } from './window.ts'

/** Rows beyond the visible ones that are asked for with them, so that a turn of the wheel has them already. */
const AHEAD = 64

/** The row that was first in view, and how much of it was scrolled away. */
interface Anchor {
  readonly match: number
  readonly offset: number
  readonly numbering: number
}

/** As high as all rows together; the pool draws what is in it. */
const EXTENT = h('div', { own: true, class: 'extent', role: 'presentation' })

/**
 * The virtual list: one tab stop, rows of 24 px, only those in view are in the document, and little more in memory. It
 * patches its own scroll box, so that scrolling does not redraw the panel.
 */
export class ContextList {
  private box: HTMLElement | undefined
  private pool: RowPool | undefined
  /** Of the box: how far it is scrolled, and how much of it is seen. */
  private top = 0
  private height = 0
  private frame = 0
  private anchor: Anchor | undefined
  /** The list as it was drawn last. */
  private seen = { end: 0, count: 0, numbering: -1 }
  /** What the host was last asked for, and keeps up to date. */
  private asked = { from: 0, to: 0, top: false, numbering: -1, selected: '' }
  /** Where a key led although the row is not here yet. */
  private going: { readonly match: number; readonly numbering: number } | undefined
  private readonly model: Model
  private readonly open: () => void
  private readonly copy: (ref: string) => void

  constructor(model: Model, open: () => void, copy: (ref: string) => void) {
    this.model = model
    this.open = open
    this.copy = copy
  }

  /** The frame that the view describes; `attach` fills it after every patch. */
  readonly body = (): VNode =>
    h('div', {
      key: 'rows',
      own: true,
      class: 'rows',
      id: 'context-rows',
      role: 'listbox',
      tabindex: 0,
      'aria-label': strings.contexts.list,
      on: { scroll: () => this.scrolled(), keydown: (event) => this.keydown(event) },
    })

  /** Draws the list into the box that `body` became. */
  attach(): void {
    const box = document.getElementById('context-rows')
    if (box === null) return
    const fresh = box !== this.box
    if (fresh) this.adopt(box)
    const target = this.target()
    // Positions have fractions of a pixel: one that only was computed is none that moved.
    const moved = Math.abs(target - this.top) >= 1
    if (moved) this.top = target
    this.draw()
    // After the drawing: a position that the box was not high enough for before would be cut.
    if (moved) box.scrollTop = target
    if (fresh) this.toSelected()
    this.arrive()
  }

  /** A box that is new in the document. Its measures are read here and when they change, never between two drawings. */
  private adopt(box: HTMLElement): void {
    this.box = box
    this.anchor = undefined
    this.top = box.scrollTop
    this.height = box.clientHeight
    patch(box, [EXTENT])
    const [extent] = box.children
    this.pool = extent === undefined ? undefined : new RowPool(extent, (row) => this.model.select(row))
    new ResizeObserver(() => {
      this.height = box.clientHeight
      this.schedule()
    }).observe(box)
  }

  focus(): void {
    this.box?.focus()
  }

  /** Read where the browser says it, before anything is drawn: read later, it would lay out what was drawn so far. */
  private scrolled(): void {
    this.top = this.box?.scrollTop ?? 0
    // What is drawn for another reason in this frame must not scroll back to where one was.
    this.anchor = this.anchorAt(this.top)
    this.schedule()
  }

  /** By what was drawn last, which is what one sees and scrolls. */
  private anchorAt(top: number): Anchor {
    const { end, count, numbering } = this.seen
    const first = Math.min(Math.floor(Math.max(0, top) / ROW), Math.max(0, count - 1))
    return { match: end - 1 - first, offset: top - first * ROW, numbering }
  }

  private schedule(): void {
    if (this.frame !== 0) return
    this.frame = requestAnimationFrame(() => {
      this.frame = 0
      this.draw()
    })
  }

  /** At the top one stays at the top and sees what is new; anywhere else what is read stays where it is. */
  private target(): number {
    const { anchor, top } = this
    const { rows } = this.model
    if (anchor === undefined || top < ROW / 2) return 0
    const match = anchor.numbering === rows.numbering ? anchor.match : rows.found
    return match === undefined ? top : Math.max(0, rows.position(match) * ROW + anchor.offset)
  }

  private draw(): void {
    const { box, pool, top, height } = this
    const { rows } = this.model
    if (box === undefined || pool === undefined || rows.list === undefined) return
    const { count, numbering } = rows
    const { from, to } = visible(top, height, count)
    this.seen = { end: rows.list.end, count, numbering }
    this.anchor = this.anchorAt(top)
    const selected = this.model.saved.context
    const places = this.places(from, to, selected)
    patch(box, [{ ...EXTENT, props: { ...EXTENT.props, css: { height: `${count * ROW}px` } } }])
    pool.draw(places)
    const drawn = selected !== undefined && places.some(({ look }) => look.selected)
    if (drawn) box.setAttribute('aria-activedescendant', rowId(selected))
    else box.removeAttribute('aria-activedescendant')
    rows.prune(this.anchor.match)
    this.ask(rows.position(this.anchor.match), Math.ceil(height / ROW))
  }

  private places(from: number, to: number, selected: string | undefined): Place[] {
    const { rows } = this.model
    const { count } = rows
    const batch = selected === undefined ? undefined : this.rowOf(selected)?.batch?.id
    return Array.from({ length: to - from }, (_, offset) => {
      const index = from + offset
      const match = rows.match(index)
      const row = rows.at(match)
      const joined = batch !== undefined && row?.batch?.id === batch
      const look = { index, count, selected: row !== undefined && row.ref === selected, joined }
      return { match, row, look }
    })
  }

  /** Asks for what is in view and not asked for yet; the host then tells what changes in it. */
  private ask(first: number, height: number): void {
    const { rows, saved } = this.model
    const { list, numbering, count } = rows
    if (list === undefined || count === 0) return
    const { asked } = this
    const top = first === 0
    const newest = rows.match(first)
    const oldest = Math.max(list.first, rows.match(first + height))
    const selected = saved.context ?? ''
    // At the top the host follows what is new by itself.
    const covered = (top && asked.top) || (asked.from <= oldest && asked.to > newest)
    if (covered && asked.numbering === numbering && asked.selected === selected) return
    const from = Math.max(list.first, oldest - AHEAD)
    const to = top ? list.end : Math.min(list.end, newest + 1 + AHEAD)
    this.asked = { from, to, top, numbering, selected }
    const topRef = rows.at(newest)?.ref
    this.model.want({
      view: list.view,
      from,
      to,
      ...(topRef === undefined ? {} : { top: topRef }),
      ...(selected === '' ? {} : { selected }),
    })
  }

  private rowOf(ref: string) {
    const { rows, detail } = this.model
    return rows.get(ref) ?? (detail?.ref === ref ? detail.detail?.row : undefined)
  }

  private toSelected(): void {
    const ref = this.model.saved.context
    const match = ref === undefined ? undefined : (this.model.rows.matchOf(ref) ?? this.model.rows.found)
    if (match !== undefined) this.toMatch(match)
  }

  private toMatch(match: number): void {
    const { box } = this
    if (box === undefined) return
    const to = reveal(this.model.rows.position(match), this.top, this.height)
    if (to === this.top) return
    this.top = to
    box.scrollTop = to
  }

  /** The row that a key led to is here now. */
  private arrive(): void {
    const { going } = this
    if (going === undefined) return
    const row = going.numbering === this.model.rows.numbering ? this.model.rows.at(going.match) : undefined
    if (row === undefined && going.numbering === this.model.rows.numbering) return
    this.going = undefined
    if (row !== undefined) this.model.select(row)
  }

  private keydown(event: Event): void {
    if (!(event instanceof KeyboardEvent) || this.box === undefined) return
    const { rows, saved } = this.model
    const selected = saved.context
    const match = this.going?.match ?? (selected === undefined ? undefined : rows.matchOf(selected))
    if (event.key === 'Enter' && selected !== undefined) this.open()
    else if (event.key === 'c' && (event.ctrlKey || event.metaKey) && selected !== undefined) {
      // A text that is selected is what Ctrl+C means.
      if (document.getSelection()?.isCollapsed === false) return
      this.copy(selected)
    } else {
      const page = Math.max(1, Math.floor(this.height / ROW) - 1)
      const at = match === undefined ? Math.floor(this.top / ROW) - 1 : rows.position(match)
      const to = move(event.key, at, rows.count, page)
      if (to === undefined) return
      this.going = { match: rows.match(to), numbering: rows.numbering }
      this.toMatch(this.going.match)
      this.draw()
      this.arrive()
    }
    event.preventDefault()
  }
}

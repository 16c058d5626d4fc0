import type { Model } from '../app/model.ts'
import { h, patch, type VNode } from '../dom/h.ts'
import { strings } from '../strings.ts'
import { move } from './move.ts'
import { rowId, rowView, waitingRow } from './row.ts'
import { reveal, ROW, visible } from './window.ts'

/** Rows beyond the visible ones that are asked for with them, so that a turn of the wheel has them already. */
const AHEAD = 64

/** The row that was first in view, and how much of it was scrolled away. */
interface Anchor {
  readonly match: number
  readonly offset: number
  readonly numbering: number
}

/**
 * The virtual list: one tab stop, rows of 24 px, only those in view are in the document, and little more in memory. It
 * patches its own scroll box, so that scrolling does not redraw the panel.
 */
export class ContextList {
  private box: HTMLElement | undefined
  private frame = 0
  private anchor: Anchor | undefined
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

  readonly head = (): VNode => {
    const { columns } = strings.contexts
    const cell = (text: string, more = '') => h('span', { class: more }, text)
    return h(
      'div',
      { class: 'li hd', 'aria-hidden': true },
      cell(columns.verdict),
      cell(columns.time, 'tm'),
      cell('', 'dir'),
      cell(columns.server, 'sv'),
      cell(columns.what),
      cell(columns.size, 'r sz'),
      cell(columns.custody),
      cell(columns.batch, 'n'),
      cell('', 'rc'),
    )
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
      on: { scroll: () => this.schedule(), keydown: (event) => this.keydown(event) },
    })

  /** Draws the list into the box that `body` became. */
  attach(): void {
    const box = document.getElementById('context-rows')
    if (box === null) return
    const fresh = box !== this.box
    if (fresh) {
      this.box = box
      this.anchor = undefined
      new ResizeObserver(() => this.schedule()).observe(box)
    }
    const target = this.target(box)
    this.draw()
    if (box.scrollTop !== target) {
      box.scrollTop = target
      this.draw()
    }
    if (fresh) this.toSelected()
    this.arrive()
  }

  focus(): void {
    this.box?.focus()
  }

  private schedule(): void {
    if (this.frame !== 0) return
    this.frame = requestAnimationFrame(() => {
      this.frame = 0
      this.draw()
    })
  }

  /** At the top one stays at the top and sees what is new; anywhere else what is read stays where it is. */
  private target(box: HTMLElement): number {
    const { anchor } = this
    const { rows } = this.model
    if (anchor === undefined || box.scrollTop < ROW / 2) return 0
    const match = anchor.numbering === rows.numbering ? anchor.match : rows.found
    return match === undefined ? box.scrollTop : Math.max(0, rows.position(match) * ROW + anchor.offset)
  }

  private draw(): void {
    const { box } = this
    const { rows } = this.model
    if (box === undefined || rows.list === undefined) return
    const { scrollTop, clientHeight } = box
    const { count, numbering } = rows
    const { from, to } = visible(scrollTop, clientHeight, count)
    const first = Math.min(Math.floor(Math.max(0, scrollTop) / ROW), Math.max(0, count - 1))
    this.anchor = { match: rows.match(first), offset: scrollTop - first * ROW, numbering }
    const selected = this.model.saved.context
    const batch = selected === undefined ? undefined : this.rowOf(selected)?.batch?.id
    const nodes = Array.from({ length: to - from }, (_, offset) => {
      const index = from + offset
      const match = rows.match(index)
      const row = rows.at(match)
      if (row === undefined) return waitingRow(match, { index, count })
      return rowView(row, {
        index,
        count,
        selected: row.ref === selected,
        joined: batch !== undefined && row.batch?.id === batch,
        press: () => this.model.select(row),
      })
    })
    patch(box, [h('div', { class: 'extent', css: { height: `${count * ROW}px` }, role: 'presentation' }, nodes)])
    const drawn = selected !== undefined && nodes.some((node) => node.props.key === selected)
    if (drawn) box.setAttribute('aria-activedescendant', rowId(selected))
    else box.removeAttribute('aria-activedescendant')
    rows.prune(rows.match(first))
    this.ask(first, Math.ceil(clientHeight / ROW))
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
    const to = reveal(this.model.rows.position(match), box.scrollTop, box.clientHeight)
    if (to !== box.scrollTop) box.scrollTop = to
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
      const page = Math.max(1, Math.floor(this.box.clientHeight / ROW) - 1)
      const at = match === undefined ? Math.floor(this.box.scrollTop / ROW) - 1 : rows.position(match)
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

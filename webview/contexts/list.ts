import type { ContextRow } from '../../src/contracts/panelContext.ts'
import type { Model } from '../app/model.ts'
import { h, patch, type VNode } from '../dom/h.ts'
import { strings } from '../strings.ts'
import { move } from './move.ts'
import { rowId, rowView } from './row.ts'
import { anchored, reveal, ROW, visible } from './window.ts'

/**
 * The virtual list: one tab stop, rows of 24 px, only those in view are in the document. It patches its own scroll box,
 * so that scrolling does not redraw the panel.
 */
export class ContextList {
  private rows: readonly ContextRow[] = []
  private index = new Map<string, number>()
  private box: HTMLElement | undefined
  private frame = 0
  private readonly model: Model
  private readonly open: () => void
  private readonly copy: (ref: string) => void

  constructor(model: Model, open: () => void, copy: (ref: string) => void) {
    this.model = model
    this.open = open
    this.copy = copy
  }

  /** The frame that the view describes; `attach` fills it after every patch. */
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
    )
  }

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

  /** Draws `rows` into the box that `body` became. */
  attach(rows: readonly ContextRow[]): void {
    const box = document.getElementById('context-rows')
    if (box === null) return
    const fresh = box !== this.box
    if (fresh) {
      this.box = box
      new ResizeObserver(() => this.schedule()).observe(box)
    }
    const before = this.rows
    this.rows = rows
    this.index = new Map(rows.map((row, at) => [row.ref, at]))
    const target = fresh ? 0 : anchored(box.scrollTop, before, (ref) => this.index.get(ref))
    this.draw()
    if (box.scrollTop !== target) box.scrollTop = target
    this.draw()
    if (fresh) this.toSelected()
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

  private draw(): void {
    const { box, rows } = this
    if (box === undefined) return
    const { from, to } = visible(box.scrollTop, box.clientHeight, rows.length)
    const selected = this.model.saved.context
    const batch = selected === undefined ? undefined : this.model.rows.get(selected)?.batch?.id
    const nodes = rows.slice(from, to).map((row, offset) =>
      rowView(row, {
        index: from + offset,
        count: rows.length,
        selected: row.ref === selected,
        joined: batch !== undefined && row.batch?.id === batch,
        press: () => this.model.select(row),
      }),
    )
    patch(box, [h('div', { class: 'extent', css: { height: `${rows.length * ROW}px` }, role: 'presentation' }, nodes)])
    const drawn = selected !== undefined && nodes.some((node) => node.props.key === selected)
    if (drawn) box.setAttribute('aria-activedescendant', rowId(selected))
    else box.removeAttribute('aria-activedescendant')
  }

  private toSelected(): void {
    const at = this.model.saved.context === undefined ? undefined : this.index.get(this.model.saved.context)
    if (this.box !== undefined && at !== undefined) {
      this.box.scrollTop = reveal(at, this.box.scrollTop, this.box.clientHeight)
    }
  }

  private keydown(event: Event): void {
    if (!(event instanceof KeyboardEvent) || this.box === undefined) return
    const selected = this.model.saved.context
    const at = selected === undefined ? -1 : (this.index.get(selected) ?? -1)
    if (event.key === 'Enter' && at >= 0) this.open()
    else if (event.key === 'c' && (event.ctrlKey || event.metaKey) && selected !== undefined) {
      // A text that is selected is what Ctrl+C means.
      if (document.getSelection()?.isCollapsed === false) return
      this.copy(selected)
    } else {
      const page = Math.max(1, Math.floor(this.box.clientHeight / ROW) - 1)
      const to = move(event.key, at, this.rows.length, page)
      if (to === undefined) return
      this.model.select(this.rows[to])
      this.toSelected()
    }
    event.preventDefault()
  }
}

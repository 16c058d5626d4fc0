import type { ContextRow } from '../../src/contracts/panelContext.ts'
import { type Child, h, type VNode } from '../dom/h.ts'
import { icon } from '../dom/icons.ts'
import { custodyWord, marked, name, verdictWord } from '../pieces/marks.ts'
import { sentences, strings } from '../strings.ts'
import { clockMs, number, size } from '../text/format.ts'
import { plain } from '../text/hostile.ts'
import { ROW } from './window.ts'

/** What a context is about: the tool of a call, else the method, else what kind of statement it is. */
export const about = (row: ContextRow): string => row.tool ?? row.method ?? row.kind

export function sentenceOf(row: ContextRow): string {
  const { verdict, custody } = strings
  const receipt = row.receipt === undefined ? '' : `, ${strings.contexts.receipt[row.receipt]}`
  const sentence = sentences.row(
    verdict[row.verdict],
    plain(about(row)),
    row.dir,
    plain(row.server),
    number(row.size),
    custody[row.custody],
  )
  return `${sentence}${receipt}`
}

export interface Look {
  readonly index: number
  readonly count: number
  readonly selected: boolean
  /** In the batch of the selected row. */
  readonly joined: boolean
}

export function isSame(one: Look, other: Look): boolean {
  const { index, count, selected, joined } = one
  return index === other.index && count === other.count && selected === other.selected && joined === other.joined
}

export const rowId = (ref: string): string => `context-${ref}`

export function rowView(row: ContextRow, look: Look & { readonly press: () => void }): VNode {
  return h(
    'div',
    {
      id: rowId(row.ref),
      class: `li${look.selected ? ' sel' : ''}${look.joined ? ' sib' : ''}`,
      role: 'option',
      'aria-selected': look.selected,
      'aria-label': sentenceOf(row),
      'aria-setsize': look.count,
      'aria-posinset': look.index + 1,
      css: { transform: `translateY(${look.index * ROW}px)` },
      on: { mousedown: look.press },
    },
    // A row is its sentence; read cell by cell it would be said twice.
    h('span', { class: 'cells', 'aria-hidden': true }, cells(row)),
  )
}

/** The cells in a row that was described before. */
export function cellsOf(row: VNode | undefined): VNode['children'] {
  const cells = row?.children[0]
  return typeof cells === 'object' ? cells.children : []
}

function cells(row: ContextRow): Child[] {
  return [
    verdictWord(row.verdict),
    h('span', { class: 'num tm' }, clockMs(row.at)),
    h('span', { class: 'dir' }, icon(row.dir === 'c2s' ? 'to' : 'from')),
    name(row.server, 'sv'),
    what(row),
    h('span', { class: 'num r sz', title: `${number(row.size)} B` }, size(row.size)),
    custodyWord(row.custody, 'quiet'),
    row.batch === undefined ? h('span', { class: 'n' }) : h('span', { class: 'n chip num' }, `n=${row.batch.n}`),
    receipt(row),
  ]
}

function receipt({ receipt: state }: ContextRow): VNode {
  if (state === undefined) return h('span', { class: 'rc' })
  return h('span', { class: `rc ${state}`, title: strings.contexts.receiptTitle[state] }, icon(state))
}

/**
 * Where a row will be when the host has sent it.
 * @param cells of the row that the element drew before: they stay in it unseen, so that they are not made anew a moment later
 */
export function waitingRow(look: Pick<Look, 'index' | 'count'>, cells: VNode['children'] = []): VNode {
  return h(
    'div',
    {
      class: 'li waits',
      role: 'option',
      'aria-selected': false,
      'aria-label': strings.contexts.loading,
      'aria-setsize': look.count,
      'aria-posinset': look.index + 1,
      css: { transform: `translateY(${look.index * ROW}px)` },
    },
    h('span', { class: 'cells', 'aria-hidden': true }, cells),
  )
}

function what(row: ContextRow): Child {
  const text = about(row)
  return h('bdi', { class: `mt cut${row.tool === undefined ? ' quiet' : ''}`, title: plain(text) }, marked(text, 80))
}

/** The names of the columns. */
export function headRow(): VNode {
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

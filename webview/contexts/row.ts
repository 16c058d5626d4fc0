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

interface Look {
  readonly index: number
  readonly count: number
  readonly selected: boolean
  /** In the batch of the selected row. */
  readonly joined: boolean
  readonly press: () => void
}

export const rowId = (ref: string): string => `context-${ref}`

export function rowView(row: ContextRow, look: Look): VNode {
  return h(
    'div',
    {
      key: row.ref,
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

function cells(row: ContextRow): Child[] {
  return [
    verdictWord(row.verdict),
    h('span', { class: 'num tm' }, clockMs(row.at)),
    h('span', { class: 'dir' }, icon(row.dir === 'c2s' ? 'to' : 'from')),
    name(row.server, 'sv'),
    what(row),
    h('span', { class: 'num r sz', title: `${number(row.size)} B` }, size(row.size)),
    h('span', { class: 'cu quiet' }, custodyWord(row.custody)),
    row.batch === undefined ? h('span', { class: 'n' }) : h('span', { class: 'n chip num' }, `n=${row.batch.n}`),
    receipt(row),
  ]
}

function receipt({ receipt: state }: ContextRow): VNode {
  if (state === undefined) return h('span', { class: 'rc' })
  return h('span', { class: `rc ${state}`, title: strings.contexts.receiptTitle[state] }, icon(state))
}

/** Where a row will be when the host has sent it. */
export function waitingRow(match: number, look: Pick<Look, 'index' | 'count'>): VNode {
  return h(
    'div',
    {
      key: `at ${match}`,
      class: 'li waits',
      role: 'option',
      'aria-selected': false,
      'aria-label': strings.contexts.loading,
      'aria-setsize': look.count,
      'aria-posinset': look.index + 1,
      css: { transform: `translateY(${look.index * ROW}px)` },
    },
    h('span', { class: 'quiet', 'aria-hidden': true }, '…'),
  )
}

function what(row: ContextRow): Child {
  const text = about(row)
  return h(
    'bdi',
    { class: 'mt cut', title: plain(text) },
    h('span', { class: row.tool === undefined ? 'quiet' : '' }, marked(text, 80)),
  )
}

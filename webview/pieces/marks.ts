import type { Custody } from '../../src/contracts/custody.ts'
import type { Verdict } from '../../src/contracts/panelContext.ts'
import { type Child, h, type VNode } from '../dom/h.ts'
import { icon } from '../dom/icons.ts'
import { strings } from '../strings.ts'
import { pieces, plain } from '../text/hostile.ts'

/** Custody as an outlined tag: its border is solid, dashed or dotted, so that the three never look alike. */
export function custodyTag(custody: Custody): VNode {
  return h(
    'span',
    { class: `tag ${custody}`, title: strings.custody.title[custody] },
    icon(custody),
    strings.custody[custody],
  )
}

/** The same in a line of text. */
export function custodyWord(custody: Custody, more = ''): VNode {
  return h(
    'span',
    { class: `cust ${more}`.trimEnd(), title: strings.custody.title[custody] },
    icon(custody),
    strings.custody[custody],
  )
}

/** Where its word stands nearby: the glyph alone, the word for a pointer and for a screen reader. */
export function custodyGlyph(custody: Custody): VNode {
  return h(
    'span',
    { class: 'cust', title: strings.custody.title[custody] },
    icon(custody),
    h('span', { class: 'hear' }, strings.custody[custody]),
  )
}

export function verdictWord(verdict: Verdict): VNode {
  return h('span', { class: `v ${verdict}` }, icon(verdict), strings.verdict[verdict])
}

/** A name that others chose: isolated from its neighbours' direction, hostile characters escaped and marked. */
export function name(text: string, more = '', most = 200): VNode {
  return h('bdi', { class: `cut ${more}`.trimEnd(), title: plain(text, 1000) }, marked(text, most))
}

/** A sentence with elements in it: `{0}` is the first of them, wherever the language wants it. */
export function filled(sentence: string, ...children: readonly Child[]): Child[] {
  return sentence.split(/\{(\d)\}/).map((part, at) => (at % 2 === 0 ? part : children[Number(part)]))
}

export function marked(text: string, most = 200): Child[] {
  const cut = text.length > most ? `${text.slice(0, most)}…` : text
  return pieces(cut).map((piece) =>
    piece.odd === undefined ? piece.text : h('span', { class: 'odd', title: piece.odd }, piece.text),
  )
}

/** A label by its English; one that its caller has translated stays. */
const LABELS: Readonly<Record<string, string>> = strings.labels

export function keyValues(rows: readonly (readonly [string, Child, string?] | undefined)[]): VNode {
  return h(
    'dl',
    { class: 'kv num' },
    rows.map((row) => row !== undefined && [h('dt', {}, LABELS[row[0]] ?? row[0]), h('dd', { class: row[2] }, row[1])]),
  )
}

/** A kid or digest: its ends, the whole of it in the title. */
export function code(full: string, shown: string, more = ''): VNode {
  return h('code', { class: more, title: full }, shown)
}

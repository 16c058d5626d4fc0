import { type Child, h, type VNode } from '../dom/h.ts'
import { icon } from '../dom/icons.ts'
import { marked } from '../pieces/marks.ts'
import { closes, type Fold, folds } from '../text/folds.ts'
import { layout, type Line, MOST_COLUMNS } from '../text/json.ts'
import type { BodyView, BodyViews } from './bodyViews.ts'
import { move } from './move.ts'

interface Laid {
  readonly lines: readonly Line[]
  readonly folds: readonly Fold[]
}

interface Tree extends Laid {
  readonly ref: string
  readonly label: string
  readonly views: BodyViews
}

const laidOut = new Map<string, Laid>()
const drawn = new WeakMap<BodyView, Map<string, VNode>>()

/** A context's text as a tree of its lines: one tab stop, arrows move, left and right fold. What is no JSON is lines alone. */
export function treeView(ref: string, text: string, label: string, views: BodyViews): VNode {
  const view = views.of(ref)
  const tree: Tree = { ref, label, views, ...layOut(text) }
  let nodes = drawn.get(view)
  if (nodes === undefined) {
    nodes = new Map()
    drawn.set(view, nodes)
  }
  // The same node again is no work: a body of two thousand lines must not be drawn with every new context.
  const key = `${ref} ${label} ${text.length}`
  const node = nodes.get(key) ?? draw(tree, view)
  nodes.set(key, node)
  return node
}

/** Laid out once: contexts do not change. Of the last few only. */
function layOut(text: string): Laid {
  const known = laidOut.get(text)
  if (known !== undefined) return known
  const lines = layout(text)
  const laid = { lines, folds: folds(lines) }
  laidOut.set(text, laid)
  const [oldest] = laidOut.keys()
  if (laidOut.size > 32 && oldest !== undefined) laidOut.delete(oldest)
  return laid
}

function draw(tree: Tree, view: BodyView): VNode {
  const shown = visible(tree, view.folded)
  if (!tree.folds.some(({ until }) => until !== undefined)) {
    return h(
      'pre',
      { key: `text ${tree.ref}`, tabindex: 0, dir: 'ltr', role: 'group', 'aria-label': tree.label },
      shown.map((at) => h('div', {}, content(tree.lines[at] ?? []))),
    )
  }
  const stops = shown.filter((at) => !closes(tree.lines[at] ?? []))
  const current = stops.includes(view.line) ? view.line : (stops[0] ?? 0)
  return h(
    'div',
    {
      key: `tree ${tree.ref}`,
      class: 'json',
      role: 'tree',
      tabindex: 0,
      dir: 'ltr',
      'aria-label': tree.label,
      'aria-activedescendant': idOf(tree.ref, current),
      on: { keydown: (event) => keydown(event, tree, view, stops, current) },
    },
    shown.map((at) => row(tree, view, at, at === current)),
  )
}

/** Lines that no fold hides. */
function visible({ lines, folds: all }: Laid, folded: ReadonlySet<number>): number[] {
  const shown: number[] = []
  for (let at = 0; at < lines.length; at++) {
    shown.push(at)
    const until = all[at]?.until
    // The line that closes is drawn at the end of the one that opens.
    if (until !== undefined && folded.has(at)) at = until
  }
  return shown
}

function row(tree: Tree, view: BodyView, at: number, current: boolean): VNode {
  const { lines, folds: all, ref, views } = tree
  const line = lines[at] ?? []
  const { level = 1, until } = all[at] ?? {}
  const folded = view.folded.has(at)
  if (closes(line)) return h('div', { class: 'ln', role: 'none' }, h('span', { class: 'tw' }), content(line))
  return h(
    'div',
    {
      class: `ln${current ? ' at' : ''}`,
      id: idOf(ref, at),
      role: 'treeitem',
      'aria-level': level,
      'aria-expanded': until === undefined ? undefined : !folded,
      'aria-selected': current,
      on: { mousedown: () => views.set(ref, { line: at }) },
    },
    h(
      'span',
      {
        class: 'tw',
        'aria-hidden': true,
        on: until === undefined ? {} : { mousedown: (event) => press(event, () => views.fold(ref, at, !folded)) },
      },
      until !== undefined && icon(folded ? 'right' : 'down'),
    ),
    content(line),
    folded &&
      until !== undefined && [h('bdi', { class: 'note' }, ` … ${until - at - 1} `), content(closing(lines[until]))],
  )
}

/** The line that closes, without its indentation. */
const closing = (line: Line = []): Line => line.filter(({ text }) => text.trim() !== '')

const LOOK = { key: 'k', string: 's', number: 'n', word: 'b', punctuation: 'p', text: 't', note: 'note' } as const

function content(line: Line): Child {
  if (line.length === 0) return h('br')
  return line.map((token) => h('bdi', { class: LOOK[token.kind] }, marked(token.text, MOST_COLUMNS + 40)))
}

const idOf = (ref: string, line: number): string => `line-${ref}-${line}`

function press(event: Event, act: () => void): void {
  event.stopPropagation()
  act()
}

function keydown(event: Event, tree: Tree, view: BodyView, stops: readonly number[], current: number): void {
  if (!(event instanceof KeyboardEvent) || event.ctrlKey || event.metaKey || event.altKey) return
  const { ref, views, folds: all } = tree
  const fold = all[current]
  const folds = fold?.until !== undefined
  const folded = view.folded.has(current)
  const at = stops.indexOf(current)
  if (event.key === 'ArrowRight' && folds && folded) views.fold(ref, current, false)
  else if (event.key === 'ArrowLeft' && folds && !folded) views.fold(ref, current, true)
  else if ((event.key === 'Enter' || event.key === ' ') && folds) views.fold(ref, current, !folded)
  else {
    const up = stops.findLast((line) => line < current && (all[line]?.level ?? 1) < (fold?.level ?? 1))
    const to = event.key === 'ArrowLeft' ? up : stops[move(event.key, at, stops.length, 10) ?? -1]
    if (to === undefined) return
    views.set(ref, { line: to })
    // After the next drawing: the line may have been out of view.
    requestAnimationFrame(() =>
      requestAnimationFrame(() => document.getElementById(idOf(ref, to))?.scrollIntoView({ block: 'nearest' })),
    )
  }
  event.preventDefault()
}

import type { ContextProof } from '../../src/contracts/panelContext.ts'
import { h, s, type VNode } from '../dom/h.ts'
import { sentences, strings } from '../strings.ts'
import { type Place, placed } from './proofShape.ts'

/** The inclusion proof as a tree: filled was computed here, dashed was given, pale was never seen. */
const WIDTH = 308
const STEP = 30
const BOX = 17

export function proofView(proof: ContextProof): VNode {
  const t = strings.contexts
  const title = h(
    'h3',
    {},
    t.proof,
    h('span', { class: 'quiet small num' }, sentences.leaf(proof.index, proof.size, proof.given.length)),
  )
  const places = placed(proof)
  return h(
    'section',
    {},
    title,
    places === undefined ? h('p', { class: 'small' }, proof.given.join(' ')) : tree(proof, places),
    h(
      'p',
      { class: 'legend', 'aria-hidden': true },
      h('span', {}, h('span', { class: 'sw tl-on' }), t.computed),
      h('span', {}, h('span', { class: 'sw tl-gv' }), t.given),
      h('span', {}, h('span', { class: 'sw tl-lf' }), t.others),
    ),
  )
}

function tree(proof: ContextProof, places: readonly Place[]): VNode {
  const levels = Math.max(...places.map((place) => place.level))
  const height = (levels + 1) * STEP + 4
  const y = (level: number) => height - 4 - BOX - level * STEP
  const edges = places.flatMap((place) => {
    const parent = place.parent
    if (parent === undefined) return []
    const d = `M${mid(place)} ${y(place.level)}V${y(parent.level) + BOX + 5}H${mid(parent)}V${y(parent.level) + BOX}`
    return [s('path', { class: `edge ${place.kind === 'computed' ? 'on' : place.kind === 'other' ? 'faint' : ''}`, d })]
  })
  return s(
    'svg',
    { class: 'tree', viewBox: `0 0 ${WIDTH} ${height}`, role: 'img', 'aria-label': spoken(proof, places) },
    edges,
    places.map((place) => box(place, y(place.level))),
  )
}

const mid = (place: Place) => Number((place.x * WIDTH).toFixed(1))

function box(place: Place, y: number): VNode {
  const ends = place.kind === 'computed' && (place.parent === undefined || place.level === 0)
  const width = place.width
  const x = Math.min(WIDTH - width - 1.5, Math.max(1.5, mid(place) - width / 2))
  const look = place.kind === 'computed' ? 'on' : place.kind === 'given' ? 'given' : 'leaf'
  const shape = { x, y, width, height: BOX, rx: 2 }
  return s(
    'g',
    {},
    s('title', {}, place.title),
    s('rect', { class: 'mask', ...shape }),
    s('rect', { class: `${look}${ends ? ' root' : ''}`, ...shape }),
    s('text', { x: x + width / 2, y: y + 12 }, place.label),
  )
}

function spoken(proof: ContextProof, places: readonly Place[]): string {
  const given = places.filter((place) => place.kind === 'given').map((place) => place.title)
  return `${strings.contexts.proof}: ${sentences.leaf(proof.index, proof.size, proof.given.length)}. ${given.join('; ')}`
}

import { s, type VNode } from './h.ts'

/** The glyphs: 16 px, a line of 1.1 px. Each is a list of [element, attributes]. */
type Shape = readonly [string, Readonly<Record<string, string>>]
const p = (d: string, more: Readonly<Record<string, string>> = {}): Shape => ['path', { d, ...more }]
const fill = { fill: 'currentColor', stroke: 'none' }
const ring = (more: Readonly<Record<string, string>> = {}): Shape => ['circle', { cx: '8', cy: '8', r: '6.5', ...more }]
const dot = (cx: string, cy: string, r: string): Shape => ['circle', { cx, cy, r, ...fill }]
const rect = (x: string, y: string, width: string, height: string, more = {}): Shape => [
  'rect',
  { x, y, width, height, ...more },
]

const PIN = 'M9.5 1.5l5 5-1.2.6-1.3-.1-2.5 2.5.2 2.7-1.2 1.1L2.7 7.5l1.1-1.2 2.7.2L9 4 8.9 2.7z'
const OCTAGON =
  'M5.2 1h5.6L15 5.2v5.6L10.8 15H5.2L1 10.8V5.2zM8 6.9 5.8 4.7 4.7 5.8 6.9 8 4.7 10.2l1.1 1.1L8 9.1l2.2 2.2 1.1-1.1L9.1 8l2.2-2.2-1.1-1.1z'
const SHEET = [p('M3.5 1.5h6l3 3v10h-9z'), p('M9.5 1.5v3h3')]

const ICONS = {
  verified: [ring(), p('M5 8.3 7.2 10.5 11.2 5.8', { 'stroke-width': '1.5' })],
  pending: [ring({ 'stroke-dasharray': '2.6 2.1' }), dot('5', '8', '1'), dot('8', '8', '1'), dot('11', '8', '1')],
  rejected: [p(OCTAGON, { ...fill, 'fill-rule': 'evenodd' })],
  unsigned: [ring(), p('M3.5 12.5l9-9')],
  half: [ring(), p('M8 1.5a6.5 6.5 0 0 1 0 13z', { fill: 'currentColor' })],
  hsm: [
    rect('4.5', '4.5', '7', '7', { rx: '1', fill: 'currentColor' }),
    p('M6 4.5v-3M10 4.5v-3M6 14.5v-3M10 14.5v-3M4.5 6h-3M4.5 10h-3M14.5 6h-3M14.5 10h-3'),
  ],
  software: [...SHEET, p('M7 7.5 5.5 9.25 7 11M9 7.5l1.5 1.75L9 11')],
  unknown: [
    p('M8 .9 15.1 8 8 15.1.9 8z', { 'stroke-dasharray': '2.2 1.6' }),
    p('M6.4 6.5c.1-1 .7-1.5 1.6-1.5s1.6.6 1.6 1.4c0 1.2-1.6 1.2-1.6 2.5'),
    dot('8', '11', '.8'),
  ],
  pin: [p(PIN), p('M5.6 10.4 1.8 14.2')],
  firstUse: [p(PIN, { 'stroke-dasharray': '2 1.6' }), p('M5.6 10.4 1.8 14.2')],
  lock: [rect('3.5', '7', '9', '7', { rx: '1', fill: 'currentColor' }), p('M5.5 7V4.8a2.5 2.5 0 0 1 5 0V7')],
  pen: [p('M2.2 13.8l.8-3.4 7.7-7.7a1.4 1.4 0 0 1 2 0l.6.6a1.4 1.4 0 0 1 0 2l-7.7 7.7z'), p('M9.5 4l2.5 2.5')],
  warn: [p('M8 1.8 14.8 14H1.2z'), p('M8 6v4.2'), dot('8', '12', '.8')],
  editor: [rect('1.5', '2.5', '13', '9'), p('M5 14.5h6M8 11.5v3M4.2 5.2 6 7 4.2 8.8M7.5 9H10')],
  gateway: [p('M2.5 14.5v-9L8 1.5l5.5 4v9'), p('M5.5 14.5v-6h5v6M2 14.5h12')],
  server: [
    rect('2', '2.5', '12', '4.5', { rx: '1' }),
    rect('2', '9', '12', '4.5', { rx: '1' }),
    p('M4.5 4.75h1M4.5 11.25h1'),
  ],
  pipe: [p('M1 8h3M12 8h3'), rect('4', '5', '8', '6', { rx: '1' })],
  loop: [p('M3 11a5.5 5.5 0 1 1 10 0'), p('M1 8.6 3 11l2.4-2M15 8.6 13 11l-2.4-2')],
  plug: [p('M4 2v3.5M12 2v3.5M2.5 5.5h11v3a4.5 4.5 0 0 1-4.5 4.5H7A4.5 4.5 0 0 1 2.5 8.5zM8 13v2')],
  key: [['circle', { cx: '5', cy: '8', r: '3.2' }], p('M8.2 8h6.3M12 8v2.6M14 8v2')],
  module: [p('M8 1.5 14 4.7v6.6L8 14.5 2 11.3V4.7z'), p('M2 4.7 8 8l6-3.3M8 8v6.5')],
  token: [rect('1.5', '3.5', '13', '9', { rx: '1.5' }), p('M1.5 6.5h13M4 10h3')],
  slot: [p('M1.5 3.5h13v9h-13z'), p('M4 9.5h8')],
  search: [['circle', { cx: '6.8', cy: '6.8', r: '4.3' }], p('M10 10l4.2 4.2')],
  down: [p('M3.5 6 8 10.5 12.5 6')],
  right: [p('M6 3.5 10.5 8 6 12.5')],
  to: [p('M1.5 8h12M9.5 4l4 4-4 4')],
  from: [p('M14.5 8h-12M6.5 4l-4 4 4 4')],
  live: [
    ['circle', { cx: '8', cy: '8', r: '3.2', fill: 'currentColor' }],
    ['circle', { cx: '8', cy: '8', r: '6' }],
  ],
  hold: [p('M5 3v10M11 3v10', { 'stroke-width': '2' })],
  redo: [p('M13.5 8a5.5 5.5 0 1 1-1.7-4'), p('M12.6 1.2v3.2H9.4')],
  copy: [rect('5.5', '5.5', '8', '9', { rx: '1' }), p('M3.5 11h-1V2.5a1 1 0 0 1 1-1h7v1.5')],
  share: [p('M8 10V1.8M4.8 4.8 8 1.6l3.2 3.2'), p('M2.5 9v5h11V9')],
  acknowledged: [p('M1 8.4 3.9 11.3 9.4 4.7M7 10.4l.9.9 5.6-6.6', { 'stroke-width': '1.3' })],
  never: [p('M1.5 8.4 4.4 11.3 9.9 4.7', { 'stroke-dasharray': '2 1.6' }), p('M11 8.5l4 4M15 8.5l-4 4')],
  document: [...SHEET, p('M5.5 7.5h5M5.5 9.5h5M5.5 11.5h3')],
  plus: [p('M8 2.5v11M2.5 8h11')],
  close: [p('M3.5 3.5l9 9M12.5 3.5l-9 9')],
} satisfies Readonly<Record<string, readonly Shape[]>>

export type IconName = keyof typeof ICONS

/** Descriptions of glyphs that were asked for: a list of contexts asks for the same few hundreds of times a frame. */
const asked = new Map<string, VNode>()

/** A glyph beside a word; it is never the only place of a fact, so it is hidden from screen readers. */
export function icon(name: IconName, more = '', slot = ''): VNode {
  const key = `${name} ${more} ${slot}`
  const known = asked.get(key)
  if (known !== undefined) return known
  const made = glyph(name, more, slot === '' ? undefined : slot)
  asked.set(key, made)
  return made
}

function glyph(name: IconName, more: string, slot: string | undefined): VNode {
  const line = { fill: 'none', stroke: 'currentColor', 'stroke-width': '1.1' }
  const round = { 'stroke-linejoin': 'round', 'stroke-linecap': 'round' }
  const hidden = { 'aria-hidden': true, focusable: 'false' }
  return s(
    'svg',
    { class: `i ${more}`.trimEnd(), viewBox: '0 0 16 16', ...line, ...round, ...hidden, slot },
    ICONS[name].map(([tag, attributes]) => s(tag, attributes)),
  )
}

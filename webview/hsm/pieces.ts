import type { PanelHsmSlot } from '../../src/contracts/panelHsm.ts'
import { type Child, h, type VNode } from '../dom/h.ts'
import { icon } from '../dom/icons.ts'
import { marked, name } from '../pieces/marks.ts'
import { strings } from '../strings.ts'
import { NOTHING } from '../text/format.ts'

const t = strings.hsm

/** The heading of the detail: where the keyboard arrives. */
export const title = (text: string, ...more: Child[]): VNode =>
  h('div', { class: 'pane-head' }, h('h2', { id: 'hsm-title', tabindex: -1 }, name(text)), more)

/** What a module said of itself, or that it said nothing. */
export const told = (value: string | undefined): Child =>
  value === undefined || value === '' ? NOTHING : marked(value)

const READY = { ready: ['verified', 'ok'], usable: ['half', 'pending'], 'not ready': ['unsigned', ''] } as const

export function readinessWord({ readiness }: PanelHsmSlot): VNode | undefined {
  if (readiness === undefined) return undefined
  const [glyph, look] = READY[readiness]
  return h('span', { class: `v ${look}` }, icon(glyph), t.readiness[readiness])
}

/** What stands between a person and the token, or nothing. */
export function pinFlag({ pin }: PanelHsmSlot): VNode | undefined {
  const words = t.pin[pin]
  if (words === '') return undefined
  const glyph = icon(pin === 'last try' || pin === 'to be changed' ? 'warn' : 'lock')
  const warns = pin !== 'wanted'
  return h('span', { class: warns ? 'flag' : 'cust quiet small' }, glyph, words)
}

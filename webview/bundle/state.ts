import type { BundleIntent, BundleState } from '../../src/contracts/bundleView.ts'
import { h, type VNode } from '../dom/h.ts'
import { icon, type IconName } from '../dom/icons.ts'
import { strings } from './strings.ts'

export type Send = (intent: BundleIntent) => void

const GLYPH: Readonly<Record<BundleState, readonly [IconName, string]>> = {
  holds: ['verified', 'verified'],
  false: ['rejected', 'rejected'],
  incomplete: ['warn', 'pending'],
}

/** Shape and word say it; colour repeats it. */
export function stateWord(state: BundleState, word: string = strings.state[state]): VNode {
  const [glyph, look] = GLYPH[state]
  return h('span', { class: `v ${look}` }, icon(glyph), word)
}

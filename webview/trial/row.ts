import type { PanelTrialChange, PanelTrialRow } from '../../src/contracts/panelTrial.ts'
import { h, type VNode } from '../dom/h.ts'
import { icon, type IconName } from '../dom/icons.ts'
import { marked } from '../pieces/marks.ts'
import { sentences, strings } from '../strings.ts'
import { milliseconds, number } from '../text/format.ts'

const t = strings.trial

const GLYPHS: Readonly<Record<PanelTrialRow['state'], IconName>> = {
  waiting: 'pending',
  running: 'live',
  refused: 'verified',
  passed: 'verified',
  failed: 'rejected',
}

/** One attack or control, with everything that is known of it. */
export function rowView(row: PanelTrialRow): VNode {
  const { id, title, text, state, took, change } = row
  return h(
    'li',
    { key: id, class: `try ${state}` },
    h(
      'div',
      { class: 'row wrap' },
      h('span', { class: `v ${state === 'failed' ? 'rejected' : state}` }, icon(GLYPHS[state]), wordOf(row)),
      h('strong', { class: 'strong' }, title),
      h('span', { class: 'grow' }),
      took !== undefined && h('span', { class: 'quiet num small' }, milliseconds(took)),
    ),
    h('p', {}, text),
    change !== undefined && changeView(change),
    said(row),
  )
}

function wordOf({ state, attacker }: PanelTrialRow): string {
  if (state === 'failed') return attacker === undefined ? t.states.stopped : t.states.failed
  return t.states[state]
}

/** Who refused it and in which words, and how much got through all the same. */
function said({ attacker, by, code, sentence, reached }: PanelTrialRow): VNode | undefined {
  if (sentence === undefined) return undefined
  return h(
    'p',
    { class: 'said' },
    by !== undefined && h('span', { class: 'strong' }, `${t.refusers[by]} `),
    code !== undefined && [h('code', { class: 'mono' }, code), ' '],
    marked(sentence, 2000),
    attacker !== undefined &&
      reached !== undefined &&
      h('span', { class: 'quiet num' }, ` ${sentences.reached(t.whom[reached.whom], number(reached.bytes))}`),
  )
}

/** The bytes around the first that differs, one line above the other. */
function changeView({ at, before, after, from, to, lengths }: PanelTrialChange): VNode {
  const line = (label: string, hex: string, length: number) =>
    h(
      'div',
      {},
      h('dt', {}, label),
      h(
        'dd',
        { class: 'mono', dir: 'ltr' },
        bytesOf(hex, from, to),
        h('span', { class: 'quiet num' }, ` ${sentences.place(number(at), number(length))}`),
      ),
    )
  return h('dl', { class: 'change' }, line(t.before, before, lengths.before), line(t.after, after, lengths.after))
}

function bytesOf(hex: string, from: number, to: number): (VNode | string)[] {
  const bytes = hex.match(/../g) ?? []
  if (bytes.length === 0) return [t.nothing]
  return bytes.flatMap((byte, at) => [at >= from && at < to ? h('mark', {}, byte) : byte, ' '])
}

import type { BundleKey, BundleReport } from '../../src/contracts/bundleView.ts'
import { type Child, h, type VNode } from '../dom/h.ts'
import { icon } from '../dom/icons.ts'
import { button } from '../pieces/controls.ts'
import { code, custodyTag, name } from '../pieces/marks.ts'
import { number, short } from '../text/format.ts'
import { strings } from './strings.ts'
import type { Send } from './state.ts'

const t = strings.keys

export function keys({ keys: found }: BundleReport, send: Send): VNode {
  return h(
    'section',
    { key: 'keys' },
    h('h2', {}, t.title),
    h(
      'ul',
      { class: 'keys' },
      found.map((key) => keyItem(key, send)),
    ),
  )
}

function keyItem(key: BundleKey, send: Send): VNode {
  const { kid, words, custody, contexts, exporter, trust } = key
  const spoken = words.join(' ')
  return h(
    'li',
    { key: kid },
    h(
      'div',
      { class: 'row wrap' },
      trustWord(key),
      custody !== undefined && custodyTag(custody),
      code(kid, short(kid, 8)),
    ),
    h('div', { class: 'words' }, spoken),
    h(
      'div',
      { class: 'row wrap quiet small' },
      h('span', { class: 'num' }, t.contexts(number(contexts))),
      exporter && h('span', {}, t.exporter),
    ),
    trust === 'unknown' &&
      h(
        'div',
        { class: 'row' },
        button({ label: t.trust, icon: 'key', title: t.trustTitle(spoken), press: () => send({ type: 'trust', kid }) }),
      ),
  )
}

function trustWord({ trust, whose }: BundleKey): Child {
  if (trust === 'known') return h('span', { class: 'v verified' }, icon('pin'), name(whose ?? t.known))
  if (trust === 'view') return h('span', { class: 'v', title: t.viewTitle }, icon('firstUse'), t.view)
  return h('span', { class: 'v pending', title: t.unknownTitle }, icon('unknown'), t.unknown)
}

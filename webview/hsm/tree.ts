import { inRow, type PanelHsmKey, type PanelHsmModule, type PanelHsmSlot } from '../../src/contracts/panelHsm.ts'
import type { Model } from '../app/model.ts'
import { move } from '../contexts/move.ts'
import { type Child, h, type VNode } from '../dom/h.ts'
import { icon } from '../dom/icons.ts'
import { link } from '../pieces/controls.ts'
import { custodyTag, marked, name } from '../pieces/marks.ts'
import { sentences, strings } from '../strings.ts'
import { milliseconds } from '../text/format.ts'
import { plain } from '../text/hostile.ts'
import { type OpenNode, parentOf, type TreeNode } from './nodes.ts'
import { pinFlag, readinessWord } from './pieces.ts'

const t = strings.hsm
const rowId = (ref: string) => `hsm-${ref}`

/** Module, then slot and token in one row, then keys: a grid that is walked like a tree. */
export function treeView(model: Model, nodes: readonly OpenNode[], selected: string | undefined): VNode {
  const { columns } = t
  const drawn = selected !== undefined && nodes.some(({ node }) => node.ref === selected)
  return h(
    'div',
    {
      class: 'list',
      id: 'hsm-tree',
      role: 'treegrid',
      tabindex: 0,
      'aria-label': t.tree,
      'aria-activedescendant': drawn ? rowId(selected) : undefined,
      on: { keydown: (event) => keydown(event, model, nodes, selected) },
    },
    h(
      'div',
      { class: 'tr hd', role: 'row' },
      [columns.name, columns.can, columns.ready].map((title) => h('span', { role: 'columnheader' }, title)),
    ),
    nodes.map((open) => rowView(model, open, open.node.ref === selected)),
  )
}

function rowView(model: Model, { node, expanded }: OpenNode, selected: boolean): VNode[] {
  const parts = partsOf(model, node)
  const twist = (event: Event) => {
    event.stopPropagation()
    fold(model, node.ref, expanded === true)
  }
  const chevron =
    expanded === undefined
      ? h('span', { class: 'twist' })
      : h('span', { class: 'twist', on: { mousedown: twist } }, icon(expanded ? 'down' : 'right'))
  const guides = Array.from({ length: node.level - 1 }, () => h('span', { class: 'ind g' }))
  const row = h(
    'div',
    {
      key: `row ${node.ref}`,
      id: rowId(node.ref),
      class: `tr ${node.kind}${selected ? ' sel' : ''}`,
      role: 'row',
      'aria-level': node.level,
      'aria-selected': selected,
      'aria-expanded': expanded,
      'aria-label': parts.sentence,
      on: { mousedown: () => model.keep({ key: node.ref }) },
    },
    h('span', { class: 'name', role: 'gridcell' }, guides, chevron, parts.name),
    h('span', { role: 'gridcell', class: 'can' }, parts.can),
    h('span', { role: 'gridcell' }, parts.state),
  )
  if (parts.why === undefined) return [row]
  // The last guide leads on to what is below; where nothing is open it would lead nowhere.
  const below = Array.from({ length: node.level }, (_, at) =>
    h('span', { class: at < node.level - 1 || expanded === true ? 'ind g' : 'ind' }),
  )
  return [
    row,
    h(
      'div',
      { key: `why ${node.ref}`, class: `tr why ${node.kind}`, 'aria-hidden': true },
      h(
        'span',
        { class: 'name' },
        below,
        h('span', { class: 'quiet small cut', title: plain(parts.why, 500) }, marked(parts.why)),
      ),
    ),
  ]
}

interface Parts {
  readonly name: Child
  readonly can: Child
  readonly state: Child
  readonly why: string | undefined
  readonly sentence: string
}

function partsOf(model: Model, node: TreeNode): Parts {
  if (node.kind === 'module') return moduleParts(node.module)
  return node.kind === 'slot' ? slotParts(model, node.slot, node.module) : keyParts(node.key)
}

function moduleParts(module: PanelHsmModule): Parts {
  const vault = module.kind === 'vault'
  const glyph = module.state === 'loading' ? 'pending' : 'warn'
  const state = module.state === 'loaded' ? '' : t.module[module.state]
  const answers = module.answersIn === undefined ? '' : sentences.answersIn(milliseconds(module.answersIn))
  const title = module.path === undefined ? undefined : plain(module.path, 1000)
  return {
    name: [
      icon(vault ? 'software' : 'module'),
      h(
        'bdi',
        { class: 'cut', title },
        marked(module.name),
        ' ',
        h('span', { class: 'quiet' }, vault ? t.vault : marked(module.detail ?? '')),
      ),
    ],
    can: '',
    state: vault
      ? custodyTag('software')
      : state === ''
        ? h('span', { class: 'quiet small num' }, answers)
        : h('span', { class: `v ${module.state === 'loading' ? 'pending' : 'failed'}` }, icon(glyph), state),
    why: module.reason,
    sentence: [plain(module.name), vault ? t.vault : plain(module.detail ?? ''), state, plain(module.reason ?? '')]
      .filter((part) => part !== '')
      .join(', '),
  }
}

function slotParts(model: Model, slot: PanelHsmSlot, module: PanelHsmModule): Parts {
  const { token } = slot
  const vault = module.kind === 'vault'
  const number = sentences.slot(plain(slot.slot, 40))
  const blank = token !== undefined && !token.initialised
  const called =
    token === undefined
      ? sentences.emptySlot(plain(slot.slot, 40))
      : blank
        ? sentences.blankSlot(plain(slot.slot, 40))
        : plain(token.label)
  return {
    name:
      token === undefined || blank
        ? [icon('slot'), h('span', { class: 'quiet' }, called)]
        : [
            icon(vault ? 'software' : 'token'),
            name(token.label, 'strong'),
            !vault && h('span', { class: 'quiet' }, number),
          ],
    can: h(
      'span',
      { class: 'chips' },
      inRow(slot.can).map((can) => h('span', { class: `chip${can.no === true ? ' no' : ''}` }, marked(can.label, 40))),
    ),
    state:
      blank && slot.actions.includes('initialise')
        ? link(
            strings.actions.initialise,
            () => void model.send('slotAction', { slot: slot.ref, action: 'initialise' }),
          )
        : [readinessWord(slot), pinFlag(slot)],
    why: blank ? undefined : slot.reason,
    sentence: [
      called,
      token === undefined || blank ? '' : number,
      slot.can.map((can) => plain(can.label)).join(' '),
      slot.readiness === undefined ? '' : t.readiness[slot.readiness],
      t.pin[slot.pin],
      plain(slot.reason ?? ''),
    ]
      .filter((part) => part !== '')
      .join(', '),
  }
}

function keyParts(key: PanelHsmKey): Parts {
  const mark = h('span', { class: 'mark' }, icon('pen'), t.identity)
  const life = t.lifeStates[key.life?.state ?? 'active']
  return {
    name: [icon('key'), name(key.label, key.identity ? 'strong' : ''), key.identity && mark],
    can: h('span', { class: 'quiet' }, marked(key.algorithm), ` · ${life}`),
    state: [
      custodyTag(key.custody),
      key.notReady !== undefined && h('span', { class: 'v' }, icon('unsigned'), t.notReadyKey),
    ],
    why: key.notReady,
    sentence: [
      plain(key.label),
      plain(key.algorithm),
      life,
      strings.custody[key.custody],
      key.identity ? t.identityOf : '',
      key.notReady === undefined ? '' : `${t.notReadyKey}: ${plain(key.notReady)}`,
    ]
      .filter((part) => part !== '')
      .join(', '),
  }
}

function fold(model: Model, ref: string, on: boolean): void {
  const rest = model.saved.folded.filter((other) => other !== ref)
  model.keep({ folded: on ? [...rest, ref].slice(-200) : rest })
}

function keydown(event: Event, model: Model, nodes: readonly OpenNode[], selected: string | undefined): void {
  if (!(event instanceof KeyboardEvent)) return
  const at = nodes.findIndex(({ node }) => node.ref === selected)
  const here = nodes[at]
  if (event.key === 'Enter') document.getElementById('hsm-title')?.focus()
  else if (event.key === 'ArrowRight' && here?.expanded === false) fold(model, here.node.ref, false)
  else if (event.key === 'ArrowLeft' && here?.expanded === true) fold(model, here.node.ref, true)
  else if (event.key === 'ArrowLeft' && here !== undefined) {
    const parent = parentOf(here.node)
    if (parent !== undefined) model.keep({ key: parent })
  } else {
    const to = move(event.key === 'ArrowRight' ? 'ArrowDown' : event.key, at, nodes.length, 10)
    const node = to === undefined ? undefined : nodes[to]?.node
    if (node === undefined) return
    model.keep({ key: node.ref })
    document.getElementById(rowId(node.ref))?.scrollIntoView({ block: 'nearest' })
  }
  event.preventDefault()
}

import type { Model } from '../app/model.ts'
import { h, type VNode } from '../dom/h.ts'
import { icon } from '../dom/icons.ts'
import { button, emptyState, working } from '../pieces/controls.ts'
import { sentences, strings } from '../strings.ts'
import { detailView } from './detail.ts'
import { openNodes, tally, type TreeNode } from './nodes.ts'
import { treeView } from './tree.ts'

export function hsmView(model: Model): VNode[] {
  const hsm = model.state?.hsm
  const e = strings.empty
  const add = button({ label: strings.actions.addModule, icon: 'plus', press: () => void model.send('addModule', {}) })
  const refreshing = model.busy.has('refreshInventory')
  const refresh = button({
    label: strings.actions.refreshInventory,
    icon: 'redo',
    look: 'primary',
    disabled: refreshing,
    press: () => void model.send('refreshInventory', {}),
  })
  if (hsm === undefined || (hsm.state === 'loading' && hsm.modules.length === 0)) return [working(e.hsmLoading)]
  if (hsm.state === 'failed') return [emptyState(e.hsmFailed, hsm.reason ?? '', [refresh, add], icon('warn', 'wait'))]
  if (hsm.modules.length === 0) return [emptyState(e.noModule, e.noModuleText, [add])]
  const nodes = openNodes(hsm, new Set(model.saved.folded))
  const identity = nodes.find(({ node }) => node.kind === 'key' && node.key.identity)
  const chosen = nodes.find(({ node }) => node.ref === model.saved.key) ?? identity ?? nodes[0]
  const { modules, tokens, ready } = tally(hsm)
  return [
    h(
      'div',
      { class: 'filter' },
      h('h2', { class: 'small-head' }, `${sentences.modules(modules)}, ${sentences.tokens(tokens)}`),
      h('span', { class: 'quiet' }, sentences.readyTokens(ready)),
      (refreshing || hsm.state === 'loading') && h('vscode-progress-ring', { class: 'ring-s' }),
      h('span', { class: 'grow' }),
      add,
      probeButton(model, chosen?.node),
      button({
        label: strings.actions.lockNow,
        icon: 'lock',
        disabled: model.busy.has('lockAll'),
        press: () => void model.send('lockAll', {}),
      }),
    ),
    h(
      'div',
      { class: 'split hsm' },
      treeView(model, nodes, chosen?.node.ref),
      h('div', { class: 'pane', on: { keydown: back } }, detailView(model, chosen?.node)),
    ),
  ]
}

/** The slot that is selected, or that of the selected key. */
function probeButton(model: Model, node: TreeNode | undefined): VNode {
  const slot = node === undefined || node.kind === 'module' ? undefined : node.slot
  const can = slot?.actions.includes('probe') === true
  return button({
    label: strings.actions.probeSlot,
    disabled: !can || model.busy.has('slotAction'),
    press: () => slot !== undefined && void model.send('slotAction', { slot: slot.ref, action: 'probe' }),
  })
}

function back(event: Event): void {
  if (event instanceof KeyboardEvent && event.key === 'Escape') document.getElementById('hsm-tree')?.focus()
}

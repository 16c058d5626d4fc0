import type { PanelHsmModule } from '../../src/contracts/panelHsm.ts'
import type { Model } from '../app/model.ts'
import { h, type VNode } from '../dom/h.ts'
import { icon } from '../dom/icons.ts'
import { button } from '../pieces/controls.ts'
import { custodyTag, keyValues, marked } from '../pieces/marks.ts'
import { strings } from '../strings.ts'
import { milliseconds, NOTHING } from '../text/format.ts'
import { keyDetail } from './keyDetail.ts'
import type { TreeNode } from './nodes.ts'
import { title, told } from './pieces.ts'
import { slotDetail } from './slotDetail.ts'

const t = strings.hsm

export function detailView(model: Model, node: TreeNode | undefined): VNode[] {
  if (node === undefined) return [h('p', { class: 'quiet hint' }, t.select)]
  if (node.kind === 'module') return moduleDetail(model, node.module)
  if (node.kind === 'slot') return slotDetail(model, node.slot, node.module)
  return keyDetail(model, node.key, node.slot, node.module)
}

function moduleDetail(model: Model, module: PanelHsmModule): VNode[] {
  const failed = module.state === 'failed'
  const vault = module.kind === 'vault'
  const log = button({ label: strings.actions.showLog, press: () => void model.send('showLog', {}) })
  return [
    title(
      module.name,
      vault && custodyTag('software'),
      failed && h('span', { class: 'v failed' }, icon('warn'), t.module.failed),
    ),
    h('p', { class: 'sub2 quiet' }, vault ? t.vault : marked(module.detail ?? '')),
    h('p', {}, marked(module.reason ?? '', 1000)),
    keyValues([
      module.path === undefined ? undefined : ['file', h('code', {}, marked(module.path, 500)), 'wrapped'],
      vault || failed ? undefined : ['made by', told(module.manufacturer)],
      vault || failed ? undefined : ['says it is', told(module.description)],
      vault || failed ? undefined : ['PKCS#11', told(module.cryptoki)],
      vault ? undefined : ['answers in', module.answersIn === undefined ? NOTHING : milliseconds(module.answersIn)],
    ]),
    h(
      'div',
      { class: 'actions end' },
      failed &&
        button({
          label: strings.actions.refreshInventory,
          look: 'primary',
          disabled: model.busy.has('refreshInventory'),
          press: () => void model.send('refreshInventory', {}),
        }),
      log,
    ),
  ]
}

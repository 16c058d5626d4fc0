import type { PanelHsmKey, PanelHsmModule, PanelHsmSlot } from '../../src/contracts/panelHsm.ts'
import type { Model } from '../app/model.ts'
import { h, type VNode } from '../dom/h.ts'
import { icon } from '../dom/icons.ts'
import { button, copyGlyph, link } from '../pieces/controls.ts'
import { code, custodyTag, filled, keyValues, marked } from '../pieces/marks.ts'
import { spark } from '../pieces/spark.ts'
import { sentences, strings } from '../strings.ts'
import { bytes, figure, milliseconds, NOTHING, number, short } from '../text/format.ts'
import { lifeCycle } from './life.ts'
import { title } from './pieces.ts'

const t = strings.hsm

export function keyDetail(model: Model, key: PanelHsmKey, slot: PanelHsmSlot, module: PanelHsmModule): VNode[] {
  const vault = module.kind === 'vault'
  const where = vault ? t.vault : sentences.slotOf(slot.token?.label ?? '', slot.slot)
  const serial = vault || slot.token?.serial === undefined ? [] : [sentences.serial(slot.token.serial)]
  const parts: (VNode | false)[] = [
    title(
      key.label,
      custodyTag(key.custody),
      key.identity && h('span', { class: 'mark' }, icon('pen'), t.identityOf),
      key.notReady !== undefined && h('span', { class: 'v' }, icon('unsigned'), t.notReadyKey),
    ),
    h('p', { class: 'sub2 quiet num' }, marked([key.algorithm, where, ...serial].join(' · '), 300)),
    key.notReady !== undefined && h('p', { class: 'reason' }, marked(key.notReady, 500)),
    facts(model, key),
    lifeCycle(key.life),
    attributes(key, slot, vault),
    signing(key, vault),
    actions(model, key),
  ]
  return parts.filter((part) => part !== false)
}

function facts(model: Model, key: PanelHsmKey): VNode {
  const copy = (action: 'copyJwk' | 'copyPem' | 'copyWords', draw = link) =>
    key.actions.includes(action) &&
    draw(strings.actions[action], () => void model.send('keyAction', { key: key.ref, action }))
  const size = key.publicKeyBytes === undefined ? NOTHING : bytes(key.publicKeyBytes)
  const jwk = copy('copyJwk')
  const pem = copy('copyPem')
  const words = copy('copyWords', copyGlyph)
  const { signing } = key
  return keyValues([
    ['kid', key.kid === undefined ? NOTHING : code(key.kid, short(key.kid, 8))],
    [
      'in words',
      [h('span', { class: 'mono' }, key.words.length > 0 ? key.words.join(' ') : NOTHING), words && [' ', words]],
      'wrapped',
    ],
    ['public key', [size, jwk && [' · ', jwk], pem && [' · ', pem]], 'wrapped'],
    key.id === undefined ? undefined : ['id', code(key.id, short(key.id, 12))],
    signing === undefined
      ? undefined
      : ['has signed', sentences.signed(number(signing.roots), signing.roots, number(signing.contexts))],
  ])
}

/** Three values, drawn apart: the claim custody needs, its opposite, and no answer. */
function attributes(key: PanelHsmKey, slot: PanelHsmSlot, vault: boolean): VNode | false {
  if (key.attributes.length === 0) return false
  return h(
    'section',
    { class: 'sec' },
    h('h3', {}, t.attributes, h('span', { class: 'quiet small' }, vault ? t.vault : t.claims)),
    h(
      'ul',
      { class: 'claims' },
      key.attributes.map((attribute) => {
        const { value, wanted, counts } = attribute
        const shown = value === undefined ? t.noAnswer : value ? t.yes : t.no
        const held = counts && value !== undefined && value === wanted
        const glyph = held ? icon('verified', 'ok') : counts && icon(value === undefined ? 'unknown' : 'unsigned')
        return h(
          'li',
          {},
          h('span', {}, marked(attribute.name, 60)),
          h('span', { class: `v${value === undefined ? ' quiet' : ''}` }, glyph, shown),
        )
      }),
    ),
    h('p', { class: 'small quiet lnote' }, custodyNote(key, slot, vault)),
  )
}

function custodyNote(key: PanelHsmKey, slot: PanelHsmSlot, vault: boolean) {
  const custody = h('span', { class: 'strong' }, strings.custody[key.custody])
  const why =
    key.custody === 'hsm'
      ? filled(t.allHold, icon('verified', 'ok'), custody)
      : filled(t.custodyIs, custody, marked(key.custodyReason ?? '', 500))
  return [why, ' ', !vault && sentences.notOurs(slot.token?.label ?? '')]
}

function signing({ signing }: PanelHsmKey, vault: boolean): VNode | false {
  if (signing === undefined) return false
  const chart = (value: string, label: string, values: readonly number[]) =>
    h(
      'div',
      {},
      h('div', { class: 'big num' }, value),
      values.length > 1 && spark({ values }, 116, 28),
      h('div', { class: 'quiet small' }, label),
    )
  return h(
    'section',
    { class: 'sec' },
    h('h3', {}, t.signing, h('span', { class: 'quiet small' }, t.sinceStart)),
    h(
      'div',
      { class: 'charts' },
      chart(milliseconds(signing.p50), vault ? t.signP50Vault : t.signP50, signing.took),
      chart(figure(signing.mean), t.perRoot, signing.sizes),
      chart(number(signing.failed), t.failed, []),
    ),
  )
}

/** What can be taken back stands first; what cannot stands apart, last. */
function actions(model: Model, key: PanelHsmKey): VNode {
  const busy = model.busy.has('keyAction')
  const act = (action: 'rotate' | 'retire' | 'revoke' | 'destroy', look: 'primary' | 'secondary' | 'danger') =>
    key.actions.includes(action) &&
    button({
      label: strings.keyActions[action],
      look: look === 'primary' ? 'primary' : 'secondary',
      danger: look === 'danger',
      disabled: busy,
      press: () => void model.send('keyAction', { key: key.ref, action }),
    })
  return h(
    'div',
    { class: 'actions end' },
    !key.identity &&
      key.selectable &&
      button({
        label: strings.actions.selectIdentity,
        look: 'primary',
        disabled: model.busy.has('selectSlot'),
        press: () => void model.send('selectSlot', { key: key.ref }),
      }),
    act('rotate', key.identity ? 'primary' : 'secondary'),
    act('retire', 'secondary'),
    h('span', { class: 'grow' }),
    act('revoke', 'danger'),
    act('destroy', 'danger'),
  )
}

import type { PanelHsmModule, PanelHsmSlot, SlotAction } from '../../src/contracts/panelHsm.ts'
import type { Model } from '../app/model.ts'
import { type Child, h, type VNode } from '../dom/h.ts'
import { icon } from '../dom/icons.ts'
import { button } from '../pieces/controls.ts'
import { custodyTag, keyValues, marked, name } from '../pieces/marks.ts'
import { sentences, strings } from '../strings.ts'
import { day, milliseconds, NOTHING, number, size } from '../text/format.ts'
import { pinFlag, readinessWord, title, told } from './pieces.ts'

const t = strings.hsm

export function slotDetail(model: Model, slot: PanelHsmSlot, module: PanelHsmModule): VNode[] {
  const { token } = slot
  const vault = module.kind === 'vault'
  const parts: (VNode | false)[] = [
    title(
      token?.label || (vault ? module.name : sentences.slot(slot.slot)),
      readinessWord(slot),
      pinFlag(slot),
      vault && custodyTag('software'),
    ),
    h('p', { class: 'sub2 quiet' }, marked(slot.reason ?? '', 500)),
    verdict(slot),
    token !== undefined && !vault && facts(slot, module),
    token !== undefined && !vault && probe(model, slot),
    slot.quirks.length > 0 &&
      h(
        'section',
        { class: 'sec' },
        h('h3', {}, t.quirks),
        slot.quirks.map((quirk) => h('p', { class: 'small quiet' }, marked(quirk, 1000))),
      ),
    keysNote(slot),
    actions(model, slot),
  ]
  return parts.filter((part) => part !== false)
}

/** What is missing stands as plainly as what is there: glyph, finding, word. */
function verdict({ criteria }: PanelHsmSlot): VNode | false {
  if (criteria.length === 0) return false
  return h(
    'section',
    { class: 'sec rule' },
    h('h3', {}, t.verdict),
    h(
      'ul',
      { class: 'criteria' },
      criteria.map(({ name: what, state, weight, finding }) => {
        const decides = state !== 'met' && weight !== 'told'
        const missing = weight === 'needed' ? icon('unsigned') : icon('half', 'wait')
        const glyph = state === 'met' ? icon('verified', 'ok') : decides ? missing : icon('unknown')
        return h(
          'li',
          { title: `${what}: ${t.criterion[state]}, ${t.weight[weight]}`, class: decides ? 'missing' : '' },
          glyph,
          h('span', {}, marked(finding, 500)),
          h(
            'span',
            { class: 'quiet' },
            decides ? `${t.criterion[state]}, ${t.weightWord[weight]}` : t.criterion[state],
          ),
        )
      }),
    ),
  )
}

function facts(slot: PanelHsmSlot, module: PanelHsmModule): VNode {
  const { token, hardware } = slot
  const { sessions, memory, flags = [] } = token ?? {}
  const marks = hardware === undefined ? NOTHING : hardware ? t.hardwareSlot.yes : t.hardwareSlot.no
  const open = sessions?.open === undefined ? NOTHING : number(sessions.open)
  return h(
    'section',
    { class: 'sec' },
    h('h3', {}, t.token, h('span', { class: 'quiet small' }, t.claims)),
    keyValues([
      ['module', name(module.name)],
      ['slot', [marked(slot.slot), `, ${marks}`]],
      ['made by', told(token?.manufacturer)],
      ['model', told(token?.model)],
      ['serial', told(token?.serial)],
      ['firmware', told(token?.firmware)],
      ['hardware', told(token?.hardwareVersion)],
      ['flags', flags.length === 0 ? NOTHING : marked(flags.join(' · '), 500), 'wrapped'],
      ['sessions', sentences.sessions(open, sessions?.most === undefined ? undefined : number(sessions.most))],
      [
        'memory free',
        memory === undefined ? NOTHING : sentences.free(size(memory.publicFree), size(memory.privateFree)),
      ],
    ]),
  )
}

function probe(model: Model, slot: PanelHsmSlot): VNode {
  const again = act(model, slot, 'probe')
  return h(
    'section',
    { class: 'sec' },
    h('h3', {}, t.probe),
    slot.probes.length === 0 && h('p', { class: 'small quiet' }, t.neverProbed),
    slot.probes.map(({ algorithm, at, steps }) => [
      h('p', { class: 'small quiet' }, `${algorithm}, ${day(at)}`),
      h(
        'ol',
        { class: 'criteria' },
        steps.map(({ step, ok, ms, error }) =>
          h(
            'li',
            { class: ok ? '' : 'missing' },
            ok ? icon('verified', 'ok') : icon('unsigned'),
            h('span', {}, t.probeSteps[step], error !== undefined && [': ', marked(error, 500)]),
            h('span', { class: 'quiet num' }, `${ok ? t.worked : t.didNot}, ${milliseconds(ms)}`),
          ),
        ),
      ),
    ]),
    again !== undefined && h('div', { class: 'actions' }, again),
  )
}

function keysNote(slot: PanelHsmSlot): VNode | false {
  if (slot.token === undefined || !slot.token.initialised) return false
  if (!slot.listed) return h('p', { class: 'quiet small lnote' }, t.locked)
  return slot.keys.length === 0 && h('p', { class: 'quiet small lnote' }, t.noKeys)
}

function act(model: Model, slot: PanelHsmSlot, action: SlotAction, look?: 'primary' | 'danger'): VNode | undefined {
  if (!slot.actions.includes(action)) return undefined
  return button({
    label: strings.slotActions[action],
    look: look === 'primary' ? 'primary' : 'secondary',
    danger: look === 'danger',
    disabled: model.busy.has('slotAction'),
    press: () => void model.send('slotAction', { slot: slot.ref, action }),
  })
}

function actions(model: Model, slot: PanelHsmSlot): Child & VNode {
  const unlock = act(model, slot, 'unlock', 'primary')
  return h(
    'div',
    { class: 'actions end' },
    unlock,
    act(model, slot, 'createKey', unlock === undefined ? 'primary' : undefined),
    act(model, slot, 'lock'),
    act(model, slot, 'changePin'),
    act(model, slot, 'resetPin'),
    h('span', { class: 'grow' }),
    act(model, slot, 'initialise', 'danger'),
  )
}

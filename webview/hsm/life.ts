import { LIFE_STATES, type PanelHsmLife } from '../../src/contracts/panelHsm.ts'
import { type Child, h, type VNode } from '../dom/h.ts'
import { filled, name } from '../pieces/marks.ts'
import { strings } from '../strings.ts'
import { day, NOTHING } from '../text/format.ts'

const t = strings.hsm

/** A key's life as a line from left to right: what was is solid, what is to come is dashed. A list, for who cannot see it. */
export function lifeCycle(life: PanelHsmLife | undefined): VNode {
  const state = life?.state ?? 'active'
  const at = LIFE_STATES.indexOf(state)
  return h(
    'section',
    { class: 'sec rule' },
    h('h3', {}, t.life),
    h(
      'ol',
      { class: 'life num' },
      LIFE_STATES.map((each, index) => {
        const date = life?.[each]
        // A revoked key need not have retired first, and a key of old has no plan: what was left out is drawn as left out.
        const reached = index < at && date !== undefined
        const look = index === at ? 'cur' : reached ? 'past' : 'future'
        return h(
          'li',
          { class: look, 'aria-current': index === at ? 'step' : undefined },
          h('span', { class: index === at ? 'strong' : '' }, t.lifeStates[each]),
          h('span', { class: 'quiet' }, date === undefined ? NOTHING : day(date)),
        )
      }),
    ),
    h('p', { class: 'small quiet lnote' }, note(life)),
  )
}

function note(life: PanelHsmLife | undefined): Child {
  if (life === undefined) return [t.noLife, ' ', t.window]
  if (life.successor === undefined) return t.window
  const follows = life.state === 'retired' || life.state === 'retiring' ? t.followed : t.successor
  return [filled(follows, name(life.successor, 'strong inline')), ' ', t.window]
}

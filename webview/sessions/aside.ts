import type { LegKind, PanelIdentity, PanelLeg, PanelSeries, PanelSession } from '../../src/contracts/panelSession.ts'
import type { Model } from '../app/model.ts'
import { type Child, h, type VNode } from '../dom/h.ts'
import { icon, type IconName } from '../dom/icons.ts'
import { copyGlyph } from '../pieces/controls.ts'
import { code, custodyTag, filled, marked, name } from '../pieces/marks.ts'
import { spark } from '../pieces/spark.ts'
import { sentences, strings } from '../strings.ts'
import { day, figure, short } from '../text/format.ts'
import { isExposed } from './legs.ts'

const t = strings.sessions

export function asideView(model: Model, session: PanelSession): VNode {
  return h('aside', {}, keysView(model, session), exposureView(session), measuresView(session))
}

function keysView(model: Model, session: PanelSession): VNode {
  const { self, peer, pin } = session
  const since = pin.since === undefined ? '' : ` ${sentences.since(day(pin.since))}`
  return h(
    'section',
    { class: 'sec first' },
    h('h3', {}, t.keys),
    self !== undefined &&
      keyRow(
        model,
        t.editorKey,
        self,
        self.vault === true
          ? t.asVault
          : [self.where !== undefined && [filled(t.inPlace, marked(self.where)), ' · '], t.asModule],
      ),
    peer !== undefined && keyRow(model, t.gateway, peer, `${t.asGateway} · ${strings.pin[pin.state]}${since}`),
    self === undefined && peer === undefined && h('p', { class: 'quiet small' }, t.keysLater),
  )
}

function keyRow(model: Model, who: string, key: PanelIdentity, claim: Child): VNode {
  return h(
    'div',
    { class: 'keyrow' },
    h('span', { class: 'quiet' }, who),
    h('span', { class: 'cut' }, name(key.name), ' ', code(key.kid, short(key.kid), 'quiet')),
    custodyTag(key.custody),
    h(
      'span',
      { class: 'sub' },
      h('span', {}, claim),
      h('br'),
      h('span', { class: 'mono' }, key.words.join(' ')),
      ' ',
      copyGlyph(strings.actions.copyWords, () => void model.send('copyKey', { kid: key.kid, as: 'words' })),
    ),
  )
}

/** Each kind's glyph, and the look of the line that it is drawn with. */
export const LEGS: Readonly<Record<LegKind, readonly [IconName, string]>> = {
  'quantum-safe': ['lock', ''],
  'local pipe': ['pipe', 'pipe'],
  loopback: ['loop', 'pipe'],
  plain: ['warn', 'tls'],
  classical: ['warn', 'tls'],
  unknown: ['unknown', 'pipe'],
}

/** One way for all servers that are reached alike. */
export function ways(legs: readonly PanelLeg[]): {
  readonly trunk: readonly PanelLeg[]
  readonly ends: readonly (readonly PanelLeg[])[]
} {
  const trunk = legs.filter((leg) => leg.to === 'gateway')
  const ends = new Map<string, PanelLeg[]>()
  for (const leg of legs) {
    if (leg.to === 'gateway') continue
    const alike = `${leg.kind}\n${leg.text}`
    ends.set(alike, [...(ends.get(alike) ?? []), leg])
  }
  return { trunk, ends: Array.from(ends.values()) }
}

function exposureView(session: PanelSession): VNode {
  const { trunk, ends } = ways(session.legs)
  const drawn = ends.length > 0 ? ends : [[]]
  return h(
    'section',
    { class: 'sec' },
    h('h3', {}, t.exposure),
    session.legs.length === 0
      ? h('p', { class: 'quiet small' }, t.exposureLater)
      : drawn.map((end) => [
          h(
            'ol',
            { class: 'path' },
            node('editor', t.editorKey),
            trunk.map(legView),
            node('gateway', t.gateway),
            end[0] !== undefined && [legView(end[0]), node('server', end.map((leg) => leg.to).join(', '))],
          ),
          [...trunk, ...end.slice(0, 1)].map((leg) =>
            h('p', { class: `small expo${isExposed(leg) ? ' note' : ''}` }, marked(leg.text, 1000)),
          ),
        ]),
  )
}

function node(glyph: IconName, label: string): VNode {
  return h('li', { class: 'node' }, h('span', { class: 'ring' }, icon(glyph)), name(label))
}

function legView(leg: PanelLeg): VNode {
  const [glyph, look] = LEGS[leg.kind]
  return h(
    'li',
    { class: `leg ${look}` },
    h('span', { class: 'on' }, icon(glyph, isExposed(leg) ? 'wait' : '')),
    strings.legs[leg.kind],
  )
}

function measuresView(session: PanelSession): VNode {
  const { rate, added, batch, batchLimit } = session.measures
  return h(
    'section',
    { class: 'sec' },
    h('h3', {}, t.five),
    h(
      'div',
      { class: 'charts' },
      chart(rate, '/s', t.contexts),
      chart(added, 'ms', t.added),
      chart(batch, batchLimit === undefined ? '' : sentences.of(batchLimit), t.batch),
    ),
  )
}

export function chart(series: PanelSeries, unit: string, label: string): VNode {
  return h(
    'div',
    { title: series.now === undefined ? t.notMeasured : undefined },
    h(
      'div',
      { class: 'big num' },
      figure(series.now),
      ' ',
      h('span', { class: 'quiet small' }, series.now === undefined ? '' : unit),
    ),
    spark(series, 104, 28),
    h('div', { class: 'quiet small' }, label),
  )
}

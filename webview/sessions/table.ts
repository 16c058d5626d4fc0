import type { PanelSession } from '../../src/contracts/panelSession.ts'
import type { Model } from '../app/model.ts'
import { move } from '../contexts/move.ts'
import { type Child, h, type VNode } from '../dom/h.ts'
import { icon, type IconName } from '../dom/icons.ts'
import { custodyWord, name } from '../pieces/marks.ts'
import { spark } from '../pieces/spark.ts'
import { sentences, strings } from '../strings.ts'
import { day, figure, number } from '../text/format.ts'
import { plain } from '../text/hostile.ts'
import { LEGS } from './aside.ts'
import { isExposed, worstLeg } from './legs.ts'

const t = strings.sessions

const GLYPH: Readonly<Record<PanelSession['state'], readonly [IconName, string]>> = {
  connecting: ['pending', 'pending'],
  ready: ['verified', 'ok'],
  reconnecting: ['pending', 'pending'],
  closed: ['unsigned', ''],
  failed: ['warn', 'failed'],
  blocked: ['rejected', 'rejected'],
}

export function stateWord(session: PanelSession): VNode {
  const [glyph, look] = GLYPH[session.state]
  return h('span', { class: `v ${look}` }, icon(glyph), strings.state[session.state])
}

export function serversOf(session: PanelSession): string {
  return session.servers.length === 0 ? session.gateway.name : session.servers.join(', ')
}

/** MLKEM1024_X25519_MLDSA87_…: the two parts that people compare, as they are written elsewhere. */
export function suiteShort(suite: string): string {
  const kem = /MLKEM(\d+)/.exec(suite)?.[1]
  const dsa = /MLDSA(\d+)/.exec(suite)?.[1]
  return kem === undefined || dsa === undefined ? plain(suite, 60) : `ML-KEM-${kem} · ML-DSA-${dsa}`
}

export function pinWord(session: PanelSession): VNode {
  const { state, since } = session.pin
  const title = since === undefined ? strings.pin[state] : `${strings.pin[state]}, ${day(since)}`
  const glyph = state === 'none' ? 'unsigned' : state === 'first use' ? 'firstUse' : 'pin'
  return h('span', { class: 'cust', title }, icon(glyph), strings.pin[state])
}

function exposed(session: PanelSession): Child {
  if (session.legs.length === 0) return '–'
  const leg = worstLeg(session.legs)
  if (leg === undefined) return t.none
  const title = `${plain(leg.to)}: ${plain(leg.text, 1000)}`
  return h(
    'span',
    { class: `cust${isExposed(leg) ? ' warn' : ''}`, title },
    icon(LEGS[leg.kind][0]),
    strings.legs[leg.kind],
  )
}

function sentence(session: PanelSession): string {
  const worst = worstLeg(session.legs)?.kind
  const parts = [
    strings.state[session.state],
    plain(serversOf(session)),
    sentences.gatewayNamed(plain(session.gateway.name)),
    strings.pin[session.pin.state],
    session.self && sentences.editorCustody(strings.custody[session.self.custody]),
    session.peer && sentences.gatewayCustody(strings.custody[session.peer.custody]),
    worst && t.exposedLeg[worst],
  ]
  return parts.filter((part) => typeof part === 'string').join(', ')
}

const rowId = (session: PanelSession) => `session-${session.id}`

export function tableView(model: Model, sessions: readonly PanelSession[], selected: PanelSession | undefined): VNode {
  const { columns } = t
  const widths: Readonly<Record<string, string>> = {
    state: '136px',
    server: '96px',
    // The rest: an address is what people compare, and the other columns are as wide as their words.
    gateway: '',
    pin: '96px',
    suite: '190px',
    epoch: '54px',
    custody: '182px',
    exposed: '98px',
    rate: '156px',
  }
  const names: Readonly<Record<string, string>> = columns
  return h(
    'table',
    {
      class: 'slist',
      id: 'session-list',
      role: 'grid',
      tabindex: 0,
      'aria-label': t.table,
      'aria-activedescendant': selected && rowId(selected),
      on: { keydown: (event) => keydown(event, model, sessions, selected) },
    },
    h(
      'colgroup',
      {},
      Object.entries(widths).map(([key, width]) => h('col', { class: `c-${key}`, css: width === '' ? {} : { width } })),
    ),
    h(
      'thead',
      {},
      h(
        'tr',
        {},
        Object.keys(widths).map((key) =>
          h('th', { scope: 'col', class: `c-${key}${key === 'epoch' ? ' r' : ''}` }, names[key]),
        ),
      ),
    ),
    h(
      'tbody',
      {},
      sessions.map((session) => rowView(model, session, session.id === selected?.id)),
    ),
  )
}

function rowView(model: Model, session: PanelSession, selected: boolean): VNode {
  const cell = (column: string, ...children: Child[]) => h('td', { class: `c-${column}` }, children)
  const { rate } = session.measures
  return h(
    'tr',
    {
      key: session.id,
      id: rowId(session),
      class: selected ? 'sel' : '',
      'aria-selected': selected,
      'aria-label': sentence(session),
      on: { mousedown: () => model.keep({ session: session.id }) },
    },
    cell('state', stateWord(session)),
    cell('server', name(serversOf(session), 'strong')),
    cell('gateway', name(`${session.gateway.name} · ${session.gateway.address}`)),
    cell('pin', pinWord(session)),
    h(
      'td',
      { class: 'c-suite', title: plain(session.suite ?? '') },
      session.suite === undefined ? '–' : suiteShort(session.suite),
    ),
    h('td', { class: 'c-epoch num r' }, number(session.epoch)),
    cell(
      'custody',
      h(
        'span',
        { class: 'row' },
        session.self === undefined ? '–' : custodyWord(session.self.custody),
        h('span', { class: 'quiet' }, '/'),
        session.peer === undefined ? '–' : custodyWord(session.peer.custody),
      ),
    ),
    h('td', { class: `c-exposed${typeof exposed(session) === 'string' ? ' none' : ''}` }, exposed(session)),
    cell(
      'rate',
      h('span', { class: 'row' }, spark(rate, 80, 18), h('span', { class: 'num quiet r grow' }, figure(rate.now))),
    ),
  )
}

function keydown(
  event: Event,
  model: Model,
  sessions: readonly PanelSession[],
  selected: PanelSession | undefined,
): void {
  if (!(event instanceof KeyboardEvent)) return
  if (event.key === 'Enter') document.getElementById('session-title')?.focus()
  else {
    const at = sessions.findIndex((session) => session.id === selected?.id)
    const to = move(event.key, at, sessions.length, sessions.length)
    if (to === undefined) return
    const session = sessions[to]
    if (session !== undefined) model.keep({ session: session.id })
  }
  event.preventDefault()
}

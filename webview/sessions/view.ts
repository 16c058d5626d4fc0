import type { PanelSession } from '../../src/contracts/panelSession.ts'
import type { Model } from '../app/model.ts'
import { NO_FILTER } from '../../src/contracts/panelContexts.ts'
import { type Child, h, type VNode } from '../dom/h.ts'
import { icon } from '../dom/icons.ts'
import { button } from '../pieces/controls.ts'
import { code, custodyWord, filled, name } from '../pieces/marks.ts'
import { sentences, strings } from '../strings.ts'
import { duration, number, short } from '../text/format.ts'
import { asideView } from './aside.ts'
import { epochsView } from './epochs.ts'
import { ladderView } from './ladder.ts'
import { serversOf, stateWord, tableView } from './table.ts'
import { troubleView } from './trouble.ts'

const t = strings.sessions

export function sessionsView(model: Model): VNode[] {
  const sessions = model.state?.sessions ?? []
  if (sessions.length === 0) return [firstRun(model)]
  const selected = sessions.find((session) => session.id === model.saved.session) ?? sessions[0]
  return [
    tableView(model, sessions, selected),
    h(
      'div',
      { class: 'rule', on: { keydown: back } },
      selected === undefined ? [] : oneSession(model, selected, Date.now()),
    ),
  ]
}

function back(event: Event): void {
  if (event instanceof KeyboardEvent && event.key === 'Escape') document.getElementById('session-list')?.focus()
}

function oneSession(model: Model, session: PanelSession, now: number): VNode[] {
  const { sid, handshake, contexts } = session
  const left: Child[] = [
    troubleView(model, session),
    handshake === undefined
      ? session.state === 'ready' && h('p', { class: 'quiet' }, t.noHandshake)
      : ladderView(session, handshake),
    session.epochs.length > 0 && epochsView(session, now),
  ]
  return [
    h(
      'div',
      { class: 'detail-head' },
      h('h2', { id: 'session-title', tabindex: -1 }, name(serversOf(session))),
      stateWord(session),
      h(
        'span',
        { class: 'quiet num' },
        session.since !== undefined && sentences.for(duration(now - session.since)),
        sid !== undefined && [' · ', filled(t.id, code(sid, short(sid), 'mono'))],
      ),
      h('span', { class: 'grow' }),
      contexts > 0 &&
        button({
          label: sentences.showContexts(contexts, number(contexts)),
          press: () => {
            const only = session.servers.length === 1 ? (session.servers[0] ?? '') : ''
            model.filter({ ...NO_FILTER, server: only })
            model.show('contexts')
          },
        }),
      session.state === 'ready' &&
        button({
          label: strings.actions.disconnect,
          press: () => void model.send('disconnect', { session: session.id }),
        }),
    ),
    h('div', { class: 'cols' }, h('div', {}, left), asideView(model, session)),
  ]
}

/** Nothing is connected: two steps, and one button that does both with what is bundled. */
function firstRun(model: Model): VNode {
  const e = strings.empty
  const signer = model.state?.signer
  const chosen = signer?.state === 'ready' && signer.key !== undefined
  const step = (no: number, done: boolean, title: string, text: Child, action: VNode) =>
    h(
      'li',
      {},
      h('span', { class: 'no' }, done ? icon('verified', 'ok') : String(no)),
      h('span', {}, h('span', { class: 'strong' }, title), h('br'), h('span', { class: 'quiet' }, text)),
      action,
    )
  const busy = model.busy.has('trySample') || model.busy.has('connect')
  return h(
    'section',
    { class: 'empty' },
    h('h2', {}, e.first),
    h('p', { class: 'quiet' }, e.firstText),
    h(
      'ol',
      { class: 'steps' },
      step(
        1,
        chosen,
        e.chooseKey,
        chosen
          ? [filled(e.keyChosen, name(signer.key ?? '')), ' ', signer.custody && custodyWord(signer.custody)]
          : e.chooseKeyText,
        button({ label: strings.actions.selectSlot, press: () => void model.send('selectSlot', {}) }),
      ),
      step(
        2,
        false,
        e.connect,
        e.connectText,
        button({
          label: strings.actions.connect,
          disabled: busy,
          look: chosen ? 'primary' : 'secondary',
          press: () => void model.send('connect', {}),
        }),
      ),
    ),
    h(
      'div',
      { class: 'actions' },
      button({
        label: strings.actions.trySample,
        disabled: busy,
        look: chosen ? 'secondary' : 'primary',
        press: () => void model.send('trySample', {}),
      }),
      busy ? h('vscode-progress-ring', {}) : h('span', { class: 'quiet small selfc' }, e.sample),
    ),
  )
}

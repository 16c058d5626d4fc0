import type { PanelFact, PanelIdentity, PanelSession } from '../../src/contracts/panelSession.ts'
import type { Model } from '../app/model.ts'
import { h, type VNode } from '../dom/h.ts'
import { icon } from '../dom/icons.ts'
import { button } from '../pieces/controls.ts'
import { code, custodyWord, marked, name } from '../pieces/marks.ts'
import { sentences, strings } from '../strings.ts'
import { day, short } from '../text/format.ts'
import { plain } from '../text/hostile.ts'

const t = strings.sessions

/** A session that is not ready: what happened, what was not harmed, what comes next. The safe choice is primary. */
export function troubleView(model: Model, session: PanelSession): VNode | undefined {
  if (session.state === 'ready') return undefined
  const busy = model.busy.has('retry') || model.busy.has('reviewKey')
  const under = session.state === 'connecting' || session.state === 'reconnecting'
  const retry = button({
    // Nothing was tried yet, or a person ended it.
    label: session.state === 'closed' ? strings.actions.open : strings.actions.retry,
    look: 'primary',
    disabled: busy,
    press: () => void model.send('retry', { session: session.id }),
  })
  const leave = button({
    label: strings.actions.disconnect,
    look: session.state === 'blocked' ? 'primary' : 'secondary',
    press: () => void model.send('disconnect', { session: session.id }),
  })
  const log = button({ label: strings.actions.showLog, press: () => void model.send('showLog', {}) })
  return h(
    'section',
    { class: 'trouble', key: 'trouble' },
    session.state === 'blocked' &&
      h(
        'h3',
        { class: 'badtext' },
        icon('rejected', 'bad'),
        h('span', {}, sentences.blocked(plain(session.gateway.name))),
      ),
    session.sentence !== undefined && h('p', {}, marked(session.sentence, 2000)),
    under && h('div', { class: 'prog', role: 'progressbar', 'aria-label': strings.state[session.state] }),
    factsView(session.facts),
    session.state === 'blocked' && compareView(session),
    h(
      'div',
      { class: 'actions' },
      session.state === 'blocked'
        ? [
            leave,
            log,
            h('span', { class: 'grow' }),
            button({
              label: strings.actions.reviewKey,
              danger: true,
              disabled: busy,
              press: () => void model.send('reviewKey', { session: session.id }),
            }),
          ]
        : [retry, session.state !== 'closed' && leave, log],
    ),
  )
}

export function factsView(facts: readonly PanelFact[]): VNode | undefined {
  if (facts.length === 0) return undefined
  return h(
    'dl',
    { class: 'cmp' },
    facts.map((fact) => [
      h('dt', {}, marked(fact.label)),
      h('dd', {}, fact.code === true ? h('code', {}, marked(fact.value, 500)) : marked(fact.value, 500)),
    ]),
  )
}

/** Six words beside six words: what differs is underlined and counted. */
function compareView(session: PanelSession): VNode | undefined {
  const { pinned, offered } = session
  if (pinned === undefined || offered === undefined) return undefined
  const same = offered.words.filter((word, at) => word === pinned.words[at]).length
  const since = session.pin.since === undefined ? '' : sentences.since(day(session.pin.since))
  return h(
    'dl',
    { class: 'cmp' },
    h('dt', {}, t.pinnedKey),
    h('dd', {}, sixWords(pinned, pinned), aboutKey(pinned, since)),
    h('dt', {}, t.offeredKey),
    h('dd', {}, sixWords(offered, pinned), aboutKey(offered, '')),
    h('dt', {}),
    h('dd', { class: 'strong' }, same === 0 ? t.wordsDiffer : t.wordsSome),
  )
}

function sixWords(key: PanelIdentity, against: PanelIdentity): VNode {
  return h(
    'span',
    { class: 'words six' },
    key.words.map((word, at) => h('span', {}, word === against.words[at] ? word : h('mark', {}, word))),
  )
}

function aboutKey(key: PanelIdentity, more: string): VNode {
  return h(
    'span',
    { class: 'row wrap quiet' },
    name(key.name),
    code(key.kid, short(key.kid)),
    custodyWord(key.custody),
    more,
  )
}

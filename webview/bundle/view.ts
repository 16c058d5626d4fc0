import type { BundleMessage, BundleReport } from '../../src/contracts/bundleView.ts'
import { type Child, h, type VNode } from '../dom/h.ts'
import { icon } from '../dom/icons.ts'
import { button, emptyState, working } from '../pieces/controls.ts'
import { code, keyValues } from '../pieces/marks.ts'
import { bytes, clock, day, number, short, size } from '../text/format.ts'
import { findings } from './findings.ts'
import { keys } from './keys.ts'
import { rows } from './rows.ts'
import { sessions } from './sessions.ts'
import { type Send, stateWord } from './state.ts'
import { strings } from './strings.ts'

export function bundleView(message: BundleMessage, send: Send): VNode {
  if (message.type === 'working') {
    const text = strings.reading(size(message.read), size(message.bytes))
    return h('div', { key: 'working', class: 'busy' }, title(), working(text))
  }
  if (message.type === 'failed') {
    const failed = emptyState(strings.failed, message.sentence, [again(send)], icon('warn'))
    return h('div', { key: 'failed', class: 'busy' }, title(), failed)
  }
  return h('div', { key: 'report', class: 'report' }, report(message.report, send))
}

/** For a screen reader, until the verdict is the heading. */
function title(): VNode {
  return h('h1', { class: 'hear' }, strings.title)
}

function again(send: Send): VNode {
  return button({ label: strings.again, icon: 'redo', press: () => send({ type: 'again' }) })
}

function report(found: BundleReport, send: Send): Child[] {
  const strangers = found.keys.some(({ trust }) => trust === 'unknown')
  const meaning = found.verdict === 'incomplete' && strangers ? 'stranger' : found.verdict
  return [
    h(
      'header',
      { class: `verdict ${found.verdict}` },
      h('h1', {}, stateWord(found.verdict, strings.verdict[found.verdict])),
      h('p', {}, strings.meaning[meaning]),
      again(send),
    ),
    findings(found),
    h('div', { class: 'pair' }, summary(found), keys(found, send)),
    sessions(found),
    rows(found),
  ]
}

function summary(found: BundleReport): VNode {
  const t = strings.summary
  const { contexts, redacted, acknowledged, from, to, exported } = found
  return h(
    'section',
    { key: 'summary' },
    h('h2', {}, t.title),
    keyValues([
      [t.contexts, number(contexts)],
      [t.sessions, number(found.sessionCount)],
      [t.redacted, h('span', { title: t.redactedTitle }, number(redacted))],
      [t.acknowledged, h('span', { title: t.acknowledgedTitle }, number(acknowledged))],
      from === undefined || to === undefined
        ? undefined
        : [t.time, h('span', { title: t.timeTitle }, t.between(moment(from), moment(to))), 'wrapped'],
      exported === undefined
        ? [t.exported, t.noManifest, 'wrapped']
        : [
            t.exported,
            [
              t.exportedAt(moment(exported.at), strings.state[exported.state]),
              ' ',
              code(exported.kid, short(exported.kid)),
            ],
            'wrapped',
          ],
      [t.size, bytes(found.bytes)],
      [t.checked, moment(found.checkedAt), 'wrapped'],
    ]),
  )
}

function moment(at: number): string {
  return `${day(at)}, ${clock(at)}`
}

import {
  ATTACKERS,
  NO_TRIAL,
  type PanelTrial,
  type PanelTrialRow,
  trialFigures,
} from '../../src/contracts/panelTrial.ts'
import type { Model } from '../app/model.ts'
import { h, type VNode } from '../dom/h.ts'
import { icon } from '../dom/icons.ts'
import { button, emptyState } from '../pieces/controls.ts'
import { code, custodyTag, marked } from '../pieces/marks.ts'
import { sentences, strings } from '../strings.ts'
import { short } from '../text/format.ts'
import { rowView } from './row.ts'

const t = strings.trial

/** *Try to Break It*: each attack with what was changed, who refused it, and what the code said. */
export function trialView(model: Model): VNode[] {
  const trial = model.trial ?? NO_TRIAL
  if (trial.state === 'failed')
    return [
      emptyState(
        t.failed,
        marked(trial.sentence ?? '', 2000),
        [start(model, t.again), log(model)],
        icon('warn', 'wait'),
      ),
    ]
  if (trial.rows.length === 0 && trial.state !== 'running')
    return [emptyState(t.empty, t.emptyText, [start(model, t.start)])]
  return [
    h(
      'div',
      { key: 'trial', class: 'scroll attempts', tabindex: 0, role: 'region', 'aria-label': strings.views.trial },
      head(model, trial),
      group(
        t.controls,
        t.controlsText,
        trial.rows.filter(({ attacker }) => attacker === undefined),
      ),
      ATTACKERS.map((attacker) =>
        group(
          t.attackers[attacker],
          t.has[attacker],
          trial.rows.filter((row) => row.attacker === attacker),
        ),
      ),
    ),
  ]
}

function head(model: Model, trial: PanelTrial): VNode {
  const running = trial.state === 'running'
  return h(
    'div',
    { class: 'attempts-head' },
    h('h2', { class: 'row' }, running && h('vscode-progress-ring', { class: 'ring-s' }), summary(trial)),
    h('span', { class: 'grow' }),
    running
      ? button({
          label: t.cancel,
          disabled: model.busy.has('cancelTrial'),
          press: () => void model.send('cancelTrial', {}),
        })
      : start(model, t.again),
    h(
      'p',
      { class: 'quiet about' },
      t.about,
      trial.key !== undefined && [
        ` ${t.key} `,
        code(trial.key.kid, short(trial.key.kid), 'mono'),
        ' ',
        custodyTag(trial.key.custody),
      ],
    ),
  )
}

/** Read out once, when it is over: what happens meanwhile is for who looks. */
function summary(trial: PanelTrial): VNode {
  const figures = trialFigures(trial)
  if (trial.state === 'running') return h('span', { key: 'running' }, sentences.trialRunning(figures.over, figures.all))
  const good = figures.failed === 0
  const stopped = trial.state === 'cancelled'
  const text = sentences.trialDone(figures.refused, figures.attacks, figures.passed, figures.controls)
  return h(
    'span',
    { key: 'over', role: 'status', class: `row summary ${good ? 'ok' : 'rejected badtext'}` },
    icon(good ? (stopped ? 'hold' : 'verified') : 'rejected'),
    stopped ? sentences.trialCancelled(text) : text,
  )
}

function group(title: string, text: string, rows: readonly PanelTrialRow[]): VNode | undefined {
  if (rows.length === 0) return undefined
  return h(
    'section',
    { key: `group ${title}` },
    h('h3', {}, title),
    h('p', { class: 'quiet' }, text),
    h('ul', {}, rows.map(rowView)),
  )
}

function start(model: Model, label: string): VNode {
  return button({
    label,
    look: 'primary',
    disabled: model.busy.has('startTrial'),
    press: () => void model.send('startTrial', {}),
  })
}

function log(model: Model): VNode {
  return button({ label: strings.actions.showLog, press: () => void model.send('showLog', {}) })
}

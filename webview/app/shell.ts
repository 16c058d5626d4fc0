import { type PanelNotice, VIEWS, type View } from '../../src/contracts/panel.ts'
import { ContextsView } from '../contexts/view.ts'
import { h, patch, type VNode } from '../dom/h.ts'
import { icon } from '../dom/icons.ts'
import { hsmView } from '../hsm/view.ts'
import { button, emptyState, working } from '../pieces/controls.ts'
import { custodyTag, marked, name } from '../pieces/marks.ts'
import { factsView } from '../sessions/trouble.ts'
import { sessionsView } from '../sessions/view.ts'
import { sentences, strings } from '../strings.ts'
import { number } from '../text/format.ts'
import { trialView } from '../trial/view.ts'
import type { Model } from './model.ts'

const tabId = (view: View) => `tab-${view}`

/** The frame around the views: tabs, the key that signs, notices, the outcome of the last intent. */
export class Shell {
  private readonly root: Element
  private readonly model: Model
  private readonly contexts: ContextsView
  private readonly reload: () => void

  constructor(root: Element, model: Model, reload: () => void) {
    this.root = root
    this.model = model
    this.reload = reload
    this.contexts = new ContextsView(model)
  }

  render(): void {
    const { view } = this.model.saved
    patch(this.root, [
      h('h1', { key: 'title', class: 'hear' }, strings.title),
      h(
        'vscode-panels',
        {
          class: 'app',
          'aria-label': strings.title,
          activeid: tabId(view),
          on: { change: (event) => this.changed(event) },
        },
        VIEWS.map((each) => this.tab(each)),
        this.signer(),
        VIEWS.map((each) =>
          h(
            'vscode-panel-view',
            { key: each, id: `view-${each}`, class: each },
            h('div', { class: `main ${each}` }, each === view ? this.body(each) : []),
          ),
        ),
      ),
    ])
    // The toolkit names a tab once, when it is made; a badge comes later.
    for (const each of VIEWS) document.getElementById(tabId(each))?.setAttribute('aria-label', this.tabLabel(each))
    if (view === 'contexts') this.contexts.attach()
  }

  private changed(event: Event): void {
    if (!(event.target instanceof Element) || event.target.tagName !== 'VSCODE-PANELS') return
    // The property: the toolkit writes the attribute a moment later.
    const active = 'activeid' in event.target ? event.target.activeid : undefined
    const view = VIEWS.find((each) => tabId(each) === active)
    if (view !== undefined) this.model.show(view)
  }

  private tab(view: View): VNode {
    const badge = this.badge(view)
    const look = view === 'contexts' ? 'alert' : ''
    return h(
      'vscode-panel-tab',
      { key: `tab ${view}`, id: tabId(view) },
      strings.views[view],
      badge !== undefined && h('vscode-badge', { class: look, 'aria-hidden': true }, badge),
    )
  }

  private tabLabel(view: View): string {
    const badge = this.badge(view)
    return badge === undefined ? strings.views[view] : `${strings.views[view]}, ${badge}`
  }

  private badge(view: View): string | undefined {
    const { state } = this.model
    const sessions = state?.sessions.length ?? 0
    const unseen = state?.counters.unseen ?? 0
    if (view === 'sessions' && sessions > 0) return String(sessions)
    return view === 'contexts' && unseen > 0 ? sentences.rejected(number(unseen)) : undefined
  }

  private signer(): VNode {
    const signer = this.model.state?.signer
    const t = strings.signer
    const key = signer?.key
    const where = signer?.token === undefined ? (key ?? '') : `${key ?? ''} · ${signer.token}`
    return h(
      'div',
      { slot: 'end', class: 'signer', title: t.title },
      signer !== undefined && (key === undefined || signer.state === 'none')
        ? h('span', { class: 'warn cust' }, icon('warn'), t.none)
        : [
            h('span', { class: 'lead quiet' }, signer === undefined ? '' : t.with),
            name(where),
            signer?.state === 'locked' && h('span', { class: 'flag' }, icon('lock'), t.locked),
            signer?.state === 'gone' && h('span', { class: 'flag' }, icon('warn'), t.gone),
            signer?.custody !== undefined && custodyTag(signer.custody),
          ],
    )
  }

  private body(view: View): VNode[] {
    const { model } = this
    if (model.state === undefined) return [this.waiting()]
    const notices = model.state.notices.filter((notice) => notice.view === undefined || notice.view === view)
    return [...notices.map((notice) => this.notice(notice)), ...this.outcome(), ...this.view(view)]
  }

  private view(view: View): VNode[] {
    if (view === 'sessions') return [h('div', { key: 'sessions', class: 'scroll' }, sessionsView(this.model))]
    if (view === 'trial') return trialView(this.model)
    return view === 'contexts' ? this.contexts.render() : hsmView(this.model)
  }

  private waiting(): VNode {
    const e = strings.empty
    return this.model.silent
      ? emptyState(
          e.silent,
          e.silentText,
          [button({ label: strings.actions.reload, look: 'primary', press: this.reload })],
          icon('warn', 'wait'),
        )
      : working(e.waiting)
  }

  private outcome(): VNode[] {
    const { outcome } = this.model
    if (outcome === undefined) return []
    const close = () => {
      this.model.outcome = undefined
      this.render()
    }
    return [
      h(
        'div',
        { key: 'outcome', class: 'outcome', role: 'status' },
        icon(outcome.good ? 'verified' : 'warn', outcome.good ? 'ok' : 'wait'),
        h('span', { class: 'grow' }, marked(outcome.text, 2000)),
        h(
          'vscode-button',
          { appearance: 'icon', 'aria-label': strings.actions.dismiss, on: { click: close } },
          icon('close'),
        ),
      ),
    ]
  }

  private notice(notice: PanelNotice): VNode {
    const { model } = this
    const glyph =
      notice.level === 'error' ? icon('rejected', 'bad') : icon('warn', notice.level === 'info' ? '' : 'wait')
    return h(
      'section',
      { key: `notice ${notice.id}`, class: `notice ${notice.level}` },
      glyph,
      h(
        'div',
        { class: 'grow' },
        h('h2', { class: 'small-head' }, marked(notice.title)),
        h('p', {}, marked(notice.text, 2000)),
        factsView(notice.facts),
        h(
          'div',
          { class: 'actions' },
          notice.actions.map((action, at) =>
            button({
              label: strings.actions[action],
              look: at === 0 ? 'primary' : 'secondary',
              disabled: model.busy.has(action),
              press: () => void model.send(action, {}),
            }),
          ),
          notice.dismissable &&
            button({
              label: strings.actions.dismiss,
              press: () => void model.send('dismissNotice', { id: notice.id }),
            }),
        ),
      ),
    )
  }
}

import { VERDICTS } from '../../src/contracts/panelContext.ts'
import type { Model } from '../app/model.ts'
import { isFiltered, NO_FILTER } from '../app/rows.ts'
import { h, type VNode } from '../dom/h.ts'
import { icon } from '../dom/icons.ts'
import { button, emptyState, toggle } from '../pieces/controls.ts'
import { sentences, strings } from '../strings.ts'
import { figure, number } from '../text/format.ts'
import { plain } from '../text/hostile.ts'
import { detailView } from './detail.ts'
import { ContextList } from './list.ts'

const t = strings.contexts

export class ContextsView {
  private readonly model: Model
  private readonly list: ContextList

  constructor(model: Model) {
    this.model = model
    this.list = new ContextList(
      model,
      () => document.getElementById('context-title')?.focus(),
      (ref) => void model.send('copyEvidence', { ref }, t.copied),
    )
  }

  render(): VNode[] {
    const { model } = this
    if (model.rows.size === 0) return [this.nothingYet()]
    const { list, newer } = model.rows.view(model.saved.filter)
    const found =
      list.length > 0
        ? this.list.body()
        : emptyState(strings.empty.noMatch, strings.empty.noMatchText, [
            button({ label: strings.actions.clearFilter, press: () => model.filter(NO_FILTER) }),
          ])
    return [
      this.bar(),
      h(
        'div',
        { class: 'split' },
        h(
          'div',
          { class: 'list' },
          this.list.head(),
          newer > 0 &&
            h(
              'button',
              { class: 'newer', type: 'button', on: { click: () => model.hold(false) } },
              sentences.newer(newer, number(newer)),
            ),
          found,
          this.foot(list.length),
        ),
        h('div', { class: 'pane', on: { keydown: (event) => this.back(event) } }, detailView(model)),
      ),
    ]
  }

  /** After every patch: the list fills its own box. */
  attach(): void {
    this.list.attach(this.model.rows.view(this.model.saved.filter).list)
  }

  private back(event: Event): void {
    if (event instanceof KeyboardEvent && event.key === 'Escape') this.list.focus()
  }

  private bar(): VNode {
    const { model } = this
    const { filter } = model.saved
    const value = (event: Event) =>
      event.target !== null && 'value' in event.target ? String(event.target.value).slice(0, 256) : ''
    const servers = Array.from(new Set([...model.rows.servers(), filter.server])).filter((server) => server !== '')
    return h(
      'div',
      { class: 'filter' },
      h(
        'vscode-text-field',
        {
          class: 'flt',
          placeholder: t.filter,
          'aria-label': t.filter,
          value: filter.text,
          on: { input: (event) => model.filter({ text: value(event) }) },
        },
        icon('search', '', 'start'),
      ),
      h(
        'vscode-dropdown',
        {
          key: 'servers',
          'aria-label': t.allServers,
          value: filter.server,
          on: { change: (event) => model.filter({ server: value(event) }) },
        },
        ['', ...servers].map((server) =>
          h(
            'vscode-option',
            { key: `server ${server}`, value: server, selected: server === filter.server },
            server === '' ? t.allServers : plain(server, 40),
          ),
        ),
      ),
      h(
        'vscode-dropdown',
        {
          key: 'directions',
          'aria-label': t.bothDirections,
          value: filter.direction,
          on: { change: (event) => this.direction(value(event)) },
        },
        (['', 'c2s', 's2c'] as const).map((direction) =>
          h(
            'vscode-option',
            { key: `direction ${direction}`, value: direction, selected: direction === filter.direction },
            direction === '' ? t.bothDirections : t[direction],
          ),
        ),
      ),
      h('span', { class: 'grow' }),
      this.counts(),
      h(
        'span',
        { class: 'seg2', role: 'group', 'aria-label': t.fresh },
        toggle(t.live, !model.rows.holding, () => model.hold(false), { icon: 'live' }),
        toggle(t.hold, model.rows.holding, () => model.hold(true), { icon: 'hold' }),
      ),
    )
  }

  private direction(value: string): void {
    if (value === '' || value === 'c2s' || value === 's2c') this.model.filter({ direction: value })
  }

  private counts(): VNode {
    const { model } = this
    const counters = model.state?.counters
    const { verdict } = model.saved.filter
    return h(
      'span',
      { class: 'counts num', role: 'group', 'aria-label': t.byVerdict },
      VERDICTS.map((which) =>
        toggle(
          `${number(counters?.[which])} ${strings.verdict[which]}`,
          verdict === which,
          () => model.filter({ verdict: verdict === which ? '' : which }),
          { icon: which, class: `count ${which}`, key: which },
        ),
      ),
    )
  }

  private foot(shown: number): VNode {
    const counters = this.model.state?.counters
    const roots = counters?.roots
    return h(
      'div',
      { class: 'foot num' },
      h(
        'span',
        {},
        isFiltered(this.model.saved.filter) ? `${number(shown)} of ` : '',
        sentences.contexts(this.model.rows.size, number(this.model.rows.size)),
      ),
      roots !== undefined && h('span', {}, sentences.roots(roots, number(roots))),
      h('span', { class: 'grow' }),
      h('span', {}, `${figure(counters?.rate)} a second`),
    )
  }

  private nothingYet(): VNode {
    const { model } = this
    const ready = model.state?.sessions.some((session) => session.state === 'ready') === true
    return ready
      ? emptyState(strings.empty.noContext, strings.empty.noContextReady, [
          button({ label: strings.actions.openChat, press: () => void model.send('openChat', {}) }),
        ])
      : emptyState(strings.empty.noContext, strings.empty.noContextNone, [
          button({ label: strings.actions.connect, look: 'primary', press: () => void model.send('connect', {}) }),
          button({ label: strings.actions.trySample, press: () => void model.send('trySample', {}) }),
        ])
  }
}

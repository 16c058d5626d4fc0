import { CUSTODIES } from '../../src/contracts/custody.ts'
import { VERDICTS } from '../../src/contracts/panelContext.ts'
import {
  type ContextFilter,
  type ContextList as Listed,
  isFiltered,
  type JournalSearched,
  NO_FILTER,
} from '../../src/contracts/panelContexts.ts'
import type { Model } from '../app/model.ts'
import { h, type VNode } from '../dom/h.ts'
import { icon } from '../dom/icons.ts'
import { button, emptyState, toggle, working } from '../pieces/controls.ts'
import { sentences, strings } from '../strings.ts'
import { number } from '../text/format.ts'
import { plain } from '../text/hostile.ts'
import { detailView } from './detail.ts'
import { ContextList } from './list.ts'
import { measuresView } from './measures.ts'
import { headRow } from './row.ts'

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
    const { list } = model.rows
    if (list === undefined) return [working(strings.empty.listing)]
    if (list.total === 0) return [this.nothingYet()]
    return [
      this.bar(list),
      h(
        'div',
        { class: 'split' },
        h(
          'div',
          { class: 'list' },
          headRow(),
          list.newer > 0 &&
            h(
              'button',
              { key: 'newer', class: 'newer', type: 'button', on: { click: () => model.hold(false) } },
              sentences.newer(list.newer, number(list.newer)),
            ),
          this.found(list),
          this.foot(list),
          list.texts !== undefined && journalLine(list.journal),
        ),
        h('div', { class: 'pane', on: { keydown: (event) => this.back(event) } }, detailView(model)),
      ),
    ]
  }

  /** After every patch: the list fills its own box. */
  attach(): void {
    this.list.attach()
  }

  private found(list: Listed): VNode {
    const { model } = this
    if (model.rows.count > 0) return this.list.body()
    if (list.unseen > 0 || list.journal?.over === false) return working(strings.empty.searching)
    return emptyState(strings.empty.noMatch, strings.empty.noMatchText, [
      button({ label: strings.actions.clearFilter, press: () => model.filter(NO_FILTER) }),
    ])
  }

  private back(event: Event): void {
    if (event instanceof KeyboardEvent && event.key === 'Escape') this.list.focus()
  }

  private bar(list: Listed): VNode {
    const { model } = this
    const { filter } = model.saved
    const servers = Array.from(new Set([...list.servers, filter.server])).filter((server) => server !== '')
    return h(
      'div',
      { class: 'filter' },
      h(
        'vscode-text-field',
        {
          class: 'flt',
          placeholder: t.filter,
          'aria-label': t.filter,
          title: t.filterHelp,
          value: filter.text,
          on: { input: (event) => model.filter({ text: valueOf(event) }) },
        },
        icon('search', '', 'start'),
      ),
      this.choice('server', t.allServers, servers, (server) => plain(server, 40)),
      this.choice('direction', t.bothDirections, ['c2s', 's2c'], (direction) => t[direction]),
      this.choice('custody', t.anyCustody, CUSTODIES, (custody) => strings.custody[custody]),
      h(
        'div',
        { class: 'right' },
        this.counts(),
        h(
          'span',
          { class: 'seg2', role: 'group', 'aria-label': t.fresh },
          toggle(t.live, !model.holding, () => model.hold(false), { icon: 'live' }),
          toggle(t.hold, model.holding, () => model.hold(true), { icon: 'hold' }),
        ),
      ),
    )
  }

  /** One of a few values, or any. */
  private choice<Name extends 'server' | 'direction' | 'custody', Value extends ContextFilter[Name] & string>(
    name: Name,
    any: string,
    values: readonly Value[],
    said: (value: Value) => string,
  ): VNode {
    const chosen = this.model.saved.filter[name]
    const change = (event: Event) => {
      const value = valueOf(event)
      const known = values.find((each) => each === value)
      this.model.filter({ [name]: known ?? '' })
    }
    const option = (value: string, text: string) =>
      h('vscode-option', { key: `${name} ${value}`, value, selected: value === chosen }, text)
    return h(
      'vscode-dropdown',
      { key: name, 'aria-label': any, value: chosen, on: { change } },
      option('', any),
      values.map((value) => option(value, said(value))),
    )
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

  private foot(list: Listed): VNode {
    const { model } = this
    const { rows } = model
    const counters = model.state?.counters
    const filtered = isFiltered(model.saved.filter)
    const total = sentences.contexts(list.total, number(list.total))
    return h(
      'div',
      { class: 'foot num' },
      h('span', { class: 'cut' }, filtered ? sentences.found(number(rows.count), total) : total),
      list.unseen > 0 && h('span', { role: 'status' }, sentences.unseen(number(list.unseen))),
      list.texts !== undefined && h('span', { class: 'cut' }, sentences.texts(list.texts, number(list.texts))),
      !filtered && list.older > 0 && h('span', { class: 'cut' }, sentences.older(list.older, number(list.older))),
      !filtered &&
        counters !== undefined &&
        h('span', { class: 'rt' }, sentences.roots(counters.roots, number(counters.roots))),
      h('span', { class: 'grow' }),
      counters !== undefined && measuresView(counters.measures),
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

/** What is said aloud are beginning and end, and what was left out: figures that move all the time are only to be seen. */
function journalLine(journal: JournalSearched | undefined): VNode {
  const { unkept = 0, missing = 0, unreadable = 0 } = journal ?? {}
  const left = [
    unkept > 0 && sentences.unkept(number(unkept)),
    missing > 0 && sentences.missing(number(missing)),
    unreadable > 0 && sentences.unreadable(number(unreadable)),
  ].map((text) => text !== false && h('span', {}, text))
  return h(
    'div',
    { key: 'journal', class: 'journal num' },
    journal?.over === false && h('span', {}, sentences.journal(number(journal.searched + unkept), number(journal.of))),
    h(
      'span',
      { key: 'said', role: 'status' },
      journal !== undefined && h('span', { class: 'hear' }, journal.over ? t.searchedJournal : t.searchingJournal),
      journal?.over === true && left,
    ),
  )
}

function valueOf(event: Event): string {
  return event.target !== null && 'value' in event.target ? String(event.target.value).slice(0, 256) : ''
}

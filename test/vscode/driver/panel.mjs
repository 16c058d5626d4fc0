// @ts-check
import { until } from '../../demo/waiting.mjs'
import { actUntil, click } from './acts.mjs'
import { webviewFrame } from './workbench.mjs'

/** @typedef {import('playwright-core').Page} Page */
/** @typedef {import('playwright-core').Locator} Locator */

/**
 * @typedef {object} SessionRow
 * @property {string} state
 * @property {string} servers
 * @property {string} gateway
 * @property {string} pin
 * @property {string} suite the suite's full name
 * @property {string[]} custody of the editor's key and of the gateway's
 */

/**
 * @typedef {object} ContextRow
 * @property {string} verdict
 * @property {'to' | 'from'} direction of the server
 * @property {string} server
 * @property {string} about tool, method or kind
 * @property {string} custody
 */

const CONTEXT = '.contexts .li[role="option"]'
const ID = 'countersign.countersign'
// A row is a sentence for who cannot see it; this reads that sentence.
const SENTENCE = /^(\w+), (.*) (to|from) (\S+), [\d.,\s]+ bytes, (\w+)(?:, [a-z ]+)?$/

/**
 * The panel as it is on the screen: everything is read from what it shows, nothing from the extension's own state.
 *
 * @param {Page} page
 */
export function panel(page) {
  const frame = () => webviewFrame(page, ID)
  return {
    /** @param {string} selector */
    locator: (selector) => frame().locator(selector),
    /** Until the host's first state is drawn. */
    waitFor: () => frame().locator('vscode-panels .signer').waitFor(),
    /** @param {'sessions' | 'contexts' | 'hsm' | 'trial'} view */
    async show(view) {
      await actUntil(
        `the tab ${view}`,
        (timeout) => click(page, frame().locator(`#tab-${view}`), { timeout }),
        () => frame().locator(`vscode-panels[activeid="tab-${view}"]`).isVisible(),
      )
      await frame().locator(`#view-${view}:visible`).waitFor()
    },
    /** The key that signs next, its custody last. */
    signer: async () => oneLine(await frame().locator('.signer').innerText()),
    /** @returns {Promise<SessionRow[]>} */
    sessions: () =>
      frame()
        .locator('#session-list tbody tr')
        .evaluateAll((rows) =>
          rows.map((row) => {
            /** @param {string} column */
            const cell = (column) => row.querySelector(`.c-${column}`)
            /** @param {string} column */
            const words = (column) => (cell(column)?.textContent ?? '').trim()
            return {
              state: words('state'),
              servers: words('server'),
              gateway: words('gateway'),
              pin: words('pin'),
              suite: cell('suite')?.getAttribute('title') ?? '',
              custody: words('custody').split('/'),
            }
          }),
        ),
    /** The rows that are drawn, newest first; a long list is drawn in part. @returns {Promise<ContextRow[]>} */
    async contexts() {
      // A row that the host has not sent yet has its place, and nothing in it to read.
      const sentences = await until('every row of the list', () =>
        frame()
          .locator(CONTEXT)
          .evaluateAll((rows) => {
            if (rows.some((row) => row.classList.contains('waits'))) return undefined
            return rows
              .sort((a, b) => Number(a.getAttribute('aria-posinset')) - Number(b.getAttribute('aria-posinset')))
              .map((row) => row.getAttribute('aria-label') ?? '')
          }),
      )
      return sentences.map((sentence) => {
        const [, verdict, about, direction, server, custody] = SENTENCE.exec(sentence) ?? []
        if (verdict === undefined || about === undefined || server === undefined || custody === undefined) {
          throw new Error(`A context that does not read as a sentence: ${sentence}`)
        }
        return { verdict, about, direction: direction === 'to' ? 'to' : 'from', server, custody }
      })
    },
    /** Lists only contexts with this in their name. @param {string} text */
    async filter(text) {
      await frame().locator('.contexts .flt input').fill(text)
      // It is drawn with the next frame.
      await frame()
        .locator('body')
        .evaluate(() => new Promise((drawn) => requestAnimationFrame(() => requestAnimationFrame(drawn))))
    },
    /** What the verdict filter counts. @returns {Promise<Record<'verified' | 'pending' | 'rejected' | 'unsigned', number>>} */
    async counters() {
      const texts = await frame().locator('.counts .count').allInnerTexts()
      const all = Object.fromEntries(
        texts.map((text) => {
          const [, figure = '', verdict = ''] = /^([\d.,\s]+?)\s*([a-z]+)$/.exec(oneLine(text)) ?? []
          return [verdict, Number(figure.replace(/\D/g, ''))]
        }),
      )
      const { verified = 0, pending = 0, rejected = 0, unsigned = 0 } = all
      return { verified, pending, rejected, unsigned }
    },
    /** Opens the newest context of this name that has bytes, and waits for what its verification found. @param {string} about @param {'to' | 'from'} direction */
    async openContext(about, direction) {
      const rows = frame().locator(`${CONTEXT}[aria-label*=", ${about} ${direction} "]:not([aria-label*=", 0 bytes"])`)
      await rows.first().waitFor()
      const newest = () =>
        rows.evaluateAll((all) => {
          const [first] = all.sort((a, b) => Number(a.ariaPosInSet) - Number(b.ariaPosInSet))
          return { position: first?.ariaPosInSet, selected: first?.ariaSelected === 'true' }
        })
      // Contexts come all the time, and move those that are there.
      await actUntil(
        `the context ${about}`,
        async (timeout) => {
          const { position } = await newest()
          await click(page, rows.and(frame().locator(`[aria-posinset="${position}"]`)), { timeout })
        },
        async () => (await newest()).selected,
      )
      await frame().locator('.checks li').first().waitFor()
    },
    /** The opened context. */
    async openedContext() {
      const checks = await frame()
        .locator('.checks li')
        .evaluateAll((items) =>
          items.map((item) => ({
            name: item.children[1]?.textContent ?? '',
            passed: item.children[1]?.className === '',
            detail: item.children[2]?.textContent ?? '',
          })),
        )
      return {
        verdict: oneLine(await frame().locator('.pane-head .verdict').innerText()),
        title: oneLine(await frame().locator('#context-title').innerText()),
        bodies: await frame().locator('.qa .box').allInnerTexts(),
        checks,
        /** Kids and digests in full: what is shown of them is their ends. */
        codes: await frame()
          .locator('.contexts .pane code[title]')
          .evaluateAll((codes) => codes.map((code) => code.getAttribute('title') ?? '')),
        text: await frame().locator('.contexts .pane').innerText(),
      }
    },
    /** The tree of modules, slots and keys: the sentence of each row. */
    hsm: () =>
      frame()
        .locator('#hsm-tree .tr[aria-level]')
        .evaluateAll((rows) => rows.map((row) => row.getAttribute('aria-label') ?? '')),
    /** All that it says just now. */
    text: async () => oneLine(await frame().locator('body').innerText()),
    /** What is hard to see: text of too little contrast, and whether the page is wider than its window. */
    looks: () => frame().locator('body').evaluate(looks),
    /** @param {string} label */
    press: (label) => frame().locator('vscode-button:visible', { hasText: label }).first().click(),
  }
}

/** @param {string} text */
function oneLine(text) {
  return text.replace(/\s+/g, ' ').trim()
}

/**
 * Runs in the page. Large text needs 3:1, and what is smaller is held to the same: the theme's own colours are not ours.
 *
 * @param {Element} body
 */
function looks(body) {
  /** @param {string} colour as computed: rgb(…), or color(srgb …) of a mixture @returns {number[]} three shares and the opacity */
  const shares = (colour) => {
    const [red = 0, green = 0, blue = 0, opacity = 1] = (colour.match(/[\d.]+/g) ?? []).map(Number)
    const most = colour.startsWith('color(') ? 1 : 255
    return [red / most, green / most, blue / most, opacity]
  }
  /** @param {number[]} above @param {number[]} below */
  const over = (above, below) => {
    const opacity = above[3] ?? 1
    return [0, 1, 2].map((at) => (above[at] ?? 0) * opacity + (below[at] ?? 0) * (1 - opacity))
  }
  /** @param {number[]} colour */
  const luminance = (colour) => {
    const [red = 0, green = 0, blue = 0] = colour.map((share) =>
      share <= 0.03928 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4,
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
  }
  /** @param {Element} element @returns {number[]} */
  const behind = (element) => {
    const own = shares(getComputedStyle(element).backgroundColor)
    if (element.parentElement === null || own[3] === 1) return own
    return over(own, behind(element.parentElement))
  }
  const pale = []
  for (const element of body.querySelectorAll('*')) {
    const texts = [...element.childNodes].filter((node) => node.nodeType === 3)
    const text = texts.map((node) => node.textContent?.trim() ?? '').join('')
    if (text === '' || !element.checkVisibility()) continue
    const back = behind(element)
    const [one, other] = [luminance(back), luminance(over(shares(getComputedStyle(element).color), back))]
    const ratio = (Math.max(one, other) + 0.05) / (Math.min(one, other) + 0.05)
    if (ratio < 3) pale.push(`${text.slice(0, 40)} (${ratio.toFixed(1)})`)
  }
  return { pale, overflowing: document.documentElement.scrollWidth > window.innerWidth + 1 }
}

// What tests ask of a page: each function runs in the browser, and so may use nothing from outside of itself.

/** Until what changed is drawn: what hears of its own size is told with one frame, and draws with the next. */
export async function frames() {
  for (let frame = 0; frame < 3; frame++) await new Promise(requestAnimationFrame)
}

/** What sticks out of the window, unless it is inside of something that scrolls or cuts. */
export function overflowing() {
  /** @param {Element} element */
  const cuts = (element) => {
    for (let at = element.parentElement; at !== null && at !== document.body; at = at.parentElement) {
      if (getComputedStyle(at).overflowX !== 'visible') return true
    }
    return false
  }
  const out = [...document.querySelectorAll('#root *')].filter((element) => {
    const { right, left, width } = element.getBoundingClientRect()
    return width > 1 && (right > window.innerWidth + 1 || left < -1) && element.checkVisibility() && !cuts(element)
  })
  const page = document.documentElement.scrollWidth - window.innerWidth
  return [...(page > 0 ? [`the page, by ${page} px`] : []), ...out.map((element) => element.outerHTML.slice(0, 120))]
}

/** Numbers everything that a person can press; says how many that are. */
export function numberPressable() {
  const all = document.querySelectorAll(
    'vscode-button:not([disabled]), vscode-dropdown, vscode-text-field, vscode-panel-tab[aria-selected="true"], button:not([disabled]), summary, [tabindex="0"]',
  )
  let n = 0
  for (const element of all) {
    if (element.checkVisibility() && element.closest('[aria-hidden="true"]') === null) {
      element.setAttribute('data-wanted', `${n++}`)
    }
  }
  if (document.activeElement instanceof HTMLElement) document.activeElement.blur()
  return n
}

/** The number of what has the focus. */
export function focusedNumber() {
  return document.activeElement?.closest('[data-wanted]')?.getAttribute('data-wanted') ?? ''
}

/** @param {readonly string[]} seen */
export function missed(seen) {
  return [...document.querySelectorAll('[data-wanted]')]
    .filter((element) => !seen.includes(element.getAttribute('data-wanted') ?? ''))
    .map((element) => element.outerHTML.slice(0, 120))
}

export function focusedId() {
  return document.activeElement?.id
}

export function activeRow() {
  return document.getElementById('context-rows')?.getAttribute('aria-activedescendant')
}

/** The row that is first in view. */
export function topRow() {
  const box = document.getElementById('context-rows')?.getBoundingClientRect()
  return document.elementFromPoint((box?.left ?? 0) + 100, (box?.top ?? 0) + 12)?.closest('.li')?.id
}

/** @param {number} top */
export function scrollRows(top) {
  document.getElementById('context-rows')?.scrollTo(0, top)
}

/** The toolkit hears of it and sets its colours a little later: until then the page wears a mixture of two themes. @param {string} classes */
export async function wearTheme(classes) {
  document.body.className = classes
  const style = getComputedStyle(document.body)
  const colour = (/** @type {string} */ name) => style.getPropertyValue(name).trim()
  do await new Promise(requestAnimationFrame)
  while (colour('--foreground') !== colour('--vscode-foreground'))
  // What was set is drawn with the frame after.
  await new Promise(requestAnimationFrame)
}

/** What a hostile context made of the page. */
export function traces() {
  const all = [...document.querySelectorAll('[title], [aria-label]')]
  const lines = [...document.querySelectorAll('.answers .ln')]
  return {
    markup: document.querySelectorAll('#root img, #root script, #root iframe, #root a[href]').length,
    raw: /[\u202a-\u202e\u2066-\u2069\u200b\u001b\u0007]/.test(document.body.innerText),
    titles: all.some((element) =>
      /[\u202a-\u202e\u200b\u001b]/.test(`${element.getAttribute('title')}${element.getAttribute('aria-label')}`),
    ),
    marked: [...document.querySelectorAll('.answers .odd')].map((element) => element.getAttribute('title') ?? ''),
    widest: Math.max(...lines.map((element) => element.textContent?.length ?? 0)),
    lines: lines.length,
    /** @type {string[]} */
    refused: Reflect.get(window, 'violations'),
  }
}

/** Before anything else of the page runs: remembers when the first row was there, ms since the navigation began. */
export function watchFirstRow() {
  const observer = new MutationObserver(() => {
    if (document.querySelector('.li[role="option"]:not(.waits)') === null) return
    observer.disconnect()
    requestAnimationFrame(() => Reflect.set(window, 'firstRow', performance.now()))
  })
  observer.observe(document, { childList: true, subtree: true })
}

/** @returns {number | undefined} */
export function firstRow() {
  return Reflect.get(window, 'firstRow')
}

/** Scrolls for so many frames, half of them by a screen, half to anywhere; the milliseconds of each frame. @param {number} frames */
export async function scrollFrames(frames) {
  const box = document.getElementById('context-rows')
  const took = []
  let before = await new Promise(requestAnimationFrame)
  for (let at = 0; at < frames; at++) {
    if (box !== null)
      box.scrollTop = at % 2 === 0 ? box.scrollTop + 480 : (box.scrollHeight * ((at * 7919) % 1000)) / 1000
    const now = await new Promise(requestAnimationFrame)
    took.push(now - before)
    before = now
  }
  return took
}

/** Remembers the elements of the rows, to tell later which are others. */
export function markRows() {
  for (const row of document.querySelectorAll('.extent > .li')) Reflect.set(row, 'known', true)
}

/** The rows as they stand in the document: their places in the list, and how many have an element that was not marked. */
export function rowOrder() {
  const rows = [...document.querySelectorAll('.extent > .li')]
  return {
    places: rows.map((row) => Number(row.getAttribute('aria-posinset'))),
    fresh: rows.filter((row) => Reflect.get(row, 'known') !== true).length,
    waiting: rows.filter((row) => row.classList.contains('waits')).length,
    /** Of those that wait, what can be read or pressed of the row that was there before. */
    left: rows.filter(
      (row) => row.matches('.waits') && (row.id !== '' || row.querySelector('.v')?.checkVisibility() === true),
    ).length,
  }
}

// Builds the panel, opens it in a real browser under its real policy with a stand-in for the extension host, and
// takes pictures of every view, theme and width into test/output/webview. `node test/webview/harness.mjs [NAME…]`
import { createReadStream } from 'node:fs'
import { mkdir, readFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { join } from 'node:path'
import { build } from 'esbuild'
import { chromium } from 'playwright-core'

const root = fileURLToPath(new URL('../..', import.meta.url))
const here = join(root, 'test/webview')
const out = join(root, 'test/output/webview')
const only = process.argv.slice(2)
await mkdir(out, { recursive: true })
await Promise.all([
  build({
    entryPoints: { panel: join(root, 'webview/main.ts') },
    outdir: out,
    bundle: true,
    format: 'iife',
    target: 'es2022',
    logLevel: 'warning',
    minify: true,
  }),
  build({
    entryPoints: [join(here, 'host.ts')],
    outfile: join(out, 'host.mjs'),
    bundle: true,
    platform: 'node',
    format: 'esm',
    logLevel: 'warning',
  }),
])
const { FakeHost, panelHtml } = await import(pathToFileURL(join(out, 'host.mjs')).href)
const standin = await readFile(join(here, 'standin.js'), 'utf8')

const files = {
  '/panel.js': ['text/javascript', join(out, 'panel.js')],
  '/panel.css': ['text/css', join(out, 'panel.css')],
  '/themes.css': ['text/css', join(here, 'themes.css')],
}
let page = ''
const server = createServer((request, response) => {
  const file = files[request.url?.split('?')[0] ?? '']
  if (file === undefined) response.setHeader('content-type', 'text/html').end(page)
  else createReadStream(file[1]).pipe(response.setHeader('content-type', file[0]))
})
await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve))
const origin = `http://127.0.0.1:${server.address().port}`

const CLASSES = {
  dark: 'vscode-dark',
  light: 'vscode-light',
  hc: 'vscode-high-contrast',
  'hc-light': 'vscode-high-contrast vscode-high-contrast-light',
}
const KINDS = {
  dark: 'vscode-dark',
  light: 'vscode-light',
  hc: 'vscode-high-contrast',
  'hc-light': 'vscode-high-contrast-light',
}

/** What VS Code's own wrapper adds to a webview's document. */
function wrapped(theme, saved) {
  const nonce = 'bm9uY2U'
  const html = panelHtml({
    nonce,
    cspSource: origin,
    scriptUri: '/panel.js',
    styleUri: '/panel.css',
    title: 'Countersign',
  })
  const state = JSON.stringify(saved).replaceAll('&', '&amp;').replaceAll('"', '&quot;')
  return html
    .replace(
      '<body>',
      `<body class="${CLASSES[theme]}" data-vscode-theme-kind="${KINDS[theme]}" data-saved="${state}">`,
    )
    .replace('<link ', '<link rel="stylesheet" href="/themes.css"><link ')
    .replace(/<script /, () => `<script nonce="${nonce}">${standin}</script>\n<script `)
}

const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
  args: [
    '--no-sandbox',
    '--disable-gpu',
    '--disable-quic',
    '--no-first-run',
    '--disable-background-networking',
    '--disable-component-update',
    '--disable-sync',
    '--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1',
  ],
})
const filter = { text: '', server: '', direction: '', verdict: '' }
const problems = []

/** Opens the panel in a scene and hands over the page and its host. */
async function open({
  theme = 'dark',
  view = 'sessions',
  width = 1200,
  height = 800,
  scene = 'full',
  count = 4800,
  saved = {},
}) {
  page = wrapped(theme, { view, filter, folded: [], ...saved })
  const context = await browser.newContext({
    viewport: { width, height },
    deviceScaleFactor: 2,
    reducedMotion: 'reduce',
  })
  const tab = await context.newPage()
  tab.on('pageerror', (error) => problems.push(`${view} ${theme}: ${error.message}`))
  tab.on('console', (message) => {
    if (message.type() === 'error' && !message.text().includes('style-src'))
      problems.push(`${view} ${theme}: ${message.text()}`)
  })
  // As VS Code does it: what is posted is JSON.
  const host = new FakeHost(
    (message) =>
      void tab.evaluate((text) => window.postMessage(JSON.parse(text), '*'), JSON.stringify(message)).catch(() => {}),
    scene,
    count,
  )
  await tab.exposeFunction('hostReceive', (text) => host.receive(JSON.parse(text)))
  await tab.goto(`${origin}/`)
  await tab.waitForTimeout(500)
  return { tab, host, context }
}

async function shoot(name, options, act) {
  if (only.length > 0 && !only.some((part) => name.includes(part))) return
  const { tab, host, context } = await open(options)
  if (act !== undefined) await act(tab, host)
  await tab.waitForTimeout(150)
  const { violations, wide } = await tab.evaluate(() => ({
    violations: window.violations,
    wide: document.documentElement.scrollWidth - window.innerWidth,
  }))
  if (wide > 0) problems.push(`${name}: ${wide} px wider than the window`)
  // The toolkit's three style elements are refused by the policy and not needed; a script must never be.
  for (const violation of violations) if (!violation.startsWith('style-src')) problems.push(`${name}: ${violation}`)
  await tab.screenshot({ path: join(out, `${name}.png`) })
  await context.close()
}

const row = (words) => async (tab) => {
  await tab.locator('.li', { hasText: words }).first().click()
  await tab.waitForTimeout(300)
}
for (const theme of ['dark', 'light', 'hc', 'hc-light']) {
  await shoot(`sessions-${theme}`, { theme })
  await shoot(`contexts-${theme}`, { theme, view: 'contexts' }, async (tab) => {
    await tab.locator('.li', { hasText: 'n=12' }).nth(3).click()
    await tab.waitForTimeout(300)
  })
  await shoot(`contexts-${theme}-rejected`, { theme, view: 'contexts' }, row('rejected'))
  await shoot(`hsm-${theme}`, { theme, view: 'hsm' })
}
await shoot('contexts-pending', { view: 'contexts' }, row('write_file'))
await shoot('contexts-unsigned', { view: 'contexts', theme: 'light' }, row('unsigned'))
await shoot('contexts-hostile', { view: 'contexts' }, row('202E'))
await shoot('contexts-hold', { view: 'contexts' }, async (tab, host) => {
  await tab.locator('vscode-button', { hasText: 'Hold' }).click()
  host.bring(7)
  await tab.waitForTimeout(1200)
})
await shoot('contexts-nomatch', { view: 'contexts' }, async (tab) => {
  await tab.locator('vscode-text-field input').fill('zzz')
})
await shoot('contexts-broken', { view: 'contexts', scene: 'broken' }, row('verified'))
await shoot('contexts-nothing', { view: 'contexts', scene: 'nothing' })
await shoot('first', { scene: 'first' })
await shoot('first-failed', { scene: 'first' }, async (tab) => {
  await tab.locator('vscode-button', { hasText: 'Connect to Server' }).click()
})
await shoot('hsm-loading', { scene: 'first', view: 'hsm' })
await shoot('gone', { scene: 'gone' })
await shoot('sessions-reconnecting', {}, async (tab) => tab.locator('tr', { hasText: 'warehouse' }).click())
await shoot('sessions-blocked', {}, async (tab) => tab.locator('tr', { hasText: 'billing' }).click())
await shoot('sessions-classical', {}, async (tab) => tab.locator('tr', { hasText: 'tickets' }).click())
await shoot('hsm-probed', { view: 'hsm' }, async (tab) => tab.locator('.tr', { hasText: 'Luna 7' }).first().click())
await shoot('hsm-locked', { view: 'hsm', theme: 'light' }, async (tab) =>
  tab.locator('.tr', { hasText: 'soft2' }).first().click(),
)
await shoot('hsm-asking', { view: 'hsm', theme: 'hc' }, async (tab) =>
  tab.locator('.tr', { hasText: 'card-key' }).first().click(),
)
await shoot('hsm-keyboard', { view: 'hsm' }, async (tab, host) => {
  const tree = tab.locator('#hsm-tree')
  await tree.focus()
  for (const key of ['Home', 'ArrowDown']) await tab.keyboard.press(key)
  await tab.waitForTimeout(100)
  const active = await tree.getAttribute('aria-activedescendant')
  if (active !== 'hsm-slot 0 Luna 7') problems.push(`hsm-keyboard: the arrows led to ${active}`)
  await tab.keyboard.press('Enter')
  const opened = await tab.evaluate(() => document.activeElement?.id)
  if (opened !== 'hsm-title') problems.push(`hsm-keyboard: Enter led to ${opened}`)
  await tab.keyboard.press('Escape')
  const back = await tab.evaluate(() => document.activeElement?.id)
  if (back !== 'hsm-tree') problems.push(`hsm-keyboard: Escape led to ${back}`)
  const create = await tab.locator('vscode-button', { hasText: 'Create Key' }).count()
  if (create !== 1) problems.push(`hsm-keyboard: ${create} buttons create a key`)
  for (const label of ['Probe Slot', 'Lock Now', 'Reset PIN']) {
    await tab.locator('vscode-button', { hasText: label }).click()
    await tab.waitForTimeout(50)
  }
  await tree.focus()
  await tab.keyboard.press('ArrowDown')
  await tab.waitForTimeout(100)
  await tab.locator('.link', { hasText: 'Copy as PEM' }).click()
  await tab.locator('vscode-button', { hasText: 'Destroy' }).click()
  await tab.waitForTimeout(100)
  const asked = host.asked.filter((name) => name !== 'selectView').join(', ')
  const wanted = 'slotAction probe, lockAll, slotAction resetPin, keyAction copyPem, keyAction destroy'
  if (asked !== wanted) problems.push(`hsm-keyboard: the host was asked for ${asked}`)
})
await shoot('hsm-slot', { view: 'hsm' }, async (tab) => tab.locator('.tr', { hasText: 'soft1' }).first().click())
await shoot('hsm-module', { view: 'hsm' }, async (tab) => tab.locator('.tr', { hasText: 'cknfast' }).first().click())
await shoot('hsm-vault', { view: 'hsm', theme: 'light' }, async (tab) =>
  tab.locator('.tr', { hasText: 'vault-key' }).first().click(),
)
for (const width of [1000, 800, 400]) {
  const theme = width === 400 ? 'light' : 'dark'
  for (const view of ['sessions', 'contexts', 'hsm']) {
    await shoot(
      `narrow-${width}-${view}`,
      { view, width, height: width === 400 ? 1000 : 800, theme },
      view === 'contexts' ? row('verified') : undefined,
    )
  }
}

await shoot('keyboard', { view: 'contexts', count: 19_900 }, async (tab, host) => {
  await tab.locator('#context-rows').focus()
  for (const key of ['ArrowDown', 'ArrowDown', 'PageDown', 'End', 'Home', 'ArrowDown']) await tab.keyboard.press(key)
  const active = await tab.evaluate(() =>
    document.getElementById('context-rows')?.getAttribute('aria-activedescendant'),
  )
  if (active === null) problems.push('keyboard: no active row')
  await tab.waitForTimeout(300)
  await tab.keyboard.press('Enter')
  const opened = await tab.evaluate(() => document.activeElement?.id)
  if (opened !== 'context-title') problems.push(`keyboard: Enter led to ${opened}`)
  await tab.keyboard.press('Escape')
  const back = await tab.evaluate(() => document.activeElement?.id)
  if (back !== 'context-rows') problems.push(`keyboard: Escape led to ${back}`)
  // Rows that come in above leave the scroll position and the selection where they are.
  await tab.evaluate(() => {
    document.getElementById('context-rows').scrollTop = 2400
  })
  await tab.waitForTimeout(100)
  const top = () =>
    tab.evaluate(() => {
      const box = document.getElementById('context-rows').getBoundingClientRect()
      return document.elementFromPoint(box.left + 100, box.top + 12)?.closest('.li')?.id
    })
  const before = await top()
  host.bring(9)
  await tab.waitForTimeout(400)
  const after = await top()
  if (before !== after) problems.push(`scroll moved from ${before} to ${after}`)
  const scrolled = await tab.evaluate(async () => {
    const box = document.getElementById('context-rows')
    const frames = []
    for (let at = 0; at < 90; at++) {
      const began = performance.now()
      box.scrollTop += 480
      await new Promise((resolve) => requestAnimationFrame(resolve))
      await new Promise((resolve) => requestAnimationFrame(resolve))
      frames.push((performance.now() - began) / 2)
    }
    return {
      p50: frames.sort((a, b) => a - b)[45],
      most: frames.at(-1),
      rows: document.querySelectorAll('.extent > .li').length,
    }
  })
  console.log(
    `scrolling 20,000 rows: ${scrolled.p50.toFixed(1)} ms a frame, at most ${scrolled.most.toFixed(1)}, ${scrolled.rows} rows in the document`,
  )
  const tabs = tab.locator('vscode-panel-tab')
  await tabs.nth(1).focus()
  await tab.keyboard.press('ArrowRight')
  await tab.waitForTimeout(200)
  const view = await tab.evaluate(() => window.savedState?.view)
  if (view !== 'hsm') problems.push(`tabs: ArrowRight led to ${view}`)
})

await browser.close()
server.close()
for (const problem of problems) console.error(problem)
console.log(JSON.stringify({ ok: problems.length === 0, pictures: out.slice(root.length) }))
process.exitCode = problems.length === 0 ? 0 : 1

// The panel as VS Code would show it, without VS Code: its real bundle in a real browser under its real policy, with a
// stand-in for the extension host. For pictures, and for tests of what only a browser knows.
import { createReadStream, readFileSync } from 'node:fs'
import { mkdir, mkdtemp, readFile, rm } from 'node:fs/promises'
import { createServer } from 'node:http'
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { build } from 'esbuild'
import { chromium } from 'playwright-core'
import { chromium as installed } from '../setup/chromium.mjs'

const root = fileURLToPath(new URL('../..', import.meta.url))
const here = join(root, 'test/webview')

export const THEMES = /** @type {const} */ (['dark', 'light', 'hc', 'hc-light'])

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

/** @param {string} out */
async function bundle(out) {
  const common = { outdir: out, bundle: true, logLevel: /** @type {const} */ ('warning') }
  await Promise.all([
    build({
      ...common,
      entryPoints: { panel: join(root, 'webview/main.ts'), bundle: join(root, 'webview/bundle/main.ts') },
      format: 'iife',
      target: 'es2022',
      minify: true,
    }),
    build({
      ...common,
      entryPoints: { host: join(here, 'host.ts') },
      outExtension: { '.js': '.mjs' },
      platform: 'node',
      format: 'esm',
    }),
  ])
  return await import(pathToFileURL(join(out, 'host.mjs')).href)
}

/** @returns {Promise<import('./stage.mjs').Stage>} */
export async function openStage() {
  const output = join(root, 'test/output')
  await mkdir(output, { recursive: true })
  const out = await mkdtemp(join(output, 'webview-'))
  const { FakeBundleHost, FakeHost, panelHtml, useLanguage } = await bundle(out)
  const standin = await readFile(join(here, 'standin.js'), 'utf8')
  /** @type {Record<string, [string, string]>} */
  const files = {
    '/panel.js': ['text/javascript', join(out, 'panel.js')],
    '/panel.css': ['text/css', join(out, 'panel.css')],
    '/bundle.js': ['text/javascript', join(out, 'bundle.js')],
    '/bundle.css': ['text/css', join(out, 'bundle.css')],
    '/themes.css': ['text/css', join(here, 'themes.css')],
  }
  /** @type {Map<string, string>} */
  const pages = new Map()
  const server = createServer((request, response) => {
    const path = request.url?.split('?')[0] ?? ''
    const file = files[path]
    if (file !== undefined) createReadStream(file[1]).pipe(response.setHeader('content-type', file[0]))
    else response.setHeader('content-type', 'text/html').end(pages.get(path) ?? '')
  })
  await new Promise((resolve) => server.listen(0, '127.0.0.1', () => resolve(undefined)))
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('The stage has no port.')
  const origin = `http://127.0.0.1:${address.port}`
  const browser = await chromium.launch({
    executablePath: process.env['CHROMIUM'] ?? (await installed()),
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
  /** @type {string[]} */
  const problems = []

  /** @param {string} name @param {string} language */
  const translations = (name, language) =>
    language === 'en' ? '{}' : readFileSync(join(root, `media/l10n/${name}.${language}.json`), 'utf8')

  /** What VS Code's own wrapper adds to a webview's document. @param {keyof typeof CLASSES} theme @param {unknown} saved @param {string} name @param {string} language */
  function wrapped(theme, saved, name, language) {
    const nonce = 'bm9uY2U'
    const html = panelHtml({
      nonce,
      cspSource: origin,
      scriptUri: `/${name}.js`,
      styleUri: `/${name}.css`,
      title: 'Countersign',
      language,
      words: translations('panel', language),
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

  return {
    problems,
    async open({
      theme = 'dark',
      language = 'en',
      of = 'panel',
      view = 'sessions',
      width = 1200,
      height = 800,
      scale = 1,
      scene = 'full',
      count = 4800,
      saved = {},
      host: given,
      settle = true,
    } = {}) {
      const filter = { text: '', server: '', direction: '', verdict: '', custody: '' }
      const path = `/page-${pages.size}`
      pages.set(path, wrapped(theme, { view, filter, folded: [], ...saved }, of, language))
      const context = await browser.newContext({
        // Zoomed: fewer pixels of the page in the same window.
        viewport: { width: Math.round(width / scale), height: Math.round(height / scale) },
        deviceScaleFactor: 2 * scale,
        reducedMotion: 'reduce',
      })
      const page = await context.newPage()
      page.on('pageerror', (error) => problems.push(`${view} ${theme}: ${error.message}`))
      page.on('console', (message) => {
        // The toolkit's own style elements are refused by the policy and not needed.
        if (message.type() === 'error' && !message.text().includes('style-src'))
          problems.push(`${view} ${theme}: ${message.text()}`)
      })
      /** As VS Code does it: what is posted is JSON. @param {unknown} message */
      const post = (message) =>
        void page.evaluate((text) => window.postMessage(JSON.parse(text), '*'), JSON.stringify(message)).catch(() => {})
      useLanguage(language, JSON.parse(translations('bundle.l10n', language)))
      const fake = () => (of === 'bundle' ? new FakeBundleHost(post, scene) : new FakeHost(post, scene, count))
      const host = given === undefined ? fake() : given(post)
      await page.exposeFunction('hostReceive', (/** @type {string} */ text) => host.receive(JSON.parse(text)))
      await page.goto(`${origin}${path}`)
      if (settle) {
        // Drawn, however slow the machine is: the key that signs, and in the list a row, or that there is none.
        await page
          .locator(of === 'bundle' ? '.report, .busy' : '.signer .tag, .signer .warn')
          .first()
          .waitFor()
        if (view === 'contexts') await page.locator('.li[role="option"], .empty').first().waitFor()
        await page.waitForTimeout(100)
      }
      return {
        page,
        host,
        async close() {
          host.dispose()
          await context.close()
        },
      }
    },
    async close() {
      await browser.close()
      await new Promise((resolve) => server.close(resolve))
      await rm(out, { recursive: true, force: true })
    },
  }
}

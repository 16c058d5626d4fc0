import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'

const root = fileURLToPath(new URL('../../../webview', import.meta.url))
const files = readdirSync(root, { recursive: true, encoding: 'utf8' }).map((file) => ({
  file,
  text: /\.(?:ts|css)$/.test(file) ? readFileSync(join(root, file), 'utf8') : '',
}))
const scripts = files.filter(({ file }) => file.endsWith('.ts'))
const sheets = files.filter(({ file }) => file.endsWith('.css'))

test('there is something to look at', () => {
  expect(scripts.length).toBeGreaterThan(20)
  expect(sheets.length).toBeGreaterThan(4)
})

test('no way from text to markup, and no inline style', () => {
  const MARKUP =
    /innerHTML|outerHTML|insertAdjacentHTML|document\.write|createContextualFragment|DOMParser|style=|\beval\(|new Function/
  for (const { file, text } of scripts) expect(MARKUP.exec(text)?.[0], file).toBeUndefined()
})

test('one file knows the toolkit', () => {
  const importers = scripts.filter(({ text }) => text.includes("'@vscode/webview-ui-toolkit")).map(({ file }) => file)
  expect(importers).toEqual(['toolkit.ts'])
})

test('of the extension it knows the contracts only, and how a text is translated', () => {
  for (const { file, text } of scripts) {
    for (const [, from] of text.matchAll(/from '([^']*\/src\/[^']*)'/g))
      expect(from, file).toMatch(/\/src\/(contracts\/|support\/l10n\.ts$)/)
  }
})

test('only colours of the theme, nothing from elsewhere', () => {
  for (const { file, text } of sheets) {
    expect(/#[0-9a-f]{3,8}\b|\brgba?\(|\bhsla?\(|url\(/i.exec(text)?.[0], file).toBeUndefined()
  }
})

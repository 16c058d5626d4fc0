import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import { afterEach, describe, expect, it } from 'vitest'
import { compareAll } from '../l10n/files.mjs'
import { findBypasses, findKeys } from '../l10n/keys.mjs'

const ROOT = resolve(import.meta.dirname, '../..')

describe('translations', () => {
  it('are made of whole sentences, whose values stand apart', () => {
    const { host, panel, glued } = findKeys(ROOT)
    expect(host.length).toBeGreaterThan(900)
    expect(panel.length).toBeGreaterThan(400)
    expect(glued).toEqual([])
  })

  it('are complete, have the same placeholders, and nothing that nobody says (npm run l10n)', () => {
    const compared = compareAll(ROOT)
    expect(compared.map(({ file }) => file).toSorted()).toEqual([
      'media/l10n/bundle.l10n.de.json',
      'media/l10n/panel.de.json',
      'package.nls.de.json',
    ])
    for (const { file, missing, unused, differing } of compared) {
      expect({ missing, unused, differing }, file).toEqual({ missing: [], unused: [], differing: [] })
    }
  })

  it('leave no literal to what shows something', () => {
    const told = findBypasses(ROOT, 'src/extension').map((found) => found.replace(/:\d+ /, ' '))
    // What is to be typed, and a name.
    expect(told).toEqual([
      "src/extension/commands/addGateway.ts 'ssh HOST countersign gateway --stdio --config gateway.json'",
      "src/extension/panel/panel.ts 'Countersign'",
    ])
  })
})

describe('the finder', () => {
  const folder = mkdtempSync(join(tmpdir(), 'l10n-'))
  afterEach(() => rmSync(folder, { recursive: true, force: true }))

  function write(files: Readonly<Record<string, string>>): void {
    for (const [path, text] of Object.entries(files)) {
      mkdirSync(dirname(join(folder, path)), { recursive: true })
      writeFileSync(join(folder, path), text)
    }
  }

  it('sees what is missing, unused, glued, or has other placeholders, and what bypasses it', () => {
    write({
      'src/extension/a.ts': [
        "window.showErrorMessage(bad ? 'It did not work.' : t('Good'))",
        'pick({ title: `Choose the key of ${name}` })',
        "throw new CountersignError('x', 'The file is gone.')",
        'throw new CountersignError("x", `The file ${path} is gone.`)',
        'report(t`Copied ${n} of ${all}`)',
        "notify.info('It worked.')",
      ].join('\n'),
      'webview/strings.ts': "export const strings = translated({ views: { one: 'One' } } as const)",
      'package.nls.json': '{ "command.x": "Do" }',
      'package.nls.de.json': '{}',
      'media/l10n/bundle.l10n.de.json': '{ "Good": "Gut", "Old": "Alt", "Copied {0} of {1}": "{0} kopiert" }',
      'media/l10n/panel.de.json': '{ "One": "Eins" }',
    })
    expect(findKeys(folder).glued).toEqual(['src/extension/a.ts:4'])
    expect(findBypasses(folder, 'src/extension')).toEqual([
      "src/extension/a.ts:1 'It did not work.'",
      'src/extension/a.ts:2 `Choose the key of ${name}`',
      "src/extension/a.ts:6 'It worked.'",
    ])
    expect(compareAll(folder)).toEqual([
      {
        file: 'media/l10n/bundle.l10n.de.json',
        missing: ['The file is gone.'],
        unused: ['Old'],
        differing: ['Copied {0} of {1}'],
      },
      { file: 'media/l10n/panel.de.json', missing: [], unused: [], differing: [] },
      { file: 'package.nls.de.json', missing: ['command.x'], unused: [], differing: [] },
    ])
  })
})

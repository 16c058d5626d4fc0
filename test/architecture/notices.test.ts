import { readdirSync, readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { describe, expect, it } from 'vitest'

const FOLDER = resolve(import.meta.dirname, '../../src/extension')

describe('what the editor tells a person', () => {
  const files = readdirSync(FOLDER, { recursive: true, encoding: 'utf8' }).filter((file) => file.endsWith('.ts'))

  it('goes through notify.ts where it could have a link in it, which all but modal dialogs do', () => {
    const shown: string[] = []
    const others: string[] = []
    for (const file of files.filter((file) => file !== 'notify.ts')) {
      const text = readFileSync(join(FOLDER, file), 'utf8')
      for (const { index, 0: call } of text.matchAll(/\.show(?:Information|Warning|Error)Message\b/g)) {
        shown.push(file)
        if (!/\{ modal: true\b/.test(argumentsAt(text, index + call.length))) others.push(file)
      }
    }
    expect(shown.length).toBeGreaterThan(10)
    expect(others).toEqual([])
  })
})

/** From an opening parenthesis to its end; nothing where there is none. */
function argumentsAt(text: string, start: number): string {
  let depth = 0
  for (let at = start; at < text.length; at += 1) {
    if (text[at] === '(') depth += 1
    if (text[at] === ')') depth -= 1
    if (depth === 0) return text.slice(start, at)
  }
  return ''
}

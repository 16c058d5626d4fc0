import { expect, it } from 'vitest'
import { pathHere } from '../../../src/extension/pathHere.ts'

it('takes files of this machine, and no path of another file system for one', () => {
  expect(pathHere({ scheme: 'file', fsPath: '/home/a/keys.json' })).toBe('/home/a/keys.json')
  for (const scheme of ['vscode-vfs', 'untitled', 'memfs', '']) {
    expect(() => pathHere({ scheme, fsPath: '/home/a/keys.json' })).toThrow(expect.objectContaining({ code: 'usage' }))
  }
})

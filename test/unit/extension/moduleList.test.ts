import { expect, it } from 'vitest'
import { withModule } from '../../../src/extension/commands/modules/moduleList.ts'

it('a module that is added again keeps what a person said of it, and goes to the end', () => {
  const soft = { path: '/a.so', name: 'Soft', software: true, lanes: 2 }
  const other = { path: '/a.so', libraryParameters: 'x' }
  const before = [soft, other, 'wrong']
  expect(withModule(before, { path: '/a.so' })).toEqual([other, 'wrong', soft])
  expect(withModule(before, { path: '/a.so', libraryParameters: 'x' })).toEqual([soft, 'wrong', other])
  expect(withModule(undefined, { path: '/b.so' })).toEqual([{ path: '/b.so' }])
})

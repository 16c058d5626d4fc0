import { execFile } from 'node:child_process'
import { beforeAll, describe, expect, it } from 'vitest'
import { type Bundles, buildChain } from './build.ts'

let bundles: Bundles
beforeAll(async () => {
  bundles = await buildChain()
})

function countersign(...args: string[]): Promise<{ code: number; out: string; err: string }> {
  return new Promise((resolve) => {
    const child = execFile(process.execPath, [bundles.cli, ...args], (_error, out, err) =>
      resolve({ code: child.exitCode ?? -1, out, err }),
    )
  })
}

describe('the command line', () => {
  it.each([
    '',
    'identity',
    'identity create',
    'identity rotate',
    'identity announce',
    'identity ring',
    'gateway',
    'authorize',
    'connect',
    'trust',
    'export',
    'verify',
    'journal',
  ])('explains itself: %s --help, and -h', async (command) => {
    const words = command === '' ? [] : command.split(' ')
    const long = await countersign(...words, '--help')
    expect(long).toMatchObject({ code: 0, err: '' })
    expect(long.out).toContain(`countersign ${words[0] ?? 'verify'}`)
    expect(await countersign(...words, '-h')).toEqual(long)
  })

  it.each([
    ['gateway', /Say which configuration/, 'gateway'],
    ['gateway --config a --wrong', /Unknown option '--wrong'/, 'gateway'],
    ['identity retire', /Say which configuration/, 'identity retire'],
    ['trust confirm abc --config x', /abc is no kid/, 'trust'],
    ['journal keygen', /Say what to do with a journal/, 'journal'],
    ['journal list --wrong', /Unknown option '--wrong'/, 'journal'],
    ['export --config x --out y', /A bundle's name ends in/, 'export'],
  ])('says what is wrong and where to read on, and no more: %s', async (command, wrong, help) => {
    const { code, out, err } = await countersign(...command.split(' '))
    expect([code, out]).toEqual([2, ''])
    expect(err).toMatch(wrong)
    expect(err.trimEnd().split('\n').at(-1)).toBe(`Say "countersign ${help} --help" for its arguments.`)
    expect(err.trimEnd().split('\n')).toHaveLength(2)
  })

  it('lists its commands where none, or none of them, was named', async () => {
    for (const words of [[], ['bogus'], ['constructor']]) {
      const { code, err } = await countersign(...words)
      expect(code).toBe(2)
      expect(err).toContain('countersign verify [--trust')
    }
  })
})

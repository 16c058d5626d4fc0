import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { parties } from '../../fakes/evidenceBundle.ts'
import { Forger } from '../../fakes/forgeries/forger.ts'
import { FORGED_BATCHES, FORGED_LINES, FORGED_MANIFESTS } from '../../fakes/forgeries/lines.ts'
import { SIGNED_FORGERIES } from '../../fakes/forgeries/signed.ts'
import { FORGED_STATEMENTS } from '../../fakes/forgeries/statements.ts'
import { type Case, independent, ours, type Ruling } from './independent.ts'

const FORGERIES = Object.entries({
  ...FORGED_STATEMENTS,
  ...FORGED_LINES,
  ...FORGED_BATCHES,
  ...FORGED_MANIFESTS,
  ...SIGNED_FORGERIES,
})

let folder: string
const cases = new Map<string, Case>()
const rulings = new Map<string, Ruling>()

beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'countersign-forged-'))
  const of = await parties()
  const real = await Forger.create(of)
  for (const [number, [name, { forge, trust }]] of FORGERIES.entries()) {
    const file = path.join(folder, `${number}.countersign`)
    await writeFile(file, await forge(real))
    cases.set(name, { file, trust: trust?.(of) ?? [of.client.kid, of.gateway.kid] })
  }
  const theirs = await independent([...cases.values()])
  for (const [at, name] of [...cases.keys()].entries())
    rulings.set(name, theirs[at] ?? { code: -1, lines: [], states: [] })
}, 300_000)

afterAll(() => rm(folder, { recursive: true, force: true }))

it('there are more than a hundred kinds of forgery', () => {
  expect(FORGERIES.length).toBeGreaterThan(100)
})

it.each(FORGERIES)('is false to both verifiers, with the reason: %s', async (name, { reason }) => {
  const forged = cases.get(name)
  const there = rulings.get(name)
  if (forged === undefined || there === undefined) throw new Error('It was not forged.')
  const here = await ours(forged)
  expect(here.code, here.lines.join('\n')).toBe(1)
  expect(here.lines.filter((line) => line.startsWith('FALSE')).join('\n')).toMatch(reason)
  expect(there.code, there.lines.join('\n')).toBe(1)
  // What does not begin as a bundle is read as a journal here, and not at all there.
  const isBundle = !here.lines.some((line) => line.includes('not one of a journal'))
  if (isBundle) expect(there.states, there.lines.join('\n')).toEqual(here.states)
  // Each says why, in words of its own.
  for (const line of there.lines.filter((one) => one.startsWith('FALSE'))) expect(line).toMatch(/ · .{10}/)
})

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Worker } from 'node:worker_threads'
import { build } from 'esbuild'
import { afterAll, describe, expect, it } from 'vitest'
import { CountersignError } from '../../src/support/errors.ts'
import { corpusTargets, keepInput, readCorpus } from './engine/corpus.ts'
import { fuzzTarget } from './engine/fuzz.ts'
import { Random } from './engine/random.ts'
import { must, parses, runInput, type Target } from './engine/target.ts'
import { watch, Watched } from './engine/watch.ts'
import { TARGETS } from './targets/all.ts'

const CORPUS = join(import.meta.dirname, 'corpus')
/** The same every time: a test that fails for one person fails for all. `npm run fuzz` takes another seed each time. */
const SEED = 'test'
const INPUTS = 100

const folder = mkdtempSync(join(tmpdir(), 'countersign-fuzz-'))
afterAll(() => rmSync(folder, { recursive: true }))

describe('every parser of what others send', () => {
  it('is a target once', () => {
    expect(TARGETS.length).toBeGreaterThan(50)
    expect(new Set(TARGETS.map(({ name }) => name)).size).toBe(TARGETS.length)
    for (const { name, seeds } of TARGETS) expect(seeds.length, name).toBeGreaterThan(0)
  })

  it.each(TARGETS.map((target) => [target.name, target] as const))('returns or refuses: %s', async (name, target) => {
    const { report, finding } = await fuzzTarget(target, {
      seed: SEED,
      inputs: INPUTS,
      corpus: readCorpus(CORPUS, name),
    })
    const hex = Buffer.from(finding?.input ?? []).toString('hex')
    expect(finding?.message, `seed ${SEED}, input ${hex}`).toBeUndefined()
    expect(report.accepted).toBeGreaterThan(0)
  })

  it('has the inputs that once found something, each in the folder of a target', () => {
    const folders = corpusTargets(CORPUS)
    expect(folders.length).toBeGreaterThan(0)
    expect(folders.filter((name) => !TARGETS.some((target) => target.name === name))).toEqual([])
  })
})

/** A parser of digits with a mistake: what the fuzzer must find in it. */
function faulty(run: Target['run'], codes: Target['codes'] = ['decode']): Target {
  return { name: 'faulty', format: 'json', codes, seeds: [Buffer.from('{"a":1}')], tokens: ['b'], run }
}
const plan = { seed: '1', inputs: 5000, corpus: [] }
const textOf = (bytes: Uint8Array): string => Buffer.from(bytes).toString('latin1')

describe('the fuzzer', () => {
  const MISTAKES: Readonly<Record<string, readonly [Target, RegExp]>> = {
    'another error': [faulty(parses((bytes) => JSON.parse(textOf(bytes)) as unknown)), /throws SyntaxError/],
    'an error that the parser does not name': [
      faulty((bytes) => {
        if (bytes.length > 40) throw new CountersignError('limit', 'Too long.')
      }),
      /throws the code "limit"/,
    ],
    'a sentence that a peer can make as long as it likes': [
      faulty((bytes) => {
        if (!textOf(bytes).startsWith('{')) throw new CountersignError('decode', textOf(bytes).repeat(1000))
      }),
      /grows with its input/,
    ],
    'a property that does not hold': [
      faulty((bytes) => must(!textOf(bytes).includes('"b"'), 'reads a member that it should not')),
      /reads a member that it should not/,
    ],
    'a refusal of what our own encoder made': [
      faulty(() => {
        throw new CountersignError('decode', 'No.')
      }),
      /refuses what our own encoder made/,
    ],
  }
  for (const [mistake, [target, message]] of Object.entries(MISTAKES)) {
    it(`finds ${mistake}, and the input repeats it`, async () => {
      const { finding } = await fuzzTarget(target, plan)
      expect(finding?.message).toMatch(message)
      const again = await runInput(
        target,
        finding?.input ?? new Uint8Array(0),
        Random.of(finding?.input ?? new Uint8Array(0)),
      ).catch((thrown: unknown) => thrown)
      expect(again === 'refused' || again instanceof Error).toBe(true)
    })
  }

  it('makes the same inputs of the same seed, and others of another', async () => {
    const inputs = async (seed: string): Promise<string[]> => {
      const seen: string[] = []
      await fuzzTarget(
        faulty((bytes) => void seen.push(textOf(bytes))),
        { ...plan, seed },
      )
      return seen
    }
    const first = await inputs('1')
    expect(await inputs('1')).toEqual(first)
    expect(await inputs('2')).not.toEqual(first)
    expect(new Set(first).size).toBeGreaterThan(1500)
  })

  it('makes a finding shorter', async () => {
    const target = faulty((bytes) => must(!textOf(bytes).includes('b'), 'no b'))
    const { finding } = await fuzzTarget(target, plan)
    expect(textOf(finding?.input ?? new Uint8Array(0))).toBe('b')
  })

  it('finds memory that is not given back', async () => {
    const kept: Uint8Array[] = []
    // Far more than what others left behind and is collected meanwhile: nothing is collected on purpose here.
    const leaking = faulty(() => void kept.push(new Uint8Array(20_000)))
    const { finding } = await fuzzTarget(leaking, { ...plan, inputs: 8000, collect: () => {} })
    expect(finding?.message).toMatch(/keeps \d+ bytes of memory/)
  })

  it('keeps a finding where the next run begins with it', () => {
    const input = Uint8Array.of(1, 2, 3)
    keepInput(folder, 'a-target', input)
    keepInput(folder, 'a-target', input)
    expect(readCorpus(folder, 'a-target')).toEqual([input])
    expect(readCorpus(folder, 'another')).toEqual([])
  })

  it('ends a parser that hangs, and says on what', async () => {
    const contents = `
      import { workerData } from 'node:worker_threads'
      import { Watched } from './watch.ts'
      const watched = new Watched(workerData)
      for (let count = 0; count < 3; count++) { watched.begin(1, Uint8Array.of(1)); watched.end() }
      watched.begin(7, Uint8Array.of(4, 2))
      for (;;);`
    const { outputFiles } = await build({
      stdin: { contents, resolveDir: join(import.meta.dirname, 'engine'), loader: 'ts' },
      bundle: true,
      write: false,
      platform: 'node',
      format: 'cjs',
    })
    const watched = new Watched()
    const worker = new Worker(outputFiles[0]?.text ?? '', { eval: true, workerData: watched.memory })
    const ended = new Promise((resolve) => worker.on('exit', resolve))
    const unwatch = watch(watched, () => void worker.terminate())
    await ended
    unwatch()
    expect(watched.current()).toEqual({ target: 7, input: Uint8Array.of(4, 2) })
  })
})

import { spawnSync } from 'node:child_process'
import { chmod, mkdtemp, readdir, readFile, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'
import * as fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { encodeUtf8 } from '../../../src/crypto/encoding.ts'
import { sha384 } from '../../../src/crypto/hash.ts'
import { FIRST_PREV, parseLine } from '../../../src/evidence/journal/format.ts'
import { Journal, type JournalOptions } from '../../../src/evidence/journal/journal.ts'
import { inOrder } from '../../../src/evidence/journal/names.ts'
import { readLines } from '../../../src/evidence/journal/lines.ts'
import { type JournalItem, readJournal } from '../../../src/evidence/journal/reader.ts'
import type { EvidenceEntry } from '../../../src/evidence/types.ts'
import { SeedSigner } from '../../fakes/seedSigner.ts'
import { End, NOW, QUESTION } from './build.ts'

let root: string
let entries: EvidenceEntry[]

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'countersign-journal-'))
  const client = await SeedSigner.create(1)
  const end = new End('c2s', client, (await SeedSigner.create(2)).kid)
  for (let batch = 0; batch < 2; batch++) {
    const statements = [0, 1, 2].map(() => end.statement(QUESTION, { method: 'tools/call', id: '41' }))
    const evidence = await end.batch(statements, [QUESTION, QUESTION, QUESTION])
    entries = [...(entries ?? []), ...evidence.map((one) => ({ ...one, how: 'sent' as const, at: NOW }))]
  }
})

afterAll(() => rm(root, { recursive: true, force: true }))

async function journal(options: Partial<JournalOptions> = {}): Promise<Journal> {
  return await Journal.open({ folder: await mkdtemp(join(root, 'j-')), ...options })
}

/** A closed journal with all entries, as lines without line feeds. */
async function lines(options: Partial<JournalOptions> = {}): Promise<string[]> {
  const written = await journal(options)
  await Promise.all(entries.map((entry) => written.append(entry)))
  await written.close()
  return (await readFile(written.path, 'utf8')).split('\n').slice(0, -1)
}

async function read(text: string | Uint8Array, chunk = 1000): Promise<JournalItem[]> {
  const bytes = Buffer.from(text)
  const chunks = Array.from({ length: Math.ceil(bytes.length / chunk) }, (_, at) =>
    bytes.subarray(at * chunk, (at + 1) * chunk),
  )
  return await all(readJournal(streamOf(chunks)))
}

async function all<T>(items: AsyncIterable<T>): Promise<T[]> {
  const found: T[] = []
  for await (const item of items) found.push(item)
  return found
}

async function* streamOf(chunks: readonly Uint8Array[]): AsyncGenerator<Uint8Array> {
  yield* chunks
}

function text(all: readonly string[]): string {
  return all.map((line) => `${line}\n`).join('')
}

function problems(items: readonly JournalItem[]): string[] {
  return items.flatMap((item) => (item.kind === 'entry' ? [] : [`${item.line} ${item.kind}`]))
}

describe('a journal', () => {
  it('gives back what was put in, whatever the chunks it is read in', async () => {
    const all = await lines()
    for (const chunk of [1, 7, 4096, 1 << 20]) {
      const items = await read(text(all), chunk)
      expect(problems(items)).toEqual([])
      for (const [at, item] of items.entries()) {
        const { signer, ...expected } = entries[at] ?? fail()
        expect(item).toMatchObject({ kind: 'entry', entry: { ...expected, signer: { kid: signer.kid } } })
      }
    }
  })

  it('names key and batch once, numbers and chains its lines, and closes with the number of records', async () => {
    const parsed = (await lines()).map((line) => parseLine(encodeUtf8(line)))
    const record = 'record'
    expect(parsed.map(({ line }) => line.type)).toEqual([
      'segment',
      'key',
      'batch',
      record,
      record,
      record,
      'batch',
      record,
      record,
      record,
      'close',
    ])
    expect(parsed.map(({ n }) => n)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10])
    expect(parsed[0]?.prev).toBe(FIRST_PREV)
    const all = await lines()
    for (const [at, line] of all.slice(1).entries()) {
      expect(parseLine(encodeUtf8(line)).prev).toBe(
        Buffer.from(sha384(encodeUtf8(all[at] ?? ''))).toString('base64url'),
      )
    }
    expect(parsed.at(-1)?.line).toMatchObject({ records: 6 })
  })

  it('keeps digests only where it is told to', async () => {
    const all = await lines({ contexts: 'digest' })
    expect(text(all)).not.toContain(Buffer.from(QUESTION).toString('base64url').slice(0, 20))
    const items = await read(text(all))
    expect(items.map((item) => item.kind === 'entry' && item.entry.context)).toEqual(Array(6).fill(undefined))
  })

  it('is a file of its own, for its owner only, in a folder for its owner only', async () => {
    const folder = join(root, 'new', 'folder')
    const [one, two] = await Promise.all([journal({ folder }), journal({ folder })])
    expect((await readdir(folder)).filter((name) => name.endsWith('.jsonl')).length).toBe(2)
    expect((await stat(one.path)).mode & 0o777).toBe(0o600)
    expect((await stat(folder)).mode & 0o777).toBe(0o700)
    expect(one.path).toMatch(/countersign-\d{4}-\d\d-\d\dT\d\d-\d\d-\d\dZ-[\w-]{12}-000000\.jsonl$/)
    await Promise.all([one.close(), two.close()])
  })

  it('refuses a folder in which others may write', async () => {
    const folder = await mkdtemp(join(root, 'open-'))
    await chmod(folder, 0o777)
    await expect(journal({ folder })).rejects.toMatchObject({ code: 'file-permissions' })
    await expect(journal({ folder: '/dev/null/x' })).rejects.toMatchObject({ code: 'journal-write' })
  })

  it('takes nothing after it was closed, and can be closed twice', async () => {
    const written = await journal()
    await Promise.all([written.close(), written.close()])
    await expect(written.append(entries[0] ?? fail())).rejects.toMatchObject({ code: 'journal-write' })
    expect(problems(await read(await readFile(written.path)))).toEqual([])
  })

  it('survives kill -9: what was promised is in the file', async () => {
    const folder = join(root, 'killed')
    // The entry travels to the child as a journal too; everything else there is the product's own code.
    const program = `
      import { createReadStream } from 'node:fs'
      import { Journal } from './src/evidence/journal/journal.ts'
      import { readJournal } from './src/evidence/journal/reader.ts'
      const journal = await Journal.open({ folder: ${JSON.stringify(folder)} })
      for await (const item of readJournal(createReadStream(process.argv[2] ?? ''))) {
        if (item.kind === 'entry') await journal.append(item.entry)
      }
      process.kill(process.pid, 'SIGKILL')`
    const outfile = join(root, 'killed.mjs')
    const resolveDir = fileURLToPath(new URL('../../..', import.meta.url))
    const banner = { js: "import { createRequire } from 'node:module';const require=createRequire(import.meta.url);" }
    await build({
      stdin: { contents: program, resolveDir, loader: 'ts' },
      bundle: true,
      platform: 'node',
      format: 'esm',
      outfile,
      banner,
      logLevel: 'error',
    })
    const source = await journal()
    for (const entry of entries) await source.append(entry)
    const { signal, stderr } = spawnSync(process.execPath, [outfile, source.path], { encoding: 'utf8' })
    expect([signal, stderr]).toEqual(['SIGKILL', ''])
    const [file = ''] = inOrder(await readdir(folder))
    const items = await read(await readFile(join(folder, file)))
    expect(items.filter(({ kind }) => kind === 'entry')).toHaveLength(entries.length)
    expect(problems(items)).toEqual(['10 incomplete'])
    await source.close()
  })
})

describe('a journal that was changed', () => {
  it('is incomplete without its end, with its last line torn, or with lines cut out', async () => {
    const all = await lines()
    expect(problems(await read(text(all.slice(0, -1))))).toEqual(['10 incomplete'])
    expect(problems(await read(text(all).slice(0, -40)))).toEqual(['11 incomplete'])
    expect(problems(await read(text(all.toSpliced(4, 1))))).toEqual(['5 incomplete', '10 incomplete'])
    expect(problems(await read(''))).toEqual(['0 incomplete'])
    // Without the batch line its three records cannot be verified.
    expect(problems(await read(text(all.toSpliced(6, 1)))).length).toBe(4)
  })

  it('is altered with a byte changed, lines swapped, repeated, added behind the end, or put in', async () => {
    const all = await lines()
    const [first = '', , second = '', third = '', fourth = ''] = all
    const altered = async (changed: readonly string[]) =>
      problems(await read(text(changed))).filter((problem) => problem.endsWith('altered'))
    expect(await altered(all.with(3, third.replace('"sent"', '"received"')))).not.toEqual([])
    expect(await altered(all.with(3, fourth).with(4, third))).not.toEqual([])
    expect(await altered(all.toSpliced(3, 0, third))).not.toEqual([])
    expect(await altered([...all, first])).toEqual(['12 altered'])
    expect(await altered([...all, second])).toEqual(['12 altered'])
    expect(await altered(all.toSpliced(5, 0, first))).toContain('6 altered')
    expect(await altered(all.with(4, '{}'))).toContain('5 altered')
    expect(await altered(all.with(4, `${all[4]} `))).toContain('6 altered')
    const forged = all.with(
      2,
      second.replace(/"digest":"./, (found) => `${found.slice(0, -1)}${found.endsWith('A') ? 'B' : 'A'}`),
    )
    expect(await altered(forged)).toContain('3 altered')
  })

  it('is read to its end and found out whatever one byte is changed to', async () => {
    const all = await lines()
    const whole = Buffer.from(text(all))
    // The time in the last line is the one thing that no line after it vouches for.
    const vouched = Buffer.byteLength(text(all.slice(0, -1)))
    await fc.assert(
      fc.asyncProperty(fc.nat(vouched - 1), fc.integer({ min: 1, max: 255 }), async (at, flip) => {
        const changed = Buffer.from(whole)
        changed.writeUInt8(changed.readUInt8(at) ^ flip, at)
        expect(problems(await read(changed, 1 << 20))).not.toEqual([])
      }),
      { numRuns: 60 },
    )
  })

  it('does not make a reader hold a line that is too long', async () => {
    const long = Array.from({ length: 50 }, () => Buffer.alloc(100, 0x61))
    const found = await all(readLines(streamOf([...long, Buffer.from('\nshort\nend')]), 1000))
    expect(found.map(({ bytes, complete }) => [bytes?.toString(), complete])).toEqual([
      [undefined, true],
      ['short', true],
      ['end', false],
    ])
  })
})

function fail(): never {
  throw new Error('a test has no entry')
}

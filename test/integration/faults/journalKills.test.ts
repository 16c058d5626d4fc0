import { spawn } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { Journal } from '../../../src/evidence/journal/journal.ts'
import { openJournal } from '../../../src/evidence/journal/store.ts'
import { randomOf } from '../../faults/counts.ts'
import { SeedSigner } from '../../fakes/seedSigner.ts'
import { End, NOW, QUESTION } from '../../unit/evidence/build.ts'

/** `npm run faults` does the same three hundred times, with the programs themselves. */
const KILLS = 10
const SEED = Number(process.env['FAULTS_SEED'] ?? Date.now() % 2 ** 32)

let root: string
let source: string
const writer = (): string => join(root, 'writer.mjs')

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'countersign-kills-'))
  const signer = await SeedSigner.create(1)
  const end = new End('c2s', signer, (await SeedSigner.create(2)).kid)
  const statements = [0, 1, 2, 3, 4].map(() => end.statement(QUESTION, { method: 'tools/call', id: '41' }))
  const evidence = await end.batch(statements, Array(5).fill(QUESTION))
  const journal = await Journal.open({ folder: join(root, 'source') })
  for (const one of evidence) await journal.append({ ...one, how: 'sent', at: NOW })
  await journal.close()
  source = journal.path
  await build({
    entryPoints: [fileURLToPath(new URL('journalWriter.ts', import.meta.url))],
    bundle: true,
    platform: 'node',
    format: 'esm',
    outfile: writer(),
    banner: { js: "import { createRequire } from 'node:module';const require=createRequire(import.meta.url);" },
    logLevel: 'error',
  })
})

afterAll(() => rm(root, { recursive: true, force: true }))

/** Writes until it is killed, some time after its first promise. @returns how many entries were promised */
async function writeAndKill(folder: string, after: number): Promise<number> {
  const child = spawn(process.execPath, [writer(), source, folder], { stdio: ['ignore', 'pipe', 'inherit'] })
  let out = ''
  child.stdout.on('data', (chunk: Buffer) => {
    if (out === '') setTimeout(() => child.kill('SIGKILL'), after)
    out += chunk.toString()
  })
  const signal = await new Promise((resolve) => child.once('close', (_, by) => resolve(by)))
  expect(signal).toBe('SIGKILL')
  // The last line may be half written: it is no promise that anybody heard.
  return Number(out.slice(0, out.lastIndexOf('\n')).split('\n').at(-1))
}

it(`a journal whose writer is killed has all that was promised, and goes on (FAULTS_SEED=${SEED})`, async () => {
  const random = randomOf(SEED)
  const folder = join(root, 'killed')
  let promised = 0
  for (let kill = 0; kill < KILLS; kill++) promised += await writeAndKill(folder, random() * 60)
  const last = await Journal.open({ folder })
  await last.close()
  const journal = await openJournal(folder)
  expect(new Set(journal.files.map(({ series }) => series)).size).toBe(1)
  let entries = 0
  const problems: string[] = []
  for await (const item of journal.read()) {
    if (item.kind === 'entry') entries += 1
    else if (item.kind === 'altered') problems.push(`${item.file}:${item.line} ${item.detail}`)
    else if (item.kind === 'incomplete' && item.detail.includes('missing between')) problems.push(item.detail)
  }
  expect(problems).toEqual([])
  expect(promised).toBeGreaterThan(KILLS)
  expect(entries).toBeGreaterThanOrEqual(promised)
})

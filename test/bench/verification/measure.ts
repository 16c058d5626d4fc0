import { createReadStream } from 'node:fs'
import { Journal } from '../../../src/evidence/journal/journal.ts'
import { readJournal } from '../../../src/evidence/journal/reader.ts'
import { SeedSigner } from '../../fakes/seedSigner.ts'
import { findInPath, run } from '../../setup/run.mjs'
import { End, QUESTION } from '../../unit/evidence/build.ts'
import { type Measured, type Ratio, ratio, type Setting } from '../measured.ts'
import { median } from '../stats.ts'

const RECORDS = 10_000
/** Both divide it; the more statements a batch has, the fewer signatures there are to verify. */
const BATCHES = [16, 50] as const

/** `countersign verify` over a journal on disk: reading, hashing, proofs, signatures, chains. On one core where that can be said. */
export async function measureVerification({ root, folder, rounds }: Setting): Promise<Measured> {
  const taskset = findInPath('taskset')
  const [command, ...pinned] = [...(taskset === undefined ? [] : [taskset, '-c', '0']), process.execPath]
  const rows: { name: string; values: number[] }[] = []
  const ratios: Record<string, Ratio> = {}
  const journals = []
  for (const batch of BATCHES)
    journals.push({ batch, ...(await write(`${folder}/${batch}`, batch)), runs: [] as Run[] })
  for (let round = 0; round < rounds; round++) {
    for (const { kid, path, runs } of journals) {
      const out = await run(command ?? process.execPath, [...pinned, `${root}test/output/bench/verify.mjs`, kid, path])
      const found: Run = JSON.parse(out)
      // 2: holds, as far as one end's journal says.
      if (found.code !== 0 && found.code !== 2)
        throw new Error(`what was just written does not verify (exit ${found.code})`)
      runs.push(found)
    }
  }
  for (const { batch, runs } of journals) {
    const seconds = median(runs.map((one) => one.seconds))
    rows.push({ name: `batches of ${batch}`, values: [RECORDS / seconds, seconds, median(runs.map(({ cpu }) => cpu))] })
    ratios[`seconds for 10,000 evidence records, batches of ${batch}`] = ratio(seconds, '<=', 1)
  }
  const title = `verification, ${RECORDS} evidence records`
  const skipped = taskset === undefined ? ['verification on one core: there is no taskset, all cores were allowed'] : []
  return { tables: [{ title, columns: ['records/s', 'seconds', 'CPU seconds'], rows }], ratios, skipped }
}

interface Run {
  readonly code: number
  readonly seconds: number
  readonly cpu: number
}

/** A journal of one direction of one session. */
async function write(folder: string, size: number): Promise<{ readonly kid: string; readonly path: string }> {
  const signer = await SeedSigner.create(1)
  const peer = await SeedSigner.create(2)
  const journal = await Journal.open({ folder })
  const end = new End('c2s', signer, peer.kid)
  for (let written = 0; written < RECORDS; written += size) {
    const contexts = Array.from({ length: size }, () => QUESTION)
    const statements = contexts.map((context, index) =>
      end.statement(context, { exchange: written + index + 1, method: 'tools/call', id: '41' }),
    )
    const batch = await end.batch(statements, contexts)
    await Promise.all(batch.map((evidence) => journal.append({ ...evidence, how: 'sent', at: Date.now() })))
  }
  await journal.close()
  let records = 0
  for await (const item of readJournal(createReadStream(journal.path))) records += item === undefined ? 0 : 1
  if (records < RECORDS) throw new Error(`the journal holds ${records} records`)
  return { kid: signer.kid, path: journal.path }
}

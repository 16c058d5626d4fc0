import { createReadStream } from 'node:fs'
import { readJournal } from '../../src/evidence/journal/reader.ts'
import { Journal } from '../../src/evidence/journal/journal.ts'
import { runVerify } from '../../src/cli/verify.ts'
import { End, QUESTION } from '../unit/evidence/build.ts'
import { SeedSigner } from '../fakes/seedSigner.ts'
import type { Measured, Setting } from './measured.ts'

const RECORDS = 9_984
const BATCH = 64

/** `countersign verify` over a journal on disk: reading, hashing, proofs, signatures, chains. */
export async function measureVerification({ folder }: Setting): Promise<Measured> {
  const signer = await SeedSigner.create(1)
  const peer = await SeedSigner.create(2)
  const journal = await Journal.open({ folder: `${folder}/journal` })
  const end = new End('c2s', signer, peer.kid)
  for (let written = 0; written < RECORDS; written += BATCH) {
    const contexts = Array.from({ length: BATCH }, () => QUESTION)
    const statements = contexts.map((context, index) =>
      end.statement(context, { exchange: written + index, method: 'tools/call', id: '41' }),
    )
    const batch = await end.batch(statements, contexts)
    await Promise.all(batch.map((evidence) => journal.append({ ...evidence, how: 'sent', at: Date.now() })))
  }
  await journal.close()
  let lines = 0
  for await (const item of readJournal(createReadStream(journal.path))) lines += item === undefined ? 0 : 1
  const started = performance.now()
  const code = await runVerify(['--trust', signer.kid, journal.path], { stdout: () => {}, stderr: () => {} })
  const seconds = (performance.now() - started) / 1000
  if (code === 1 || lines < RECORDS) throw new Error(`the journal that was just written does not verify (exit ${code})`)
  const perSecond = RECORDS / seconds
  return {
    tables: [],
    skipped: [],
    ratios: {
      'seconds for 10,000 records': { value: 10_000 / perSecond, goal: '<= 1', holds: 10_000 / perSecond <= 1 },
    },
  }
}

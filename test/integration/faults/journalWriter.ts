import { createReadStream } from 'node:fs'
import { writeSync } from 'node:fs'
import { Journal } from '../../../src/evidence/journal/journal.ts'
import { readJournal } from '../../../src/evidence/journal/reader.ts'
import type { EvidenceEntry } from '../../../src/evidence/types.ts'

/** A process that writes a journal until it is killed, and says after each entry that was promised how many there are. */
const [source = '', folder = ''] = process.argv.slice(2)
const entries: EvidenceEntry[] = []
for await (const item of readJournal(createReadStream(source))) if (item.kind === 'entry') entries.push(item.entry)
const journal = await Journal.open({ folder, segments: { bytes: 60_000 } })
let promised = 0
for (;;) {
  const batch = entries.map(async (entry) => {
    await journal.append(entry)
    promised += 1
    // Synchronously: a promise that a kill swallows on its way out would not be held against the journal.
    writeSync(1, `${promised}\n`)
  })
  await Promise.all(batch)
}

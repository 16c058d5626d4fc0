import type { Finding, Summary } from '../../src/evidence/offline.ts'
import { demand, type Report } from './report.ts'
import type { Stand } from './stand.ts'

/** What `verify` says of the end of a session whose agent killed the shim: nothing is false, and something may be missing. */
const CUT_OFF = /was not closed; later lines may be missing|no close statement/

/** When all is over: `countersign verify` over the journals of both ends, and each call of an agent found in them. */
export async function checkEvidence(stand: Stand, report: Report): Promise<void> {
  const { folder, kids } = stand
  const found: Finding[] = []
  await report.check('verify --trust: every record of both ends holds', async () => {
    const files = [...folder.journalFiles('gateways'), ...folder.journalFiles('clients')]
    const trust = kids.flatMap((kid) => ['--trust', kid])
    const verifier = folder.cli('verify', '--json', ...trust, ...files)
    await verifier.exited
    const lines = verifier.stdout.trimEnd().split('\n')
    const { summary }: { summary: Summary } = JSON.parse(lines.pop() ?? '')
    found.push(...lines.map((line): Finding => JSON.parse(line)))
    const wrong = found.filter(({ state, notes }) => state !== 'holds' && !notes.every((note) => CUT_OFF.test(note)))
    demand(wrong.length === 0, JSON.stringify(wrong.slice(0, 5), undefined, 1))
    demand(summary.records > 0 && summary.holds === summary.records, JSON.stringify(summary))
    const cut = summary.incomplete === 0 ? '' : `, ${summary.incomplete} notes on sessions that their agent cut off`
    process.stdout.write(`  ${summary.records} records of ${summary.sessions} sessions hold${cut}\n`)
  })
  for (const [server, asked] of stand.calls) {
    await report.check(`evidence of each of ${asked} calls of ${server}, at both ends`, async () => {
      const calls = found.flatMap(({ file, record }) => {
        const { statement } = record ?? {}
        const isCall = statement?.kind === 'request' && statement.method === 'tools/call'
        return isCall && statement.server === server ? [{ file, id: `${statement.sid} ${statement.seq}` }] : []
      })
      const gateways = new Set(folder.journalFiles('gateways'))
      const at = (isGateway: boolean): number =>
        new Set(calls.filter(({ file }) => gateways.has(file) === isGateway).map(({ id }) => id)).size
      demand(at(true) === asked && at(false) === asked, `gateway ${at(true)}, clients ${at(false)}`)
    })
  }
}

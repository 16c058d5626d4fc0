import { parseArgs } from 'node:util'
import { buildChain } from '../integration/chain/build.ts'
import { conformance } from '../setup/conformance.mjs'
import { countChecks, differences, protectsFromRebinding } from './compare.ts'
import { LEGS } from './legs.ts'
import { Stand } from './stand.ts'

const { values } = parseArgs({ options: { only: { type: 'string' }, log: { type: 'boolean' } } })
const output = process.env['CONFORMANCE_OUTPUT'] ?? '.'
const installed = await conformance()
const stand = await Stand.create(installed, await buildChain())
let wrong = 0
try {
  for (const [index, leg] of LEGS.entries()) {
    if (values.only !== undefined && !leg.name.includes(values.only)) continue
    const started = Date.now()
    const { direct, through } = await leg.run(stand, installed, `${output}/${index}`)
    const found = differences(direct, through)
    const isUnprotected = leg.name.startsWith('server') && !protectsFromRebinding(through)
    wrong += found.length + (isUnprotected ? 1 : 0)
    const seconds = ((Date.now() - started) / 1000).toFixed(0)
    process.stdout.write(`${leg.name}: ${found.length} differences in ${through.size} scenarios (${seconds} s)\n`)
    process.stdout.write(`  direct  ${shown(countChecks(direct))}\n  through ${shown(countChecks(through))}\n`)
    for (const { scenario, check, ...said } of found) {
      process.stdout.write(`  ${scenario}: ${check}: direct ${said.direct}, through us ${said.through}\n`)
    }
    if (isUnprotected) process.stdout.write('  dns-rebinding-protection: through us not passed\n')
  }
} finally {
  if (values.log === true) process.stderr.write(stand.said())
  await stand.close()
}
process.stdout.write(`${wrong} differences in all\n`)
process.exit(wrong === 0 ? 0 : 1)

function shown(counts: Readonly<Record<string, number>>): string {
  const order = Object.entries(counts).toSorted(([one], [other]) => one.localeCompare(other))
  return order.map(([status, count]) => `${count} ${status}`).join(', ')
}

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { differences, protectsFromRebinding } from '../../conformance/compare.ts'
import { SERVER_LEGS } from '../../conformance/legs.ts'
import { Stand } from '../../conformance/stand.ts'
import { type Conformance, conformance } from '../../setup/conformance.mjs'
import { buildChain } from '../chain/build.ts'

/** The part of `npm run conformance` that fits between other tests: the newer suite, against servers. */
const installed = await conformance().catch((error: unknown) => String(error))
const title =
  typeof installed === 'string' ? `the conformance suite is not here: ${installed}` : 'MCP’s conformance suite'

describe.skipIf(typeof installed === 'string')(title, () => {
  const output = mkdtempSync(path.join(tmpdir(), 'countersign-conformance-'))
  let stand: Stand
  let tools: Conformance

  beforeAll(async () => {
    if (typeof installed === 'string') throw new Error(installed)
    tools = installed
    stand = await Stand.create(installed, await buildChain())
  })

  afterAll(async () => {
    await stand.close()
    rmSync(output, { recursive: true, force: true })
  })

  // A suite starts thirty server processes one after the other: the limit is for a machine that does other things as well.
  it.each(SERVER_LEGS.map((leg) => [leg.name, leg] as const))(
    'finds no difference: %s',
    { timeout: 600_000 },
    async (name, leg) => {
      const { direct, through } = await leg.run(stand, tools, path.join(output, name))
      expect(direct.size).toBeGreaterThan(30)
      expect(differences(direct, through)).toEqual([])
      expect(protectsFromRebinding(through)).toBe(true)
    },
  )
})

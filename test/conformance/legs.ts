import type { Conformance, SuiteVersion } from '../setup/conformance.mjs'
import type { Checks } from './compare.ts'
import { CLIENT, CLIENT_THROUGH, type FixtureServer, type Stand } from './stand.ts'
import { runSuite } from './suite.ts'

/** One comparison: the same suite at the same revision, without us and through us. */
export interface Leg {
  readonly name: string
  run(
    stand: Stand,
    installed: Conformance,
    output: string,
  ): Promise<{ readonly direct: Checks; readonly through: Checks }>
}

type Upstream = 'http' | 'stdio'

/**
 * The suite cannot speak stdio, so a stdio server is compared with the same fixture on HTTP, in the manner that is also
 * possible on stdio: no ids on its events to resume by (those are made by an HTTP transport, and behind HTTP they are there).
 */
function serverLeg(
  suite: SuiteVersion,
  revision: string,
  fixture: FixtureServer,
  upstream: Upstream,
  args: string[],
): Leg {
  return {
    name: `server ${revision}, suite ${suite}, ${upstream} upstream`,
    async run(stand, installed, output) {
      const own = await stand.server(fixture, ...(upstream === 'http' ? ['resumable'] : []))
      const front = upstream === 'http' ? await stand.throughHttp(own) : await stand.throughStdio(fixture)
      const against = (url: string, name: string): Promise<Checks> =>
        runSuite({ installed, suite, args: ['server', '--url', url, ...args], output: `${output}/${name}` })
      return { direct: await against(own, 'direct'), through: await against(front, 'through') }
    },
  }
}

function clientLeg(suite: SuiteVersion, revision: string, generation: 1 | 2, scenarios: readonly string[]): Leg {
  return {
    name: `client ${revision}, suite ${suite}`,
    async run(stand, installed, output) {
      const chains = await stand.chainsOnDemand()
      const with_ = async (program: string, name: string): Promise<Checks> => {
        const command = `"${process.execPath}" "${program}" ${generation}`
        const checks = new Map<string, ReadonlyMap<string, readonly string[]>>()
        for (const scenario of scenarios) {
          const args = ['client', '--command', command, '--scenario', scenario, '--timeout', '60000']
          const version = suite === '0.1.16' ? [] : ['--spec-version', revision]
          const run = { installed, suite, output: `${output}/${name}/${scenario}`, env: { CONFORMANCE_CHAINS: chains } }
          for (const [found, statuses] of await runSuite({ ...run, args: [...args, ...version] }))
            checks.set(found, statuses)
        }
        return checks
      }
      return { direct: await with_(CLIENT, 'direct'), through: await with_(CLIENT_THROUGH, 'through') }
    },
  }
}

const OLD = '2025-11-25'
const NEW = '2026-07-28'
const BOTH: readonly Upstream[] = ['http', 'stdio']

/**
 * Client scenarios, those of OAuth (`auth/*`) left out: there the client proves to the server who it is, and the gateway is
 * that client. An agent's token for one address is not to be used at another (RFC 8707), so it must not pass through us.
 */
const SCENARIOS_OLD = ['initialize', 'tools_call', 'elicitation-sep1034-client-defaults', 'sse-retry']
const SCENARIOS_NEW = [
  'tools_call',
  'request-metadata',
  'sep-2322-client-request-state',
  'http-standard-headers',
  'http-custom-headers',
  'http-invalid-tool-headers',
  'json-schema-ref-no-deref',
  'json-schema-2020-12-preservation',
]

/** What `npm test` runs: the newer suite against servers, at both revisions and with both upstreams. */
export const SERVER_LEGS: readonly Leg[] = [
  ...BOTH.map((upstream) => serverLeg('0.2.0-alpha.12', OLD, 'server1', upstream, ['--requirements', OLD])),
  ...BOTH.map((upstream) => serverLeg('0.2.0-alpha.12', NEW, 'server2', upstream, ['--requirements', NEW])),
]

/** What `npm run conformance` runs. */
export const LEGS: readonly Leg[] = [
  ...BOTH.map((upstream) => serverLeg('0.1.16', OLD, 'server1', upstream, ['--suite', 'all'])),
  ...SERVER_LEGS,
  clientLeg('0.1.16', OLD, 1, SCENARIOS_OLD),
  clientLeg('0.2.0-alpha.12', OLD, 1, [...SCENARIOS_OLD, 'json-schema-2020-12-preservation']),
  clientLeg('0.2.0-alpha.12', NEW, 2, SCENARIOS_NEW),
]

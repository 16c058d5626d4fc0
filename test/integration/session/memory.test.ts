import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import type { BackendName } from '../../../src/crypto/backend/backend.ts'
import { SUITES, type SuiteName } from '../../../src/crypto/suite.ts'
import { type Stop, STOPS } from '../../fakes/memory/stops.ts'
import { type Found, whyNoScan } from '../../fakes/memory/scan.ts'
import { node24 } from '../../setup/node24.mjs'
import { buildEnd, End } from './memoryEnds.ts'

/**
 * Both ends of a real session over a real WebSocket, each a process of its own, whose memory is read from outside: every
 * secret is found in the moment in which it is made, and where its time is over it is found nowhere.
 */
const DEFAULT: SuiteName = 'MLKEM1024_X25519_MLDSA87_AES256GCM_SHA384'
const P384: SuiteName = 'MLKEM1024_P384_MLDSA87_AES256GCM_SHA384'

const newer = whyNoScan === undefined ? await node24().catch(() => undefined) : undefined

interface Case {
  readonly suite: SuiteName
  readonly backend: BackendName
  readonly node: string | undefined
}

const CASES: readonly Case[] = [
  { suite: DEFAULT, backend: 'wasm', node: process.execPath },
  { suite: P384, backend: 'wasm', node: process.execPath },
  { suite: DEFAULT, backend: 'noble', node: process.execPath },
  { suite: DEFAULT, backend: 'native', node: newer?.node },
]

const keysOf = (secret: string): string[] => [`${secret}/key`, `${secret}/iv`]
const HANDSHAKE = ['hs', ...['hs/c hs', 'hs/s hs'].flatMap((secret) => [...keysOf(secret), `${secret}/finished`])]
const epoch = (number: number): string[] => {
  const master = `ms ${number}`
  return [master, `${master}/res`, ...keysOf(`${master}/c ap`), ...keysOf(`${master}/s ap`)]
}
const EPHEMERAL = ['ML-KEM seed', 'ML-KEM decapsulation key', 'ECDH private key']
const second = (names: readonly string[]): string[] => names.map((name) => `${name} (2)`)
const third = (names: readonly string[]): string[] => names.map((name) => `${name} (3)`)
/** All that is left of a lost connection: it binds the next one to the session. */
const LOST = ['ms 1/res']

/** What an end needs, and has, at each stop. Whatever else it ever had must be gone. */
const ALIVE: Readonly<Record<Stop, Readonly<Record<End['role'], readonly string[]>>>> = {
  'signing the handshake': { client: [...EPHEMERAL, ...HANDSHAKE], server: HANDSHAKE },
  open: { client: epoch(0), server: epoch(0) },
  'signing the rekey': { client: [...epoch(0), ...second(EPHEMERAL)], server: [...epoch(0), ...epoch(1)] },
  rekeyed: { client: epoch(1), server: epoch(1) },
  'signing the resume': {
    client: [...LOST, ...third(EPHEMERAL), ...second(HANDSHAKE)],
    server: [...LOST, ...second(HANDSHAKE)],
  },
  resumed: { client: second(epoch(0)), server: second(epoch(0)) },
  closed: { client: [], server: [] },
}

/** Used and forgotten within one step. */
const SHARED = ['ss_mlkem', 'ss_ecdh', 'ss']
const DERIVING = ['hs/c hs', 'hs/s hs', 'hs/derived', 'ms 0/c ap', 'ms 0/s ap', 'ms 0/rekey', 'ms 1/c ap', 'ms 1/s ap']
/** A connection that brings a session back has a key schedule of its own, from its beginning. */
const DERIVING_AGAIN = DERIVING.filter((name) => !name.startsWith('ms 1') && !name.endsWith('/rekey'))
const MOMENTARY = [...SHARED, ...second(SHARED), ...third(SHARED), ...DERIVING, ...second(DERIVING_AGAIN)]

/**
 * What we cannot overwrite, and why (docs/THREATS.md, "Session keys in memory"): the first until the garbage collector ran and no
 * longer, the second until V8 takes the place for something else, which nothing can make it do.
 */
type Reason =
  | 'in an object of OpenSSL that the garbage collector frees'
  | 'in an array that noble made in the heap of V8'

function outOfReach(name: string, { suite, backend }: Case): Reason | undefined {
  const [plain = ''] = name.split(' (')
  const inOpenSsl =
    (plain === 'ECDH private key' && SUITES[suite].ecdh === 'X25519') ||
    (plain === 'ML-KEM seed' && backend === 'native')
  if (inOpenSsl) return 'in an object of OpenSSL that the garbage collector frees'
  // The first half of `ss` is `ss_mlkem`; the other half is looked for as `ss_ecdh`.
  const ofNoble = backend === 'noble' && ['ss_mlkem', 'ss'].includes(plain)
  return ofNoble ? 'in an array that noble made in the heap of V8' : undefined
}

/** OpenSSL makes them itself and gives out neither: what is derived from them is looked for. */
const hidden = (name: string, backend: BackendName): boolean =>
  backend === 'native' && /^ML-KEM (message|decapsulation key)/.test(name)

function everySecret(role: End['role'], backend: BackendName): string[] {
  const own = role === 'client' ? EPHEMERAL : ['ML-KEM message', 'ECDH private key']
  const connections = [...HANDSHAKE, ...second(HANDSHAKE), ...epoch(0), ...epoch(1), ...second(epoch(0))]
  const all = [...own, ...second(own), ...third(own), ...connections, ...MOMENTARY]
  return all.filter((name) => !hidden(name, backend)).sort()
}

/** A garbage collector may be asked, not ordered: so often. */
const ROUNDS = 5

async function look(end: End, at: Stop, which: Case): Promise<void> {
  await end.stops(at)
  const alive = ALIVE[at][end.role].filter((name) => !hidden(name, which.backend))
  const where = `${end.role}, ${at}`
  const found = end.scan()
  expect(
    alive.filter((name) => !found.has(name)),
    `${where}: still needed, but not found`,
  ).toEqual([])

  const leftOf = (scan: Found, excused: (reason: Reason | undefined) => boolean): string[] =>
    [...scan.entries()]
      .filter(([name]) => !alive.includes(name) && !excused(outOfReach(name, which)))
      .map(([name, regions]) => `${name} in ${[...regions].join()}`)
  expect(
    leftOf(found, (reason) => reason !== undefined),
    `${where}: left over`,
  ).toEqual([])

  const never = (reason: Reason | undefined): boolean => reason === 'in an array that noble made in the heap of V8'
  let left = leftOf(found, never)
  for (let round = 0; round < ROUNDS && left.length > 0; round++) {
    await end.tidy()
    left = leftOf(end.scan(), never)
  }
  expect(left, `${where}: left over after ${ROUNDS} collections`).toEqual([])
  end.goOn()
}

describe.skipIf(whyNoScan !== undefined)(
  `the secrets of a session in memory${whyNoScan ? `: skipped, ${whyNoScan}` : ''}`,
  () => {
    let program: Awaited<ReturnType<typeof buildEnd>>
    const ends: End[] = []
    beforeAll(async () => {
      program = await buildEnd()
    })
    afterEach(() => {
      for (const end of ends.splice(0)) end.end()
    })
    afterAll(() => program?.remove())

    for (const which of CASES) {
      const { suite, backend, node } = which
      const title = `are there while they are needed and gone afterwards: ${backend}, ${SUITES[suite].ecdh}`
      it.skipIf(node === undefined)(
        node === undefined ? `${title}: skipped, there is no Node 24 here` : title,
        async () => {
          const common = { file: program.file, suite, backend, node: node ?? '' }
          const gateway = new End({ ...common, role: 'server' })
          ends.push(gateway)
          const client = new End({ ...common, role: 'client', url: await gateway.listening() })
          ends.push(client)
          for (const at of STOPS) {
            await look(gateway, at, which)
            await look(client, at, which)
          }
          for (const end of [gateway, client]) {
            expect([...end.secrets.keys()].sort()).toEqual(everySecret(end.role, backend))
            expect(end.missed, 'not found in the moment in which it was made').toEqual([])
          }
        },
        300_000,
      )
    }
  },
)

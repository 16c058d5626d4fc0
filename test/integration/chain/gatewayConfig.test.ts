import { afterAll, afterEach, beforeAll, expect, it } from 'vitest'
import { BIG_SERVER, ChainFolder, type Config } from '../../fakes/chainFolder.ts'
import { type ChainProcess, endAll } from '../../fakes/chainProcess.ts'
import { buildChain } from './build.ts'

/** What an operator writes into the gateway's file, as the processes take it. */
let folder: ChainFolder
let config: Config
let agent: { readonly kid: string; readonly config: object }
let host: { readonly kid: string; readonly config: object }
const running: ChainProcess[] = []
let count = 0

beforeAll(async () => {
  folder = new ChainFolder(await buildChain())
  ;[host, agent] = await Promise.all([folder.vaultIdentity('host'), folder.vaultIdentity('agent')])
  config = { identity: host.config, servers: { big: { command: process.execPath, args: [BIG_SERVER] } } }
})
afterEach(async () => {
  for (const one of running.splice(0).toReversed()) await one.stop()
})
afterAll(async () => {
  await endAll()
  folder.remove()
})

/** A session through a gateway with these settings: the answer, and both processes. */
async function connect(settings: object, entry: object = {}) {
  count += 1
  const clients = [{ kid: agent.kid, name: 'an agent', ...entry }]
  const gateway = await folder.gateway(`g${count}`, { ...config, clients, ...settings })
  running.push(gateway.process)
  const own = { identity: agent.config, gateway: gateway.url, pin: host.kid }
  const bridge = await folder.bridge(`c${count}`, 'big', own)
  running.push(bridge.process)
  const { result, error } = await bridge.initialize()
  return { result, error, client: bridge.process, gateway: gateway.process }
}

it('"suites" of which the client prefers none is a session after a Retry', async () => {
  const suite = 'MLKEM768_X25519_MLDSA65_AES256GCM_SHA384'
  const { result, client, gateway } = await connect({ suites: [suite] })
  expect(result).toBeDefined()
  await client.says(new RegExp(`suite=${suite}`))
  await gateway.says(new RegExp(`suite=${suite}`))
})

it('"handshakes" that always ask for a cookie serve who brings it', async () => {
  expect((await connect({ handshakes: { perAddress: 1, total: 1, halfOpen: 1 } })).result).toBeDefined()
})

it('"revoked" and "expires" end a client, which is told why', async () => {
  const revoked = await connect({}, { revoked: true })
  expect(revoked.error).toMatchObject({
    message: expect.stringContaining('was revoked'),
    data: { code: 'session-refused' },
  })
  await revoked.gateway.says(/code=peer-revoked/)
  const expired = await connect({}, { expires: '2026-01-31' })
  expect(expired.error).toMatchObject({
    message: expect.stringContaining('time is over'),
    data: { code: 'session-refused' },
  })
  await expired.gateway.says(/code=peer-expired/)
  expect((await connect({}, { expires: '2999-01-31T00:00:00Z' })).result).toBeDefined()
})

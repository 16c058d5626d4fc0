import { readFileSync, writeFileSync } from 'node:fs'
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest'
import { BIG_SERVER, ChainFolder, type Config, type Identity } from '../../fakes/chainFolder.ts'
import { bounded, type ChainProcess, endAll } from '../../fakes/chainProcess.ts'
import { buildChain } from './build.ts'

/** Keys that follow others, with the processes and commands that an operator has. */
let folder: ChainFolder
const running: ChainProcess[] = []
const SERVERS = { big: { command: process.execPath, args: [BIG_SERVER] } }

beforeAll(async () => {
  folder = new ChainFolder(await buildChain())
})
afterEach(async () => {
  for (const one of running.splice(0).toReversed()) await one.stop()
})
afterAll(async () => {
  await endAll()
  folder.remove()
})

async function cli(...args: string[]): Promise<{ code: number | null; out: string; err: string }> {
  const started = folder.cli(...args)
  const { code } = await bounded(started.exited, 60_000, args.join(' '))
  return { code, out: started.stdout, err: started.stderr }
}

async function gatewayOf(name: string, config: Config) {
  const gateway = await folder.gateway(name, { servers: SERVERS, ...config })
  running.push(gateway.process)
  return gateway
}

/** Whether a client with this configuration gets an answer through its gateway; else why not. */
async function answered(name: string, config: Config): Promise<string> {
  const bridge = await folder.bridge(name, 'big', config)
  const { result, error } = await bridge.initialize()
  await bridge.process.stop()
  return result === undefined ? (error?.message ?? 'nothing') : 'answered'
}

/** Makes the document by which one identity follows another. */
async function rotated(name: string, old: Identity, next: Identity): Promise<string> {
  const [oldFile, newFile, out] = [
    folder.at(`${name}-old.json`),
    folder.at(`${name}-new.json`),
    folder.at(`${name}.json`),
  ]
  writeFileSync(oldFile, JSON.stringify({ identity: old.config }))
  writeFileSync(newFile, JSON.stringify(next.config))
  const args = ['identity', 'rotate', '--old', oldFile, '--new', newFile, '--out', out]
  const made = await cli(...args)
  expect([made.code, made.err]).toEqual([0, expect.stringContaining('Old key: ')])
  expect(JSON.parse(made.out)).toMatchObject({ from: old.kid, to: next.kid, transition: out })
  // Somebody may have the document: it is not made anew under the same name.
  expect((await cli(...args)).code).toBe(1)
  return out
}

it('a client rotates: announced, listed, confirmed; the new key is served, and evidence verifies across both', async () => {
  const [old, next, host] = await Promise.all(['a-old', 'a-new', 'a-host'].map((name) => folder.vaultIdentity(name)))
  if (old === undefined || next === undefined || host === undefined) throw new Error('no identities')
  const document = await rotated('a', old, next)
  const settings = { identity: host.config, clients: [{ kid: old.kid, name: 'ada' }], rotationGrace: 0 }
  const { url } = await gatewayOf('ga', settings)
  const gatewayFile = folder.at('ga', 'config.json')
  const client = { gateway: url, pin: host.kid }
  const oldFile = folder.clientConfig('ca-old', { ...client, identity: old.config })
  const newFile = folder.clientConfig('ca-new', { ...client, identity: next.config })
  expect(await answered('ca-old', { ...client, identity: old.config })).toBe('answered')

  const announce = ['identity', 'announce', '--transition', document, '--config']
  expect((await cli(...announce, newFile)).code).toBe(2)
  const first = await cli(...announce, oldFile)
  expect([first.code, JSON.parse(first.out)]).toEqual([3, { status: 'pending', to: next.kid }])
  expect(await answered('ca-new', { ...client, identity: next.config })).toContain('not accepted')

  const list = await cli('trust', 'list', '--config', gatewayFile)
  expect(list.out).toMatch(new RegExp(`waits for you.*\\n +old key ${old.kid} .*\\n +new key ${next.kid} `))
  expect((await cli('trust', 'confirm', old.kid, '--config', gatewayFile)).code).toBe(1)
  const confirmed = await cli('trust', 'confirm', next.kid, '--config', gatewayFile)
  expect([confirmed.code, confirmed.out]).toEqual([0, expect.stringContaining('confirmed by you')])

  expect(await answered('ca-new', { ...client, identity: next.config })).toBe('answered')
  expect(await answered('ca-old', { ...client, identity: old.config })).toContain('whose time is over')

  await running.splice(0)[0]?.stop()
  const files = folder.journalFiles('gateways')
  const trust = ['--trust', old.kid, '--trust', host.kid]
  expect((await cli('verify', ...trust, ...files)).code).toBe(1)
  const whole = await cli('verify', ...trust, '--transition', document, ...files)
  expect([whole.code, whole.out]).toEqual([0, expect.stringContaining('All holds')])
  const kept = folder.at('ga', 'state', 'transitions', `${old.kid}.${next.kid}.json`)
  expect(readFileSync(kept).equals(readFileSync(document))).toBe(true)
})

it('a gateway rotates: a pin that somebody wrote says which key to write, a first use asks or takes it', async () => {
  const [agent, old, next] = await Promise.all(['b-agent', 'b-old', 'b-new'].map((name) => folder.vaultIdentity(name)))
  if (agent === undefined || old === undefined || next === undefined) throw new Error('no identities')
  const document = await rotated('b', old, next)
  const clients = [{ kid: agent.kid, name: 'ada' }]
  const first = await gatewayOf('gb', { identity: old.config, clients })
  const client = { identity: agent.config, gateway: first.url, pin: 'first-use' }
  expect(await answered('cb', client)).toBe('answered')
  await running.splice(0)[0]?.stop()

  const wrong = folder.cli(
    'gateway',
    '--config',
    folder.gatewayConfig('gb-wrong', { identity: old.config, clients, servers: SERVERS, transition: document }),
  )
  expect([(await wrong.exited).code, wrong.stderr]).toEqual([1, expect.stringContaining('config-invalid')])

  const listen = first.url
  await gatewayOf('gb2', { identity: next.config, clients, listen, transition: document })
  expect(await answered('cb', client)).toContain('was not accepted')
  expect(await answered('cb-pinned', { ...client, pin: old.kid })).toContain(`pin ${next.kid}`)
  expect(await answered('cb', { ...client, rotation: 'accept' })).toBe('answered')
  // The pin has moved: nothing is asked any more.
  expect(await answered('cb', client)).toBe('answered')
})

it('a key that was retired or revoked starts no gateway, and its ring says when', async () => {
  const host = await folder.vaultIdentity('c-host')
  const file = folder.gatewayConfig('gc', { identity: host.config, clients: 'enroll', servers: SERVERS })
  const retired = await cli('identity', 'retire', '--config', file)
  expect([retired.code, JSON.parse(retired.out)]).toEqual([0, { kid: host.kid, state: 'retired' }])
  const start = await cli('gateway', '--config', file)
  expect([start.code, start.err]).toEqual([1, expect.stringContaining('[key-retired]')])
  expect((await cli('identity', 'revoke', '--config', file)).out).toContain('"revoked"')
  expect((await cli('gateway', '--config', file)).err).toContain('[key-revoked]')
  const ring = JSON.parse((await cli('identity', 'ring', '--config', file)).out)
  expect(ring).toMatchObject({ v: 1, typ: 'countersign-keys', keys: [{ kid: host.kid, until: expect.any(Number) }] })
})

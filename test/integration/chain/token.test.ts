import { writeFileSync } from 'node:fs'
import { Client } from '@modelcontextprotocol/sdk/client/index.js'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { BIG_SERVER, ChainFolder, EVERYTHING, type Identity } from '../../fakes/chainFolder.ts'
import { commandOf, endAll, until } from '../../fakes/chainProcess.ts'
import { textOf } from '../../fakes/mcpChain.ts'
import { initNssToken, whyNoNss } from '../keys/nssToken.ts'
import { buildChain } from './build.ts'

const noNss = await whyNoNss()
const PIN = '4711-nss'

let folder: ChainFolder

beforeAll(async () => {
  folder = new ChainFolder(await buildChain())
})

afterAll(async () => {
  await endAll()
  folder.remove()
})

const servers = {
  everything: { command: process.execPath, args: [EVERYTHING, 'stdio'] },
  big: { command: process.execPath, args: [BIG_SERVER] },
}

/** The custody in the signed payload of a batch. */
function custodyOf(jws = '{}'): unknown {
  const { payload = '' }: { payload?: string } = JSON.parse(jws)
  const { custody }: { custody?: unknown } = JSON.parse(Buffer.from(payload, 'base64url').toString())
  return custody
}

/** How many contexts a batch covers. */
function sizeOf(jws = '{}'): number {
  const { payload = '' }: { payload?: string } = JSON.parse(jws)
  const { n = 0 }: { n?: number } = JSON.parse(Buffer.from(payload, 'base64url').toString())
  return n
}

async function expectAgreement(keys: readonly Identity[], records: number): Promise<void> {
  const [ours, theirs] = [folder.journal('clients'), folder.journal('gateways')]
  const count = (lines: typeof ours, how: string): number => lines.filter((line) => line.how === how).length
  expect(count(ours, 'sent')).toBe(count(theirs, 'received'))
  expect(count(ours, 'received')).toBe(count(theirs, 'sent'))
  expect(count(ours, 'sent')).toBeGreaterThanOrEqual(records)
  const files = [...folder.journalFiles('clients'), ...folder.journalFiles('gateways')]
  const kids = keys.map(({ kid }) => kid)
  const { code, out } = await folder.verify(kids, files)
  expect(out.split('\n').filter((line) => /^(FALSE|incomplete)/.test(line))).toEqual([])
  expect(code).toBe(0)
  // Without the other end's key there is nothing to compare its signatures with.
  expect((await folder.verify(kids.slice(0, 1), files)).code).not.toBe(0)
  expect((await folder.verify([], files)).code).toBe(2)
}

describe.skipIf(noNss !== undefined)(
  `keys in a PKCS#11 token on both ends${noNss ? `: skipped, ${noNss}` : ''}`,
  () => {
    it('sign every context of 200 calls at once, in batches, and nothing else signs', async () => {
      const pinFile = folder.at('pin')
      writeFileSync(pinFile, `${PIN}\n`, { mode: 0o600 })
      const [ours, theirs] = await Promise.all(
        ['client-token', 'gateway-token'].map((name) => initNssToken(folder.at(name), { pin: PIN })),
      )
      if (ours === undefined || theirs === undefined) throw new Error('no token')
      const [client, host] = await Promise.all([
        folder.tokenIdentity(ours, 'agent-key', pinFile),
        folder.tokenIdentity(theirs, 'gateway-key', pinFile),
      ])
      expect([client.custody, host.custody]).toEqual(['software', 'software'])
      const clients = [{ kid: client.kid, name: 'agent' }]
      const gateway = await folder.gateway('g', { identity: host.config, clients, servers })
      expect(gateway.kid).toBe(host.kid)
      const config = { identity: client.config, gateway: gateway.url, pin: host.kid }
      const bridge = await folder.bridge('c', 'big', config)
      const agent = await bridge.agent(new Client({ name: 'agent', version: '1' }))
      const results = await Promise.all(
        Array.from({ length: 200 }, () => agent.callTool({ name: 'count', arguments: {} })),
      )
      expect(new Set(results.map(textOf)).size).toBe(200)

      const everything = new Client({ name: 'agent', version: '1' })
      const shim = await folder.stdioAgent(everything, 's', 'everything', config)
      const echoed = await everything.callTool({ name: 'echo', arguments: { message: 'from the token' } })
      expect(textOf(echoed)).toContain('from the token')
      expect(commandOf(shim.pid())).toContain('connect')

      await Promise.all([agent.close(), everything.close()])
      expect(await bridge.process.stop()).toEqual({ code: 0, signal: null, left: [] })
      expect(await gateway.process.stop()).toEqual({ code: 0, signal: null, left: [] })
      await expectAgreement([client, host], 200)
      const batches = folder.journal('clients').filter((line) => line.type === 'batch')
      expect(new Set(batches.map(({ jws }) => custodyOf(jws)))).toEqual(new Set(['software']))
      expect(Math.max(...batches.map(({ jws }) => sizeOf(jws)))).toBeGreaterThan(8)
      expect(folder.said()).not.toContain(PIN)
    }, 90_000)
  },
)

it('runs over the standard input and output of a gateway that connect starts', async () => {
  const own = new ChainFolder(folder.bundles)
  try {
    const [client, host] = await Promise.all([own.vaultIdentity('client'), own.vaultIdentity('gateway')])
    const clients = [{ kid: client.kid, name: 'agent' }]
    const config = own.gatewayConfig('g', { identity: host.config, clients, servers })
    const args = [own.bundles.cli, 'gateway', '--stdio', '--config', config]
    const gateway = { command: process.execPath, args }
    const bridge = await own.bridge('c', 'big', { identity: client.config, gateway, pin: host.kid })
    const agent = await bridge.agent(new Client({ name: 'agent', version: '1' }))
    expect(textOf(await agent.callTool({ name: 'big', arguments: { size: 2_000_000 } }))).toHaveLength(2_000_000)
    const calls = Array.from({ length: 20 }, () => agent.callTool({ name: 'count', arguments: {} }))
    expect(new Set((await Promise.all(calls)).map(textOf)).size).toBe(20)
    // The gateway, both key processes and the server are all below connect.
    await until(() => bridge.process.children().length >= 4)
    await agent.close()
    expect(await bridge.process.stop()).toEqual({ code: 0, signal: null, left: [] })
    const [ours, theirs] = [own.journal('clients'), own.journal('gateways')]
    expect(ours.filter(({ type }) => type === 'record')).toHaveLength(
      theirs.filter(({ type }) => type === 'record').length,
    )
    const files = [...own.journalFiles('clients'), ...own.journalFiles('gateways')]
    expect((await own.verify([client.kid, host.kid], files)).code).toBe(0)
  } finally {
    own.remove()
  }
}, 60_000)

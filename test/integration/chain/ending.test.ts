import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { BIG_SERVER, ChainFolder, type Identity } from '../../fakes/chainFolder.ts'
import { endAll, until } from '../../fakes/chainProcess.ts'
import { buildChain } from './build.ts'

let folder: ChainFolder
let host: Identity
let client: Identity

beforeAll(async () => {
  folder = new ChainFolder(await buildChain())
  ;[host, client] = await Promise.all([folder.vaultIdentity('gateway'), folder.vaultIdentity('client')])
})

afterAll(async () => {
  await endAll()
  folder.remove()
})

const INITIALIZE = {
  jsonrpc: '2.0',
  id: 1,
  method: 'initialize',
  params: { protocolVersion: '2025-11-25', capabilities: {}, clientInfo: { name: 'agent', version: '1' } },
}

it('an agent that asks twice, in the manner of Claude Code, and keeps the pipe open gets an end in order', async () => {
  const servers = { big: { command: process.execPath, args: [BIG_SERVER] } }
  const clients = [{ kid: client.kid, name: 'agent' }]
  const gateway = await folder.gateway('g', { identity: host.config, clients, servers })
  const config = folder.clientConfig('c', { identity: client.config, gateway: gateway.url, pin: gateway.kid })
  const shim = folder.cli('connect', '--config', config, '--server', 'big')
  const say = (message: object): void => void shim.input.write(`${JSON.stringify(message)}\n`)
  say(INITIALIZE)
  await until(() => shim.stdout.includes('"id":1'), 20_000)
  say({ jsonrpc: '2.0', method: 'notifications/initialized' })
  // Under way when the end comes: what is then not answered must not keep the shim.
  say({ jsonrpc: '2.0', id: 2, method: 'tools/call', params: { name: 'slow', arguments: { ms: 60_000, steps: 600 } } })
  await sleep(500)
  shim.kill('SIGINT')
  await sleep(20)
  shim.kill('SIGTERM')
  expect(await shim.leaves(10_000)).toEqual({ code: 0, signal: null, left: [] })
  await gateway.process.stop()
  const files = [...folder.journalFiles('clients'), ...folder.journalFiles('gateways')]
  const { code, out } = await folder.verify([host.kid, client.kid], files)
  expect(code, out).toBe(0)
})

import { setTimeout as sleep } from 'node:timers/promises'
import { Client } from '@modelcontextprotocol/sdk/client/index.js'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { BIG_SERVER, ChainFolder, type Config } from '../../fakes/chainFolder.ts'
import { endAll, isAlive, until } from '../../fakes/chainProcess.ts'
import { textOf } from '../../fakes/mcpChain.ts'
import { buildChain } from './build.ts'

let folder: ChainFolder
let config: Config
let clientConfig: (url: string) => Config

beforeAll(async () => {
  folder = new ChainFolder(await buildChain())
  const [host, agent] = await Promise.all([folder.vaultIdentity('host'), folder.vaultIdentity('agent')])
  const clients = [{ kid: agent.kid, name: 'an agent' }]
  config = { identity: host.config, clients, servers: { big: { command: process.execPath, args: [BIG_SERVER] } } }
  clientConfig = (gateway) => ({ identity: agent.config, gateway, pin: host.kid })
})

afterAll(async () => {
  await endAll()
  folder.remove()
})

async function agentOf(name: string, url: string): Promise<Client> {
  const client = new Client({ name: 'agent', version: '1' })
  await folder.stdioAgent(client, name, 'big', clientConfig(url))
  return client
}

it('a gateway whose log nobody reads any more goes on', async () => {
  const gateway = await folder.gateway('deaf', config)
  gateway.process.deafen()
  const first = await agentOf('first', gateway.url)
  await first.close()
  await sleep(200)
  const second = await agentOf('second', gateway.url)
  expect(textOf(await second.callTool({ name: 'count' }))).toBe('1')
  await second.close()
  expect(await gateway.process.stop()).toMatchObject({ code: 0, left: [] })
})

it.skipIf(process.platform === 'win32')('a gateway that is killed takes its servers with it', async () => {
  const gateway = await folder.gateway('killed', config)
  const agents = await Promise.all([agentOf('third', gateway.url), agentOf('fourth', gateway.url)])
  const pids = await Promise.all(agents.map(async (agent) => Number(textOf(await agent.callTool({ name: 'pid' })))))
  expect(pids.every(isAlive)).toBe(true)
  gateway.process.children()
  gateway.process.kill('SIGKILL')
  await until(
    () => !pids.some(isAlive),
    5_000,
    () => 'servers outlived their gateway',
  )
  expect((await gateway.process.leaves()).left).toEqual([])
  await Promise.all(agents.map((agent) => agent.close()))
})

import { writeFileSync } from 'node:fs'
import { Client } from '@modelcontextprotocol/sdk/client/index.js'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { BIG_SERVER, ChainFolder } from '../../fakes/chainFolder.ts'
import { endAll } from '../../fakes/chainProcess.ts'
import { textOf } from '../../fakes/mcpChain.ts'
import { initFaultyToken, whyNoFaultyToken } from '../../fakes/pkcs11/faultyToken.ts'
import { buildChain } from './build.ts'

const reason = await whyNoFaultyToken()
const PIN = '4711-hsm'

describe.skipIf(reason !== undefined)(`keys in what claims to be an HSM${reason ? `: skipped, ${reason}` : ''}`, () => {
  let folder: ChainFolder
  beforeAll(async () => {
    folder = new ChainFolder(await buildChain())
  })
  afterAll(async () => {
    await endAll()
    folder.remove()
  })

  it('are custody hsm where they are made, at the peer, and in the evidence of both', async () => {
    const pinFile = folder.at('pin')
    writeFileSync(pinFile, `${PIN}\n`, { mode: 0o600 })
    const [ours, theirs] = await Promise.all(
      ['client-token', 'gateway-token'].map((name) => initFaultyToken(folder.at(name), { pin: PIN })),
    )
    if (ours === undefined || theirs === undefined) throw new Error('no token')
    ours.faults.claimHardware()
    theirs.faults.claimHardware()
    const [client, host] = await Promise.all([
      folder.tokenIdentity(ours, 'agent-key', pinFile),
      folder.tokenIdentity(theirs, 'gateway-key', pinFile),
    ])
    expect([client.custody, host.custody]).toEqual(['hsm', 'hsm'])
    const clients = [{ kid: client.kid, name: 'agent' }]
    const servers = { big: { command: process.execPath, args: [BIG_SERVER] } }
    const gateway = await folder.gateway('g', { identity: host.config, clients, servers })
    const config = { identity: client.config, gateway: gateway.url, pin: host.kid }
    const bridge = await folder.bridge('c', 'big', config)
    const agent = await bridge.agent(new Client({ name: 'agent', version: '1' }))
    const calls = Array.from({ length: 20 }, () => agent.callTool({ name: 'count', arguments: {} }))
    expect(new Set((await Promise.all(calls)).map(textOf)).size).toBe(20)
    // What each end says of the other when the session begins.
    expect(bridge.process.stderr).toMatch(/a session began.*custody=hsm/)
    expect(gateway.process.stderr).toMatch(/a session began.*custody=hsm/)
    await agent.close()
    expect(await bridge.process.stop()).toMatchObject({ code: 0, left: [] })
    expect(await gateway.process.stop()).toMatchObject({ code: 0, left: [] })
    const files = [...folder.journalFiles('clients'), ...folder.journalFiles('gateways')]
    const { code, out } = await folder.verify([client.kid, host.kid], files)
    expect(code).toBe(0)
    expect(out).toContain('(hsm)')
    expect(out).not.toMatch(/\((software|unknown|custody not known)\)/)
    expect(folder.said()).not.toContain(PIN)
  }, 90_000)
})

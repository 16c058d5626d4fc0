import { existsSync, readFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import {
  type Bridged,
  BIG_SERVER,
  ChainFolder,
  type Config,
  type Identity,
  type RpcAnswer,
} from '../fakes/chainFolder.ts'
import { ByteRelay } from '../fakes/byteRelay.ts'
import { type ChainProcess, bounded, commandOf, endAll, kill, until } from '../fakes/chainProcess.ts'
import { startHttp, textOf } from '../fakes/mcpChain.ts'
import { buildChain } from '../integration/chain/build.ts'
import { type Counts, found } from './counts.ts'

export type Victim = 'gateway' | 'client-key' | 'gateway-key' | 'server' | 'connection'

/**
 * What a call may end with beside its answer, where this was killed. All of these say that nothing was carried out, which is
 * looked up; only `outcome-unknown` leaves it open, and only where somebody was killed who could have said it.
 */
const ALLOWED: { readonly [victim in Victim]: readonly string[] } = {
  gateway: ['outcome-unknown', 'gateway-unreachable', 'session-lost', 'session-closed', 'no MCP session'],
  'client-key': ['signer-unavailable', 'signer-timeout'],
  'gateway-key': [],
  server: ['outcome-unknown', 'server-gone', 'no MCP session'],
  connection: [],
}
const AGENTS = 4
const PATIENCE = 90_000

interface Call {
  readonly id: number
  readonly outcome: string
  readonly message: string
}

/** A gateway and a bridge to one of its servers. */
interface Chain {
  readonly name: string
  readonly config: Config
  /** Between the two, and honest unless the victim is their connection. */
  readonly relay: ByteRelay
  readonly bridge: Bridged
  gateway: { readonly process: ChainProcess; readonly url: string }
}

interface KillParts {
  readonly folder: ChainFolder
  readonly host: Identity
  readonly client: Identity
  readonly remote: { readonly url: string; readonly stop: () => Promise<void> }
  readonly random: () => number
  readonly counts: Counts
}

/** The real programs, with agents that call all the time and somebody who kills one of the processes again and again. */
export class Kills {
  private readonly parts: KillParts
  private readonly chains = new Map<string, Chain>()
  private next = 1

  private constructor(parts: KillParts) {
    this.parts = parts
  }

  static async open(random: () => number, counts: Counts): Promise<Kills> {
    const folder = new ChainFolder(await buildChain())
    const remote = await startHttp([BIG_SERVER, 'http'])
    const [client, host] = await Promise.all([folder.vaultIdentity('client'), folder.vaultIdentity('gateway')])
    return new Kills({ folder, remote, client, host, random, counts })
  }

  async close(): Promise<void> {
    await endAll()
    await this.parts.remote.stop()
    this.parts.folder.remove()
  }

  /** Kills one process as often as asked for, each time in the middle of calls, and lets the chain come back in between. */
  async run(victim: Victim, kills: number): Promise<void> {
    const { folder, random, counts } = this.parts
    const chain = await this.chain(victim === 'server' ? 'local' : 'remote')
    const marks = folder.at(`marks-${victim}`)
    const calls: Call[] = []
    const ending = new AbortController()
    const agents = Array.from({ length: AGENTS }, () => this.agent(chain.bridge.again(), marks, calls, ending.signal))
    const served = async (when: string): Promise<void> => {
      const enough = calls.filter(({ outcome }) => outcome === 'answered').length + AGENTS
      const answered = (): number => calls.filter(({ outcome }) => outcome === 'answered').length
      await until(
        () => answered() >= enough,
        PATIENCE,
        () => `no calls ${when} of ${victim}`,
      )
    }
    for (let done = 0; done < kills; done += 1) {
      await served(`before kill ${done}`)
      await sleep(random() * 100)
      if (victim === 'gateway') await this.restart(chain)
      else if (victim === 'connection') await this.cut(chain.relay)
      else kill(await this.victimIn(victim === 'client-key' ? chain.bridge.process : chain.gateway.process, victim))
      if (victim !== 'connection') counts.kills += 1
    }
    await served('after the last kill')
    ending.abort()
    await bounded(Promise.all(agents), PATIENCE, 'the last calls')
    this.judge(victim, calls, marks)
  }

  /** Ends all in order. The journals of both ends, also of those that were killed, may be torn; false they must not be. */
  async finish(): Promise<void> {
    const { folder, client, host, counts } = this.parts
    for (const { gateway, bridge, relay } of this.chains.values()) {
      await bridge.process.stop()
      await gateway.process.stop()
      await relay.close()
    }
    const files = [...folder.journalFiles('gateways'), ...folder.journalFiles('clients')]
    const { code, out } = await folder.verify([client.kid, host.kid], files)
    if (code === 1 || code === null) found(counts, 'wrong', `a journal is false: ${out.slice(-500)}`)
  }

  private async chain(server: 'local' | 'remote'): Promise<Chain> {
    const { folder, client, host, remote } = this.parts
    const open = this.chains.get(server)
    if (open !== undefined) return open
    const config: Config = {
      identity: host.config,
      clients: [{ kid: client.kid, name: 'agent' }],
      servers: { local: { command: process.execPath, args: [BIG_SERVER] }, remote: { url: remote.url } },
    }
    const gateway = await folder.gateway(`g-${server}`, config)
    const relay = await ByteRelay.listen(Number(new URL(gateway.url).port))
    const connect = { identity: client.config, gateway: relay.url, pin: host.kid }
    const bridge = await folder.bridge(`c-${server}`, server, connect)
    const made = { name: `g-${server}`, config, gateway, relay, bridge }
    this.chains.set(server, made)
    return made
  }

  /** Cuts the connection, and the one that follows it after some of its bytes: in its handshake, or in the calls behind it. */
  private async cut(relay: ByteRelay): Promise<void> {
    const { random, counts } = this.parts
    const before = relay.fired
    const [way, how] = [random() < 0.5 ? 'c2s' : 's2c', random() < 0.5 ? 'end' : 'reset'] as const
    relay.faults.push({ way, at: Math.floor(random() * 25_000), how })
    relay.last.cut(how)
    await until(
      () => relay.fired > before,
      PATIENCE,
      () => 'nothing was cut',
    )
    counts.cuts += 2
  }

  private async restart(chain: Chain): Promise<void> {
    const { folder, random } = this.parts
    const { process: killed, url } = chain.gateway
    killed.kill('SIGKILL')
    await killed.exited
    // Back at once, or after a while: agents wait for it either way.
    if (random() < 0.3) await sleep(random() * 1_500)
    chain.gateway = await folder.gateway(chain.name, { ...chain.config, listen: url })
  }

  private async victimIn(process: ChainProcess, victim: Victim): Promise<number> {
    const name = victim === 'server' ? 'bigServer' : 'keyProcess'
    const running = (): number[] => process.children().filter((pid) => commandOf(pid).includes(name))
    await until(
      () => running().length > 0,
      PATIENCE,
      () => `no ${name} runs`,
    )
    const pids = running()
    return pids[Math.floor(this.parts.random() * pids.length)] ?? 0
  }

  /** Calls until it is told to end. What a call ends with is noted; a chain that forgot the MCP session gets a new one. */
  private async agent(bridge: Bridged, marks: string, calls: Call[], ending: AbortSignal): Promise<void> {
    while (!ending.aborted) {
      const begun = await bounded(bridge.initialize(), PATIENCE, 'initialize').catch((): RpcAnswer => ({}))
      if (begun.result === undefined) {
        await sleep(50)
        continue
      }
      for (let lost = false; !lost && !ending.aborted; ) {
        const id = this.next++
        const input = { file: marks, id, before: this.parts.random() * 150, after: this.parts.random() * 150 }
        const call = await this.call(bridge, id, input)
        calls.push(call)
        lost = call.outcome !== 'answered'
      }
    }
  }

  private async call(bridge: Bridged, id: number, input: Record<string, unknown>): Promise<Call> {
    try {
      const { result, error } = await bridge.call('mark', input, PATIENCE)
      if (error !== undefined)
        return { id, outcome: error.data?.code ?? 'an error of the server', message: error.message }
      const text = textOf(result)
      return { id, outcome: text === `marked ${id}` ? 'answered' : 'wrong', message: text }
    } catch (thrown) {
      // 404 with an answer to no id: how Streamable HTTP says that its session is over.
      const over = String(thrown).includes('there is no such MCP session')
      return { id, outcome: over ? 'no MCP session' : 'lost', message: String(thrown) }
    }
  }

  /** Holds what the agents were told against what the server did. */
  private judge(victim: Victim, calls: readonly Call[], marks: string): void {
    const { counts } = this.parts
    const executed = new Map<string, number>()
    for (const id of existsSync(marks) ? readFileSync(marks, 'utf8').trimEnd().split('\n') : []) {
      executed.set(id, (executed.get(id) ?? 0) + 1)
    }
    counts.calls += calls.length
    for (const { id, outcome, message } of calls) {
      const times = executed.get(String(id)) ?? 0
      const what = `${victim} killed, call ${id}, carried out ${times} times: ${outcome} ${message}`
      if (times > 1) found(counts, 'repeated', what)
      if (outcome === 'answered') {
        if (times !== 1) found(counts, 'wrong', what)
      } else if (outcome === 'lost') found(counts, 'lost', what)
      else if (!ALLOWED[victim].includes(outcome)) found(counts, 'wrong', what)
      else if (outcome === 'outcome-unknown') counts.unknown[victim] = (counts.unknown[victim] ?? 0) + 1
      else if (times > 0) found(counts, 'wrong', what)
    }
  }
}

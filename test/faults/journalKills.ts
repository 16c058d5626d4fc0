import { existsSync, readFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { openJournal } from '../../src/evidence/journal/store.ts'
import { parseStatement } from '../../src/evidence/statement.ts'
import { BIG_SERVER, type Bridged, ChainFolder, type Config, type Identity } from '../fakes/chainFolder.ts'
import { bounded, type ChainProcess, endAll, freePort, until } from '../fakes/chainProcess.ts'
import { textOf } from '../fakes/mcpChain.ts'
import { buildChain } from '../integration/chain/build.ts'
import { type Counts, found } from './counts.ts'

const PATIENCE = 90_000
const AGENTS = 3
const NAMES = { gateway: 'g', connect: 'c' } as const

/** Which end is killed. */
export type End = keyof typeof NAMES

interface Parts {
  readonly folder: ChainFolder
  readonly host: Identity
  readonly client: Identity
  readonly port: number
  readonly random: () => number
  readonly counts: Counts
}

/**
 * The programs at both ends, killed again and again while agents call, their journals in small segments. What anybody acted on is
 * held against the journals: a call that the server carried out, an answer that an agent got.
 */
export class JournalKills {
  private readonly parts: Parts
  private readonly answered = new Set<number>()
  private gateway: ChainProcess | undefined
  private bridge: Bridged | undefined
  private next = 1

  private constructor(parts: Parts) {
    this.parts = parts
  }

  static async open(random: () => number, counts: Counts): Promise<JournalKills> {
    const folder = new ChainFolder(await buildChain())
    const [client, host] = await Promise.all([folder.vaultIdentity('client'), folder.vaultIdentity('gateway')])
    return new JournalKills({ folder, client, host, port: await freePort(), random, counts })
  }

  async close(): Promise<void> {
    await endAll()
    this.parts.folder.remove()
  }

  /** Agents call, and one end is killed in the middle of it. */
  async kill(end: End): Promise<void> {
    const { random, counts } = this.parts
    const bridge = await this.started()
    let over = false
    const agents = Array.from({ length: AGENTS }, () => this.agent(bridge.again(), () => over))
    const before = this.answered.size
    // Some calls in, so that there is something to lose.
    await until(
      () => this.answered.size > before + AGENTS,
      PATIENCE,
      () => `no calls before a kill of ${end}`,
    )
    await sleep(random() * 100)
    const victim = end === 'gateway' ? this.gateway : bridge.process
    victim?.kill('SIGKILL')
    await victim?.exited
    if (end === 'gateway') this.gateway = undefined
    else this.bridge = undefined
    counts.kills += 1
    over = true
    // Calls of a gateway that is gone wait for it to come back.
    await this.started()
    await bounded(Promise.all(agents), PATIENCE, 'the last calls')
  }

  /** Ends both in order and looks at what they wrote. */
  async judge(): Promise<void> {
    const { folder, counts, client, host } = this.parts
    await this.bridge?.process.stop()
    await this.gateway?.stop()
    this.bridge = undefined
    this.gateway = undefined
    const journals = { gateway: await this.calls('gateway'), connect: await this.calls('connect') }
    const marks = folder.at('marks')
    const executed = existsSync(marks) ? readFileSync(marks, 'utf8').trimEnd().split('\n').map(Number) : []
    counts.calls = this.next - 1
    const must = (kept: ReadonlySet<number>, ids: Iterable<number>, what: string) => {
      for (const id of ids) if (!kept.has(id)) found(counts, 'lost', `${what}: call ${id}`)
    }
    must(journals.gateway.requests, executed, 'carried out, and its request is not in the journal of the gateway')
    must(journals.connect.requests, executed, 'carried out, and its request is not in the journal of its client')
    must(journals.connect.answers, this.answered, 'answered, and its answer is not in the journal of the client')
    must(journals.gateway.answers, this.answered, 'answered, and its answer is not in the journal of the gateway')
    const files = [...folder.journalFiles('gateways'), ...folder.journalFiles('clients')]
    const { code, out } = await folder.verify([client.kid, host.kid], files)
    if (code !== 0 && code !== 2) found(counts, 'wrong', `a journal is false: ${falseLines(out)}`)
  }

  get answers(): number {
    return this.answered.size
  }

  /** Both ends, started where they do not run: a journal that does not open stops this. */
  private async started(): Promise<Bridged> {
    const { folder, host, client, port } = this.parts
    const journal = { segments: { megabytes: 1 } }
    if (this.gateway === undefined) {
      const config: Config = {
        identity: host.config,
        clients: [{ kid: client.kid, name: 'agent' }],
        listen: `ws://127.0.0.1:${port}`,
        servers: { big: { command: process.execPath, args: [BIG_SERVER] } },
        ...journal,
      }
      this.gateway = (await folder.gateway(NAMES.gateway, config)).process
    }
    const connect = { identity: client.config, gateway: `ws://127.0.0.1:${port}`, pin: host.kid, ...journal }
    this.bridge ??= await folder.bridge(NAMES.connect, 'big', connect)
    return this.bridge
  }

  private async agent(bridge: Bridged, over: () => boolean): Promise<void> {
    while (!over()) {
      const begun = await bounded(bridge.initialize(), PATIENCE, 'initialize').catch(() => undefined)
      if (begun?.result !== undefined) await this.calling(bridge, over)
      else await sleep(50)
    }
  }

  private async calling(bridge: Bridged, over: () => boolean): Promise<void> {
    while (!over()) {
      const id = this.next++
      try {
        const { result, error } = await bridge.call(
          'mark',
          { file: this.parts.folder.at('marks'), id, before: 0, after: 0 },
          PATIENCE,
        )
        if (error !== undefined) return
        if (textOf(result) === `marked ${id}`) this.answered.add(id)
        else found(this.parts.counts, 'wrong', `call ${id}: ${textOf(result)}`)
      } catch {
        // The bridge is gone, or its session: what became of the call is in the journals or nowhere.
        return
      }
    }
  }

  /** Ids of the calls whose requests and answers are in a journal. */
  private async calls(end: End): Promise<{ requests: Set<number>; answers: Set<number> }> {
    const { folder, counts } = this.parts
    const [requests, answers] = [new Set<number>(), new Set<number>()]
    for await (const item of (await openJournal(folder.at(NAMES[end], 'journal'))).read()) {
      if (item.kind === 'altered') found(counts, 'wrong', `${end} ${item.file}:${item.line} ${item.detail}`)
      if (item.kind !== 'entry') continue
      const { entry } = item
      const text = Buffer.from(entry.context ?? []).toString()
      if (parseStatement(entry.statement).kind === 'request') add(requests, /"id":(\d+),"before"/.exec(text))
      else add(answers, /marked (\d+)/.exec(text))
    }
    return { requests, answers }
  }
}

function add(ids: Set<number>, found: RegExpExecArray | null): void {
  if (found?.[1] !== undefined) ids.add(Number(found[1]))
}

function falseLines(out: string): string {
  return out
    .split('\n')
    .filter((line) => line.startsWith('FALSE'))
    .slice(0, 3)
    .join('; ')
    .slice(0, 500)
}

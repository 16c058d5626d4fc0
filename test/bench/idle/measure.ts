import { readdirSync, statSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { ChainFolder } from '../../fakes/chainFolder.ts'
import { httpClient } from '../calls/client.ts'
import { type Measured, type Ratio, ratio, type Setting, type Table } from '../measured.ts'
import { cpuSeconds, HAS_PROC, tree } from '../processes.ts'
import { median } from '../stats.ts'
import { openCrowd } from './crowd.ts'
import { type Editors, startEditors } from './editors.ts'

const SESSIONS = 1000
const MINUTE = 60
const MB = 1e6

/** What it costs when nothing happens: memory of sessions, activation, CPU of a minute, and the size of what is installed. */
export async function measureIdle({ root }: Setting): Promise<Measured> {
  const vsix = findPackage(root)
  const size = statSync(vsix).size / MB
  const tables: Table[] = [{ title: 'package', columns: ['MB'], rows: [{ name: '.vsix', values: [size] }] }]
  const ratios: Record<string, Ratio> = { 'MB of the .vsix': ratio(size, '<', 3) }
  if (!HAS_PROC) return { tables, ratios, skipped: ['memory and CPU at idle: this system has no /proc'] }
  const at = (name: string): string => `${root}dist/${name}.js`
  const folder = new ChainFolder({ cli: at('cli'), keyProcess: at('keyProcess'), sampleServer: at('sampleServer') })
  const skipped: string[] = []
  let editors: Editors | undefined
  const crowd = await openCrowd(folder, root, SESSIONS)
  try {
    const each = (crowd.full - crowd.alone) / (crowd.sessions - 1)
    const columns = ['MB with 1', `MB with ${SESSIONS}`, 'kB a session']
    const values = [crowd.alone / MB, crowd.full / MB, each / 1000]
    tables.push({ title: 'idle sessions, resident memory', columns, rows: [{ name: 'gateway', values }] })
    ratios[`MB of a gateway with ${SESSIONS} idle sessions`] = ratio(crowd.full / MB, '<', 300)

    const watched = new Map(await startChain(folder))
    watched.set(`gateway with ${SESSIONS} sessions`, crowd.pid)
    editors = await startEditors(root, vsix).catch((error: unknown) => {
      skipped.push(`activation and the extension host at idle: ${String(error)}`)
      return undefined
    })
    if (editors !== undefined) {
      const { activations, hosts } = editors
      const rows = (['load', 'activate'] as const).map((part) => ({
        name: part,
        values: [median(activations.map((one) => one[part]))],
      }))
      const sum = median(activations.map(({ load, activate }) => load + activate))
      tables.push({ title: 'activation', columns: ['CPU ms'], rows: [...rows, { name: 'both', values: [sum] }] })
      ratios['CPU ms of activation'] = ratio(sum, '<', 50)
      watched.set('extension host without Countersign', hosts.without)
      watched.set('extension host with it', hosts.with)
    }
    const minute = overAMinute(watched)
    const own = await editors?.ownMs(minute)
    const percent = await minute
    if (own !== undefined) percent.set('of it, code of Countersign', (own / 1000 / MINUTE) * 100)
    const rows = Array.from(percent, ([name, value]) => ({ name, values: [value] }))
    tables.push({ title: `idle for ${MINUTE} s`, columns: ['% of a core'], rows })
    for (const name of ['connect', 'gateway', 'key process of connect', 'key process of gateway']) {
      ratios[`% CPU at idle, ${name}`] = ratio(percent.get(name) ?? Number.NaN, '<', 0.1)
    }
    // The two hosts differ by more than we do: what the profile finds of us is what counts.
    if (own !== undefined) ratios['% CPU at idle, the extension'] = ratio((own / 1000 / MINUTE) * 100, '<', 0.1)
    return { tables, ratios, skipped }
  } finally {
    await editors?.stop()
    crowd.close()
    await Promise.all(folder.processes.filter(({ ended }) => !ended).map((one) => one.stop()))
    folder.remove()
  }
}

/** One client and one gateway with a session that has done a call and waits for the next. Processes by name. */
async function startChain(folder: ChainFolder): Promise<[string, number][]> {
  const [own, peer] = [await folder.vaultIdentity('client-key'), await folder.vaultIdentity('gateway-key')]
  const server = { command: process.execPath, args: [folder.bundles.sampleServer] }
  const gateway = await folder.gateway('idle-gateway', {
    identity: peer.config,
    clients: 'enroll',
    servers: { sample: server },
  })
  const config = { identity: own.config, gateway: gateway.url, pin: gateway.kid }
  const bridge = await folder.bridge('idle-client', 'sample', config)
  await (await httpClient(bridge.url, bridge.token))('once')
  const keyProcess = (pid: number): number => tree(pid).find(({ command }) => command.includes('keyProcess'))?.pid ?? 0
  return [
    ['connect', bridge.process.pid],
    ['key process of connect', keyProcess(bridge.process.pid)],
    ['gateway', gateway.process.pid],
    ['key process of gateway', keyProcess(gateway.process.pid)],
  ]
}

async function overAMinute(watched: ReadonlyMap<string, number>): Promise<Map<string, number>> {
  const before = new Map(Array.from(watched, ([name, pid]) => [name, cpuSeconds(pid)]))
  await sleep(MINUTE * 1000)
  return new Map(
    Array.from(watched, ([name, pid]) => [name, ((cpuSeconds(pid) - (before.get(name) ?? 0)) / MINUTE) * 100]),
  )
}

function findPackage(root: string): string {
  const name = readdirSync(`${root}dist`).find((one) => one.endsWith('.vsix'))
  if (name === undefined) throw new Error('dist has no .vsix')
  return `${root}dist/${name}`
}

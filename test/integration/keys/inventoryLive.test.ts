import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { ModuleSetting } from '../../../src/contracts/settings.ts'
import { InventoryService, type ListedModule } from '../../../src/extension/identity/inventoryService.ts'
import { KeyProcesses } from '../../../src/extension/identity/keyProcesses.ts'
import { findKey, findPlace, keysAt, placesOf } from '../../../src/extension/identity/keyPlaces.ts'
import { moduleRef } from '../../../src/extension/identity/refs.ts'
import { hsmView } from '../../../src/extension/panel/hsmView.ts'
import { slotRows } from '../../../src/extension/slots/rows.ts'
import { probeToken } from '../../../src/keys/hsm/probe.ts'
import { parseHostMessage } from '../../../src/contracts/panel.ts'
import { systemClock as clock } from '../../../src/support/clock.ts'
import { buildKeyProcess } from './bundle.ts'
import { initNssToken, type NssToken, whyNoNss } from './nssToken.ts'
import { bytes, folder, MemoryLog } from './support.ts'

const reason = await whyNoNss()
const PIN = 'planted-pin-2217'

/** Two seconds are promised; a machine that also does other things gets five, and the figure is told. */
async function within<T>(ms: number, look: () => T | undefined): Promise<{ readonly value: T; readonly took: number }> {
  const began = performance.now()
  for (;;) {
    const value = look()
    const took = performance.now() - began
    if (value !== undefined) return { value, took }
    if (took > ms) throw new Error(`nothing changed within ${ms} ms`)
    await new Promise((resolve) => {
      setTimeout(resolve, 20)
    })
  }
}

describe.skipIf(reason !== undefined)(`the inventory, live${reason ? ` skipped: ${reason}` : ''}`, () => {
  const at = folder()
  const log = new MemoryLog()
  const missing: ModuleSetting = { path: '/nowhere/libmissing.so', name: 'Missing' }
  let processes: KeyProcesses
  let inventory: InventoryService
  let token: NssToken
  let setting: ModuleSetting
  let modules: ModuleSetting[] = []

  beforeAll(async () => {
    token = await initNssToken(at.file('nss'), { pin: PIN })
    setting = { path: token.module, libraryParameters: token.libraryParameters }
    modules = [missing, setting]
    processes = new KeyProcesses({
      path: await buildKeyProcess('inventory-live'),
      log,
      pins: () => ({ read: async () => undefined, forget: () => {} }),
      modules: () => modules,
      unlocked: () => {},
    })
    inventory = new InventoryService({ processes, modules: () => modules, vaultFile: at.file('vault.json'), clock })
  })
  afterAll(() => {
    inventory.dispose()
    processes.dispose()
    at.remove()
  })

  const row = (of: ModuleSetting): ListedModule | undefined =>
    inventory.inventory.modules.find(({ ref }) => ref === moduleRef(of))
  const slot = () => row(setting)?.facts?.slots.find((one) => one.slot === token.slot)
  const where = () => ({ slot: token.slot })

  it('loads nothing before somebody looks; one module that does not load fails in its own row', async () => {
    expect(inventory.inventory).toMatchObject({ refreshedAt: undefined, modules: [] })
    const looking = inventory.look()
    await within(20_000, () => (inventory.inventory.loading ? undefined : inventory.inventory.refreshedAt))
    expect(row(missing)).toMatchObject({ name: 'Missing', error: { code: 'module-load' } })
    expect(row(missing)?.facts).toBeUndefined()
    expect(slot()).toMatchObject({
      readiness: 'usable',
      reason: 'NSS is software: custody is software',
      token: { pin: 'wanted', listed: false, initialised: true },
    })
    expect(slot()?.token?.can).toEqual(expect.arrayContaining(['ML-DSA-87', 'ML-DSA-65', 'ML-DSA-44', 'ML-KEM']))
    expect(slot()?.criteria.find(({ name }) => name === 'not known as software')).toMatchObject({ state: 'not met' })
    looking.dispose()
  })

  it('shows unlock, a new key and lock by itself while somebody looks', async () => {
    const looking = inventory.look()
    const keyProcess = processes.module(setting)
    await keyProcess.login(where(), bytes(PIN))
    const unlocked = await within(5_000, () => (slot()?.token?.pin === 'unlocked' ? true : undefined))
    await keyProcess.call('generate', { where: where(), label: 'live', algorithm: 'ML-DSA-87' })
    await inventory.refresh()
    const key = slot()?.token?.keys.find(({ label }) => label === 'live')
    expect(key).toMatchObject({ algorithm: 'ML-DSA-87', custody: 'software', notReady: undefined })
    await keyProcess.call('logout', { where: where() })
    const locked = await within(5_000, () => (slot()?.token?.pin === 'wanted' ? true : undefined))
    console.log(`unlock seen after ${unlocked.took.toFixed(0)} ms, lock after ${locked.took.toFixed(0)} ms`)
    looking.dispose()
  })

  it('stays as it was while nobody looks', async () => {
    const keyProcess = processes.module(setting)
    await keyProcess.login(where(), bytes(PIN))
    await new Promise((resolve) => {
      setTimeout(resolve, 2_500)
    })
    expect(slot()?.token?.pin).toBe('wanted')
    await inventory.refreshModule(moduleRef(setting))
    expect(slot()?.token?.pin).toBe('unlocked')
  })

  it('keeps the name of a key when others come and go, and drops a module that left the settings', async () => {
    const place = placesOf(inventory.inventory).find((one) => one.kind === 'slot' && one.slot.slot === token.slot)
    const [first] = place === undefined ? [] : keysAt(place, inventory.inventory)
    const keyProcess = processes.module(setting)
    await keyProcess.call('generate', { where: where(), label: 'another', algorithm: 'ML-DSA-65' })
    await inventory.refresh()
    expect(findKey(first?.ref ?? '', inventory.inventory)?.key.label).toBe('live')
    modules = [setting]
    await inventory.refresh()
    expect(inventory.inventory.modules.map(({ ref }) => ref)).toEqual([moduleRef(setting)])
    expect(findKey(first?.ref ?? '', inventory.inventory)?.key.label).toBe('live')
  })

  it('shows a module that hangs in its own row, goes on with the others, and finds it again', async () => {
    const other = await initNssToken(at.file('other'), { pin: PIN })
    const second = { path: other.module, libraryParameters: other.libraryParameters }
    modules = [setting, second]
    const looking = inventory.look()
    await inventory.refresh()
    const hangs = processes.module(setting).pid ?? 0
    process.kill(hangs, 'SIGSTOP')
    await processes.module(second).login({ slot: other.slot }, bytes(PIN))
    const { took } = await within(5_000, () =>
      row(second)?.facts?.slots.find((one) => one.slot === other.slot)?.token?.pin === 'unlocked' ? true : undefined,
    )
    const told = await within(10_000, () => row(setting)?.silent)
    expect(row(second)).toMatchObject({ facts: {} })
    expect(row(second)?.silent).toBeUndefined()
    const isBack = () => row(setting)?.silent === undefined && slot()?.token?.pin === 'wanted'
    const back = await within(30_000, () => (isBack() ? true : undefined))
    expect(processes.module(setting).pid).not.toBe(hangs)
    console.log(
      `the other after ${took.toFixed(0)} ms, told after ${told.took.toFixed(0)} ms, back after ${back.took.toFixed(0)} ms`,
    )
    looking.dispose()
    modules = [setting]
    await processes.module(setting).login(where(), bytes(PIN))
    await inventory.refresh()
  })

  it('takes what a probe found into the verdict, for as long as that token is there', async () => {
    const ref = `${moduleRef(setting)} slot ${token.slot}`
    expect(findPlace(ref, inventory.inventory)).toBeDefined()
    for (const algorithm of ['ML-DSA-87', 'ML-DSA-44'] as const) {
      const { steps, claims } = await probeToken(processes.module(setting), where(), algorithm)
      const told = steps.map(({ step, ok, ms, error }) => ({ step, ok, ms, error: error ?? null }))
      inventory.probed(ref, { algorithm, at: clock.now(), steps: told, ...(claims === undefined ? {} : { claims }) })
    }
    const { value } = await within(5_000, () => (slot()?.probes.length === 2 ? slot() : undefined))
    expect(value.criteria.find(({ name }) => name === 'probe')).toMatchObject({
      state: 'met',
      finding: 'it made, signed and verified ML-DSA-87',
    })
  })

  it('is drawn by the panel and by the tree view', () => {
    const hsm = hsmView({
      inventory: inventory.inventory,
      identity: { kind: 'vault' },
      signer: undefined,
      lifeOf: () => undefined,
    })
    const measures = { rate: { values: [] }, added: { values: [] }, batch: { values: [] } }
    const state = {
      version: 1,
      signer: { state: 'none' },
      sessions: [],
      counters: { verified: 0, pending: 0, rejected: 0, unsigned: 0, roots: 0, unseen: 0, measures },
      hsm,
      notices: [],
    }
    expect(parseHostMessage({ type: 'state', state })).toEqual({ type: 'state', state })
    const drawn = hsm.modules[0]?.slots.find((one) => one.slot === String(token.slot))
    expect(drawn?.actions).toEqual(['createKey', 'probe', 'lock', 'changePin', 'resetPin', 'initialise'])
    const [module] = slotRows(hsm)
    const line = module?.children.find(({ ref }) => ref === drawn?.ref)
    expect(line).toMatchObject({ kind: 'slot', icon: 'countersign-usable' })
    expect(line?.description).toMatch(/^usable · slot \d+ · ML-DSA-87/)
    expect(line?.children.map(({ icon }) => icon)).toEqual(['countersign-software', 'countersign-software'])
  })
})

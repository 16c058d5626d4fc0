import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { type HostMessage, parseHostMessage, type PanelState } from '../../../src/contracts/panel.ts'
import { NO_FILTER } from '../../../src/contracts/panelContexts.ts'
import { ContextStore } from '../../../src/extension/evidence/contextStore.ts'
import { SessionRecorder } from '../../../src/extension/evidence/sessionRecorder.ts'
import { InventoryService } from '../../../src/extension/identity/inventoryService.ts'
import { KeyProcesses } from '../../../src/extension/identity/keyProcesses.ts'
import { SigningIdentity } from '../../../src/extension/identity/signingIdentity.ts'
import { NO_TRIAL } from '../../../src/contracts/panelTrial.ts'
import { PanelFeed } from '../../../src/extension/panel/panelFeed.ts'
import { panelState } from '../../../src/extension/panel/panelState.ts'
import { Connections } from '../../../src/extension/sessions/connections.ts'
import type { GatewayLink } from '../../../src/extension/sessions/gatewayLink.ts'
import { PinBoard } from '../../../src/extension/sessions/pinBoard.ts'
import { systemClock as clock } from '../../../src/support/clock.ts'
import { CountersignError } from '../../../src/support/errors.ts'
import { silentLog as log } from '../../../src/support/log.ts'
import { GatewayPins } from '../../../src/trust/gatewayPins.ts'
import { KeyRing } from '../../../src/trust/keyRing.ts'

function fixture(attempt: () => Promise<GatewayLink>) {
  const noPins = () => ({ read: async () => undefined, forget: () => {} })
  const processes = new KeyProcesses({ path: '/nowhere', log, pins: noPins, modules: () => [], unlocked: () => {} })
  const refuse = async () => {
    throw new CountersignError('vault-locked', 'The vault is locked.')
  }
  const setting = () => ({ kind: 'vault' as const })
  const identity = new SigningIdentity({
    setting,
    processes,
    openVault: refuse,
    unlock: async () => false,
    ring: new KeyRing('/nowhere', clock),
    used: () => {},
    clock,
    log,
  })
  const sleep = async () => {}
  const gateways = new Connections<GatewayLink>({ attempt, clock, random: Math.random, sleep })
  const inventory = new InventoryService({ processes, modules: () => [], vaultFile: '/nowhere/vault', clock })
  const contexts = new ContextStore(clock)
  const board = new PinBoard(new GatewayPins('/nowhere', clock))
  return {
    gateways,
    identity,
    inventory,
    contexts,
    board,
    identitySetting: setting,
    vaultMade: () => false,
    lifeOf: () => undefined,
  }
}

const GATEWAY = {
  name: 'desk',
  route: { kind: 'websocket', url: 'ws://127.0.0.1:7443' },
  pin: 'first-use',
  servers: ['files', 'tickets'],
} as const

const fails = (code: 'gateway-unreachable' | 'peer-changed') => () =>
  Promise.reject(new CountersignError(code, 'A sentence about it.'))

describe('the state of the panel', () => {
  const accepted = (state: PanelState) =>
    expect(parseHostMessage({ type: 'state', state })).toEqual({ type: 'state', state })

  it('is what the webview accepts, also when there is nothing', () => {
    accepted(panelState(fixture(fails('peer-changed')), 1))
  })

  it('follows a gateway from closed to failed and to blocked', async () => {
    for (const [code, shown] of [
      ['gateway-unreachable', 'failed'],
      ['peer-changed', 'blocked'],
    ] as const) {
      const ports = fixture(fails(code))
      ports.gateways.configure([GATEWAY])
      expect(panelState(ports, 1).sessions[0]).toMatchObject({ state: 'closed', servers: ['files', 'tickets'] })
      await ports.gateways
        .get('desk')
        ?.get({ patient: false })
        .catch(() => {})
      const state = panelState(ports, 2)
      accepted(state)
      expect(state.sessions[0]).toMatchObject({ state: shown })
      expect(state.sessions[0]?.sentence).toContain('A sentence about it.')
    }
  })

  it('says above every view that the key is locked', async () => {
    const ports = fixture(fails('peer-changed'))
    await ports.identity.get({ asked: false }).catch(() => {})
    const state = panelState(ports, 1)
    accepted(state)
    expect(state.signer.state).toBe('locked')
    expect(state.notices).toHaveLength(1)
  })

  it('lists the vault and modules that do not load', async () => {
    const ports = fixture(fails('peer-changed'))
    await ports.inventory.refresh()
    const state = panelState(ports, 1)
    accepted(state)
    expect(state.hsm.modules.at(-1)).toMatchObject({ kind: 'vault' })
  })
})

describe('the feed of the panel', () => {
  beforeEach(() => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance', 'Date'] })
  })
  afterEach(() => {
    vi.useRealTimers()
  })

  function feeding() {
    const ports = fixture(fails('peer-changed'))
    const posted: HostMessage[] = []
    const feed = new PanelFeed({
      post: (message) => posted.push(message),
      build: (version) => panelState(ports, version),
      contexts: ports.contexts,
      trial: { current: NO_TRIAL, onChange: () => ({ dispose: () => {} }) },
    })
    const recorder = new SessionRecorder(ports.contexts, 'desk', { kid: 'k', custody: 'software' })
    const arrive = (ref: number) =>
      recorder.pending({ ref, sid: 's', server: 'files', kind: 'request', body: new Uint8Array(1) })
    const list = (of: PanelFeed) => of.list.setFilter({ filter: NO_FILTER, hold: false })
    const kinds = () => posted.splice(0).map((message) => message.type)
    return { feed, posted, arrive, kinds, list, recorder }
  }

  it('builds and sends nothing before the webview is up, and nothing after it is hidden', () => {
    const { feed, arrive, kinds, list } = feeding()
    arrive(1)
    feed.stateChanged()
    vi.advanceTimersByTime(60_000)
    expect(kinds()).toEqual([])
    feed.start()
    expect(kinds()).toEqual(['state'])
    expect(list(feed).list.total).toBe(1)
    feed.stop()
    arrive(2)
    feed.stateChanged()
    expect(vi.getTimerCount()).toBe(0)
    vi.advanceTimersByTime(60_000)
    expect(kinds()).toEqual([])
  })

  it('sends rows that arrive together as one change, and only those that are in view', () => {
    const { feed, posted, arrive, list } = feeding()
    feed.start()
    list(feed)
    posted.splice(0)
    for (let ref = 0; ref < 1000; ref++) arrive(ref)
    vi.advanceTimersByTime(150)
    arrive(1000)
    vi.advanceTimersByTime(150)
    const changes = posted.flatMap((message) => (message.type === 'contexts' ? [message.contexts] : []))
    expect(changes.map(({ rows, list: { first, end } }) => [rows.length, rows[0]?.at, first, end])).toEqual([
      [100, 900, 0, 1000],
      [1, 1000, 0, 1001],
    ])
    for (const message of posted) expect(parseHostMessage(message)).toEqual(message)
  })

  it('changes figures at most once a second, and state at once', () => {
    const { feed, arrive, kinds } = feeding()
    feed.start()
    kinds()
    for (let ms = 0; ms < 3000; ms += 50) {
      arrive(ms)
      vi.advanceTimersByTime(50)
    }
    expect(kinds().filter((kind) => kind === 'state').length).toBeLessThanOrEqual(3)
    feed.stateChanged()
    feed.stateChanged()
    vi.advanceTimersByTime(1)
    expect(kinds().filter((kind) => kind === 'state')).toHaveLength(1)
  })

  it('keeps no timer once nothing goes on', () => {
    const { feed, arrive } = feeding()
    feed.start()
    arrive(1)
    vi.advanceTimersByTime(10 * 60_000)
    expect(vi.getTimerCount()).toBe(0)
  })
})

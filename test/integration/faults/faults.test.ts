import { chmodSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Bridged, BIG_SERVER, ChainFolder, type Config, type Identity } from '../../fakes/chainFolder.ts'
import { bounded, type ChainProcess, commandOf, endAll, kill, until } from '../../fakes/chainProcess.ts'
import { startHttp, textOf } from '../../fakes/mcpChain.ts'
import { findInPath, run } from '../../setup/run.mjs'
import { createSofthsmToken, softhsm } from '../../setup/softhsm.mjs'
import { buildChain } from '../chain/build.ts'
import { initNssToken, type NssToken, whyNoNss } from '../keys/nssToken.ts'

/** Everything around the chain that can fail: each time a sentence that says what to do, nothing that hangs, nothing unsigned. */
const noNss = await whyNoNss()
const noSofthsm = await softhsm({ report: () => {} }).then(
  () => undefined,
  (thrown: unknown) => String(thrown),
)
/** In most containers root may not mount either. */
const mayMount = await mountsHere()
const PIN = '0815-faults'

let folder: ChainFolder
let client: Identity
let host: Identity
let stop = async (): Promise<void> => {}
let bigUrl = ''

beforeAll(async () => {
  folder = new ChainFolder(await buildChain())
  const big = await startHttp([BIG_SERVER, 'http'])
  bigUrl = big.url
  stop = big.stop
  ;[client, host] = await Promise.all([folder.vaultIdentity('client'), folder.vaultIdentity('gateway')])
})

afterAll(async () => {
  await endAll()
  await stop()
  folder.remove()
})

const clients = (): { kid: string; name: string }[] => [{ kid: client.kid, name: 'agent' }]

/** A gateway in front of the test server, and its configuration again for a restart at the same address. */
async function startGateway(
  name: string,
  more: Config = {},
): Promise<{ process: ChainProcess; url: string; kid: string }> {
  const servers = {
    big: { command: process.execPath, args: [BIG_SERVER] },
    remote: { url: bigUrl },
    dies: { command: process.execPath, args: [BIG_SERVER, 'die'] },
    absent: { command: folder.at('no-such-program') },
    nowhere: { url: 'http://127.0.0.1:9/mcp' },
  }
  return folder.gateway(name, { identity: host.config, clients: clients(), servers, ...more })
}

/** Runs a command that must fail by itself. Returns what it told the person. */
async function failsWith(...args: string[]): Promise<string> {
  const failing = folder.cli(...args)
  const { code } = await bounded(failing.exited, 25_000, args.join(' '))
  expect(code).toBe(1)
  expect(failing.stdout).toBe('')
  // One line of ours, no stack of anybody's.
  expect(failing.stderr).not.toMatch(/\n\s+at /)
  expect(failing.stderr).not.toContain('[internal]')
  expect(failing.stderr).not.toContain(PIN)
  return failing.stderr
}

describe('a key that cannot be opened', () => {
  let token: NssToken
  let pinFile: string
  let soft: { module: string; token: string } | undefined

  beforeAll(async () => {
    pinFile = folder.at('pin')
    writeFileSync(pinFile, PIN, { mode: 0o600 })
    writeFileSync(folder.at('wrong-pin'), `${PIN}x`, { mode: 0o600 })
    writeFileSync(folder.at('open-pin'), PIN, { mode: 0o644 })
    if (noNss === undefined) {
      token = await initNssToken(folder.at('token'), { pin: PIN })
      await folder.tokenIdentity(token, 'agent-key', pinFile)
    }
    if (noSofthsm === undefined) {
      const { module } = await softhsm({ report: () => {} })
      const env = await createSofthsmToken(folder.at('softhsm'), { label: 'soft', pin: PIN, soPin: '99998888' })
      folder.env = { ...folder.env, ...env }
      soft = { module, token: 'soft' }
    }
    writeFileSync(folder.at('module.so'), 'this is no library')
  })

  const identity = (changes: Config = {}): Config => {
    const { module, libraryParameters, slot } = token
    return { pkcs11: { module, libraryParameters, slot, label: 'agent-key', pinFile, ...changes } }
  }

  const CASES: readonly [string, RegExp, () => Config][] = [
    ['wrong PIN', /PIN .*\[pin-wrong\]/, () => identity({ pinFile: folder.at('wrong-pin') })],
    [
      'absent PIN file',
      /PIN file .*cannot be read.*\[file-unreadable\]/,
      () => identity({ pinFile: folder.at('none') }),
    ],
    [
      'PIN file that others can read',
      /chmod 600.*\[file-permissions\]/,
      () => identity({ pinFile: folder.at('open-pin') }),
    ],
    [
      'absent module',
      /There is no PKCS#11 module .*Check the path.*\[module-load\]/,
      () => identity({ module: folder.at('none.so') }),
    ],
    [
      'file that is no module',
      /cannot be loaded as a PKCS#11 module.*\[module-invalid\]/,
      () => identity({ module: folder.at('module.so') }),
    ],
    [
      'library that is no module',
      /no PKCS#11 module.*Choose another file.*\[module-invalid\]/,
      () => identity({ module: otherLibrary() }),
    ],
    ['absent slot', /has no slot 4711. Its slots are: .*\[slot-missing\]/, () => identity({ slot: 4711 })],
    [
      'absent token',
      /There is no token "elsewhere". Tokens in this module: .*\[token-missing\]/,
      () => identity({ slot: undefined, token: 'elsewhere' }),
    ],
    [
      'absent key',
      /no key "another". Its ML-DSA keys: agent-key.*\[key-missing\]/,
      () => identity({ label: 'another' }),
    ],
  ]

  /** Some library of the same kind that NSS's module needs as well. */
  function otherLibrary(): string {
    return token.module.replace('libsoftokn3', 'libnssutil3')
  }

  // Both ends open their key by the same code; each case is seen from one of them.
  const NUMBERED = CASES.map((one, at) => [...one, at % 2 === 0 ? 'gateway' : 'connect'] as const)
  it.skipIf(noNss !== undefined).each(NUMBERED)('%s: said, and the process ends', async (name, why, broken, whose) => {
    const servers = { big: { url: bigUrl } }
    const gateway = { identity: broken(), clients: clients(), servers }
    const connect = { identity: broken(), gateway: 'ws://127.0.0.1:9', pin: host.kid }
    const args =
      whose === 'gateway'
        ? ['gateway', '--config', folder.gatewayConfig(`g ${name}`, gateway)]
        : ['connect', '--config', folder.clientConfig(`c ${name}`, connect), '--server', 'big']
    expect(await failsWith(...args)).toMatch(why)
  })

  it.skipIf(noSofthsm !== undefined)('a token without ML-DSA: said, and why', async () => {
    const config = { pkcs11: { ...soft, label: 'agent-key', pinFile } }
    const file = folder.clientConfig('c softhsm', { identity: config, gateway: 'ws://127.0.0.1:9', pin: host.kid })
    const said = await failsWith('connect', '--config', file, '--server', 'big', '--http')
    expect(said).toMatch(/no ML-DSA mechanism: RSA, ECDSA and EdDSA fall to a quantum computer.*\[token-unsupported\]/)
    const flags = ['--module', soft?.module ?? '', '--token', 'soft', '--label', 'k', '--pin-file', pinFile]
    expect(await failsWith('identity', 'create', ...flags)).toMatch(/\[token-unsupported\]/)
  })

  it('a vault that is not there, and a key file that is not its own', async () => {
    const file = (name: string, identity: Config): string =>
      folder.clientConfig(name, { identity, gateway: 'ws://127.0.0.1:9', pin: host.kid })
    const absent = file('c no vault', { vault: 'none.vault', keyFile: folder.at('client.key') })
    expect(await failsWith('connect', '--config', absent, '--server', 'big')).toMatch(
      /vault.*\[(key-missing|file-unreadable)\]/,
    )
    const foreign = file('c foreign', { vault: folder.at('client.vault'), keyFile: folder.at('gateway.key') })
    expect(await failsWith('connect', '--config', foreign, '--server', 'big')).toMatch(/\[vault-(locked|corrupt)\]/)
    const unset = file('c unset', { vault: folder.at('client.vault'), passphraseEnv: 'NO_SUCH_VARIABLE' })
    expect(await failsWith('connect', '--config', unset, '--server', 'big')).toMatch(
      /NO_SUCH_VARIABLE, which is not set/,
    )
  })
})

describe('a gateway that is not there', () => {
  it('refuses connections: the call says so, and the next one works when it runs', async () => {
    const first = await startGateway('restarted')
    const listen = first.url
    await first.process.stop()
    const bridge = await folder.bridge('c restarted', 'remote', {
      identity: client.config,
      gateway: listen,
      pin: host.kid,
    })
    const refused = await bridge.call('count')
    expect(refused.error?.data?.code).toBe('gateway-unreachable')
    expect(refused.error?.message).toMatch(/cannot be reached. Check that it runs and that the address is right/)

    const again = await startGateway('restarted', { listen })
    expect((await bridge.initialize()).result).toBeDefined()
    expect((await bridge.call('count')).result).toBeDefined()

    // Killed in the middle of a call.
    const slow = bridge.call('slow', { ms: 20_000 }, 100_000)
    await sleep(300)
    again.process.kill('SIGKILL')
    await bridge.process.says(/a connection was lost/)
    // It may be back in a moment: until its patience is over a call waits. Then nothing of it was sent.
    const impatient = await bridge.call('count', {}, 40_000)
    expect(impatient.error?.data?.code).toBe('gateway-unreachable')
    expect(impatient.error?.message).toMatch(/Nothing was sent/)
    const waiting = bridge.call('count', {}, 60_000).then(
      () => 'answered',
      (error: unknown) => String(error),
    )
    await sleep(200)

    const third = await startGateway('restarted', { listen })
    // What was under way in the old one nobody knows; what was not sent is sent to the new one.
    const broken = await bounded(slow, 30_000, 'the call to a killed gateway')
    expect(broken.error?.data?.code).toBe('outcome-unknown')
    expect(broken.error?.message).toMatch(/no longer has this session/)
    expect(broken.error?.message).toMatch(/may have carried out the call: look before you repeat it/)
    // The MCP session at the server belongs to the kid; a gateway that forgot it answers 404, and agents begin anew.
    expect(await bounded(waiting, 30_000, 'a call that waited')).toMatch(/no such MCP session/)
    const { result } = await bridge.initialize()
    expect(result).toBeDefined()
    expect((await bridge.call('count')).result).toBeDefined()
    expect(await bridge.process.stop()).toMatchObject({ code: 0, left: [] })
    expect(await third.process.stop()).toMatchObject({ code: 0, left: [] })
  }, 120_000)

  it('leaves nothing of itself behind when it is killed', async () => {
    const { process, url } = await startGateway('killed')
    const bridge = await folder.bridge('c killed', 'big', { identity: client.config, gateway: url, pin: host.kid })
    await bridge.initialize()
    await until(() => process.children().length >= 2)
    process.kill('SIGKILL')
    // An SDK server does not end with its input, and belongs to a group of its own; the key process notices by itself.
    const { left } = await process.leaves()
    const keyProcesses = left.filter((pid) => commandOf(pid).includes('keyProcess'))
    expect(keyProcesses).toEqual([])
    left.forEach(kill)
    await bridge.process.stop()
  })

  it('is a command that cannot be started, or ends at once', async () => {
    const config = (command: string, args: string[] = []): Config => ({
      identity: client.config,
      gateway: { command, args },
      pin: host.kid,
    })
    const absent = await folder.bridge('c absent', 'big', config(folder.at('no-such-program')))
    const refused = await absent.call('count')
    expect(refused.error?.data?.code).toBe('gateway-unreachable')
    expect(refused.error?.message).toMatch(/no-such-program .*cannot be started/)
    const ends = await folder.bridge('c ends', 'big', config('false'))
    const { error } = await bounded(ends.call('count'), 15_000, 'a gateway that ends at once')
    expect(error?.message).toMatch(/Countersign: .*(ended|lost|closed)/)
    await Promise.all([absent.process.stop(), ends.process.stop()])
  })
})

describe('a server behind the gateway', () => {
  let gateway: { process: ChainProcess; url: string }
  const bridges: Bridged[] = []

  beforeAll(async () => {
    gateway = await startGateway('servers')
  })

  afterAll(async () => {
    await Promise.all(bridges.map((bridge) => bridge.process.stop()))
    expect(await gateway.process.stop()).toMatchObject({ code: 0, left: [] })
  })

  async function bridgeTo(server: string): Promise<Bridged> {
    const config = { identity: client.config, gateway: gateway.url, pin: host.kid }
    const bridge = await folder.bridge(`c to ${server}`, server, config)
    bridges.push(bridge)
    return bridge
  }

  it.each([
    ['absent', 'server-start', /cannot be started. Check "command"/],
    ['dies', 'server-start', /ended with exit code 3.*check its command and arguments/],
    ['nowhere', 'upstream', /cannot be reached. Nothing was sent to it; check that it runs/],
  ])('%s: the agent is told what to look at', async (server, code, why) => {
    const bridge = await bridgeTo(server)
    const { error } = await bounded(bridge.initialize(), 15_000, server)
    expect(error?.data?.code).toBe(code)
    expect(error?.message).toMatch(why)
    // What the server itself said about it is in the gateway's log.
    if (server === 'dies') await gateway.process.says(/no configuration found/)
  })

  it('that dies in the middle of a call: this call, and the next session works', async () => {
    const bridge = await bridgeTo('big')
    await bridge.initialize()
    const [slow, exit] = await Promise.all([bridge.call('slow', { ms: 20_000 }), bridge.call('exit')])
    for (const { error } of [slow, exit]) {
      expect(error?.data?.code).toBe('outcome-unknown')
      expect(error?.message).toMatch(/ended during the call. It may have carried it out/)
    }
    const after = await bridge.call('count')
    expect(after.error?.message).toMatch(/ended with exit code 7/)
    expect((await bridge.initialize()).result).toBeDefined()
    expect((await bridge.call('count')).result).toBeDefined()
  })

  it('that is killed in the middle of a call', async () => {
    const bridge = await bridgeTo('big')
    await bridge.initialize()
    const pid = Number(textOf((await bridge.call('pid')).result))
    const slow = bridge.call('slow', { ms: 20_000 })
    await sleep(200)
    kill(pid)
    expect((await bounded(slow, 10_000, 'a call to a killed server')).error?.data?.code).toBe('outcome-unknown')
    expect((await bridge.initialize()).result).toBeDefined()
  })
})

describe('a key process that is killed', () => {
  const keyProcessOf = (process: ChainProcess): number =>
    process.children().find((pid) => commandOf(pid).includes('keyProcess')) ?? 0

  it.each(['connect', 'gateway'] as const)(
    'of %s, between calls and again and again: the next call works',
    async (whose) => {
      const gateway = await startGateway(`key-${whose}`)
      const config = { identity: client.config, gateway: gateway.url, pin: host.kid }
      const bridge = await folder.bridge(`c key-${whose}`, 'remote', config)
      await bridge.initialize()
      const victim = whose === 'connect' ? bridge.process : gateway.process
      for (let round = 0; round < 2; round += 1) {
        const pid = keyProcessOf(victim)
        expect(pid).toBeGreaterThan(0)
        kill(pid)
        await victim.says(/key process ended/)
        expect((await bridge.call('count')).result).toBeDefined()
        expect(keyProcessOf(victim)).not.toBe(pid)
      }
      expect(await bridge.process.stop()).toMatchObject({ code: 0, left: [] })
      expect(await gateway.process.stop()).toMatchObject({ code: 0, left: [] })
    },
  )

  it('in the middle of signatures: a clear error or a second try, never a call without one', async () => {
    const gateway = await startGateway('key-load')
    const config = { identity: client.config, gateway: gateway.url, pin: host.kid }
    const bridge = await folder.bridge('c key-load', 'remote', config)
    await bridge.initialize()
    const before = Number(textOf((await bridge.call('count')).result))
    const over = new AbortController()
    const killer = (async () => {
      for (let kills = 0; kills < 3 && !over.signal.aborted; kills += 1) {
        await sleep(150)
        const pid = keyProcessOf(bridge.process)
        if (pid > 0) kill(pid)
      }
    })()
    const answers = []
    for (let round = 0; round < 12; round += 1) {
      answers.push(...(await Promise.all(Array.from({ length: 10 }, () => bridge.call('count', {}, 30_000)))))
    }
    over.abort()
    await killer
    const failed = answers.flatMap(({ error }) => (error === undefined ? [] : [error]))
    for (const { data, message } of failed) {
      expect(data?.code).toMatch(/^signer-(unavailable|timeout)$/)
      expect(message).toMatch(/nothing was sent/)
    }
    const served = answers.length - failed.length
    const after = Number(textOf((await bridge.call('count')).result))
    // What was answered was carried out once; what was not signed was not carried out at all.
    expect(after - before - 1).toBe(served)
    expect(served).toBeGreaterThan(0)
    expect(bridge.process.stderr).toMatch(/key process ended/)
    expect(await bridge.process.stop()).toMatchObject({ code: 0, left: [] })
    expect(await gateway.process.stop()).toMatchObject({ code: 0, left: [] })
    const files = [...journalOf('c key-load'), ...journalOf('key-load')]
    expect((await folder.verify([client.kid, host.kid], files)).code).toBe(0)
  }, 90_000)

  it.skipIf(noNss !== undefined)('of a PKCS#11 token: it logs in again with its PIN file, and signs on', async () => {
    const pinFile = folder.at('token-pin')
    writeFileSync(pinFile, PIN, { mode: 0o600 })
    const token = await initNssToken(folder.at('second-token'), { pin: PIN })
    const key = await folder.tokenIdentity(token, 'gateway-key', pinFile)
    const gateway = await startGateway('key-token', { identity: key.config })
    const config = { identity: client.config, gateway: gateway.url, pin: key.kid }
    const bridge = await folder.bridge('c key-token', 'remote', config)
    await bridge.initialize()
    kill(keyProcessOf(gateway.process))
    await gateway.process.says(/key process ended/)
    expect((await bridge.call('count')).result).toBeDefined()
    await gateway.process.says(/key opened again/)
    await bridge.process.stop()
    await gateway.process.stop()
  })
})

function journalOf(name: string): string[] {
  return readdirSync(folder.at(name, 'journal')).map((file) => folder.at(name, 'journal', file))
}

describe('a journal that cannot be written', () => {
  it('because its place is taken: nothing starts', async () => {
    const servers = { big: { url: bigUrl } }
    const config = folder.gatewayConfig('g no journal', { identity: host.config, clients: clients(), servers })
    writeFileSync(folder.at('g no journal', 'journal'), 'a file')
    expect(await failsWith('gateway', '--config', config)).toMatch(
      /journal.*check its path and permissions.*\[journal-write\]/,
    )
    rmSync(folder.at('g no journal', 'journal'))
  })

  it('because others may write to its folder: nothing starts', async () => {
    const connect = { identity: client.config, gateway: 'ws://127.0.0.1:9', pin: host.kid }
    const file = folder.clientConfig('c open journal', connect)
    mkdirSync(folder.at('c open journal', 'journal'))
    chmodSync(folder.at('c open journal', 'journal'), 0o777)
    expect(await failsWith('connect', '--config', file, '--server', 'big')).toMatch(/chmod 700.*\[file-permissions\]/)
  })

  it('because its folder is read-only: nothing starts', async (context) => {
    // For root no permission is missing, so only a mount is read-only.
    const file = folder.clientConfig('c read-only', {
      identity: client.config,
      gateway: 'ws://127.0.0.1:9',
      pin: host.kid,
    })
    const journal = folder.at('c read-only', 'journal')
    mkdirSync(journal, { mode: 0o700 })
    const mounted = await mount(journal, 'ro')
    context.skip(!mounted && process.getuid?.() === 0, 'root can write anywhere, and nothing can be mounted here')
    if (!mounted) chmodSync(journal, 0o500)
    try {
      expect(await failsWith('connect', '--config', file, '--server', 'big')).toMatch(
        /folder of the journal cannot be written to.*\[journal-write\]/,
      )
    } finally {
      if (mounted) await run('umount', [journal])
    }
  })

  it.each(['gateway', 'connect'] as const)(
    `because the disk of %s is full: nothing is released${mayMount ? '' : ': skipped, no disk can be mounted here'}`,
    async (whose) => {
      const [g, c] = [`full ${whose}`, `c full ${whose}`]
      const full = folder.at(whose === 'gateway' ? g : c, 'journal')
      mkdirSync(full, { recursive: true, mode: 0o700 })
      if (!(await mount(full, 'size=256k'))) throw new Error('the small disk could not be mounted')
      const bridges: Bridged[] = []
      try {
        const gateway = await startGateway(g)
        const config = { identity: client.config, gateway: gateway.url, pin: host.kid }
        const bridge = await folder.bridge(c, 'remote', config)
        bridges.push(bridge)
        expect((await bridge.initialize()).result).toBeDefined()
        const before = Number(textOf((await bridge.call('count')).result))
        const padding = 'p'.repeat(300_000)
        const { error, result } = await bounded(bridge.call('count', { padding }), 15_000, 'a call with a full disk')
        expect(result).toBeUndefined()
        expect(error?.message).toMatch(/^Countersign: /)
        const process_ = whose === 'gateway' ? gateway.process : bridge.process
        await process_.says(/The disk of the journal is full: make room/)
        // It stays like that until somebody made room and started again: no gap is written over.
        expect((await bounded(bridge.call('count'), 15_000, 'the next call')).result).toBeUndefined()
        await bridge.process.stop()
        await gateway.process.stop()
        rmSync(journalOf(whose === 'gateway' ? g : c)[0] ?? '')
        const again = await startGateway(g)
        const other = await folder.bridge(c, 'remote', { ...config, gateway: again.url })
        expect((await other.initialize()).result).toBeDefined()
        expect(Number(textOf((await other.call('count')).result))).toBe(before + 1)
        await other.process.stop()
        await again.process.stop()
      } finally {
        await endAll()
        await run('umount', [full])
      }
    },
    60_000,
  )
})

describe('a configuration that is wrong', () => {
  it.each([
    ['is not there', undefined, /cannot be read/],
    ['is no JSON', '{"listen": ', /line 1.*Mend it/],
    ['has a typing error', '{"server": {}}', /config-invalid/],
    ['has credentials in an address', '', /credentials belong into "headers"/],
    ['leaves the machine in the clear', '', /must be https:/],
  ])('%s: said, with where', async (name, text, why) => {
    const file = folder.at(`${name}.json`)
    const servers = { far: { url: name.includes('credentials') ? 'https://a:b@mcp.example/' : 'http://mcp.example/' } }
    const written = { identity: host.config, clients: [], servers, state: 's', journal: 'j' }
    if (text !== undefined) writeFileSync(file, text === '' ? JSON.stringify(written) : text)
    expect(await failsWith('gateway', '--config', file)).toMatch(why)
  })
})

/** A small file system of its own; false where that is not allowed. */
async function mount(at: string, options: string): Promise<boolean> {
  if (process.getuid?.() !== 0 || findInPath('mount') === undefined) return false
  return run('mount', ['-t', 'tmpfs', '-o', `mode=0700,${options}`, 'tmpfs', at]).then(
    () => true,
    () => false,
  )
}

async function mountsHere(): Promise<boolean> {
  const at = mkdtempSync(path.join(tmpdir(), 'countersign-mount-'))
  try {
    if (!(await mount(at, 'size=64k'))) return false
    await run('umount', [at])
    return true
  } finally {
    rmSync(at, { recursive: true, force: true })
  }
}

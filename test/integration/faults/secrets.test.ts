import { existsSync, lstatSync, readdirSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { open } from '../../../src/crypto/aead.ts'
import { encodeUtf8 } from '../../../src/crypto/encoding.ts'
import { deriveKey } from '../../../src/crypto/passphrase.ts'
import { associatedData, parseVault } from '../../../src/keys/process/vault/format.ts'
import { type Bridged, BIG_SERVER, ChainFolder, type Config, type Identity } from '../../fakes/chainFolder.ts'
import { type ChainProcess, commandOf, endAll, kill } from '../../fakes/chainProcess.ts'
import { startHttp, textOf } from '../../fakes/mcpChain.ts'
import { RawUpstream } from '../../fakes/rawUpstream.ts'
import { run } from '../../setup/run.mjs'
import { buildChain } from '../chain/build.ts'
import { initNssToken, whyNoNss } from '../keys/nssToken.ts'

/**
 * Values that can be recognised are planted wherever a secret or a context goes, the chain is run, also until it breaks, and
 * then everything that any process printed, was started with, or wrote is searched for them.
 */
const noNss = await whyNoNss()

const PLANTED = {
  pin: 'PlantedPin0815',
  wrongPin: 'PlantedWrong42',
  passphrase: 'planted passphrase with spaces',
  wrongPassphrase: 'planted wrong passphrase',
  bearer: 'planted-bearer-token-of-upstream',
  environment: 'planted-environment-of-upstream',
  unrelated: 'planted-token-in-the-shell',
  address: 'planted-password-in-an-address',
  query: 'planted-query-of-an-address',
  context: 'planted-context-marker',
  answer: 'planted-answer-marker',
}

let folder: ChainFolder
let gateway: { process: ChainProcess; url: string; kid: string }
let gatewayConfig: Config
let host: Identity
let client: Identity
let bridges: Record<'stdio' | 'http' | 'guarded' | 'nowhere', Bridged>
const upstream = new RawUpstream()
let stop = async (): Promise<void> => {}
/** What each process of the chain was started with: /proc/PID/cmdline and environ. */
const started: { readonly command: string; readonly environment: string }[] = []

beforeAll(async () => {
  folder = new ChainFolder(await buildChain())
  // As in the shell of whoever starts these programs.
  folder.env = {
    PIN: PLANTED.pin,
    WRONG_PIN: PLANTED.wrongPin,
    PASSPHRASE: PLANTED.passphrase,
    WRONG_PASSPHRASE: PLANTED.wrongPassphrase,
    GITHUB_TOKEN: PLANTED.unrelated,
  }
  const big = await startHttp([BIG_SERVER, 'http'])
  stop = big.stop
  await upstream.listen()
  upstream.answer = (_, response) => response.writeHead(401, { 'www-authenticate': 'Bearer' }).end('go away')

  const vault = folder.at('client.vault')
  const flags = ['--vault', vault, '--passphrase-env', 'PASSPHRASE']
  const env = { ...process.env, ...folder.env }
  const made = await run(process.execPath, [folder.bundles.cli, 'identity', 'create', ...flags], { env })
  client = { ...JSON.parse(made), config: { vault, passphraseEnv: 'PASSPHRASE' } }
  host = noNss === undefined ? await tokenIdentity() : await folder.vaultIdentity('gateway')

  gatewayConfig = {
    identity: host.config,
    clients: 'enroll',
    servers: {
      stdio: { command: process.execPath, args: [BIG_SERVER], env: { API_TOKEN: PLANTED.environment } },
      http: { url: big.url, headers: { Authorization: `Bearer ${PLANTED.bearer}` } },
      guarded: { url: upstream.url, headers: { Authorization: `Bearer ${PLANTED.bearer}` } },
      nowhere: { url: 'http://127.0.0.1:9/', headers: { 'X-Api-Key': PLANTED.bearer } },
    },
  }
  gateway = await folder.gateway('g', gatewayConfig)
  const config = { identity: client.config, gateway: `${gateway.url}/?key=${PLANTED.query}`, pin: 'first-use' }
  const open = (server: string): Promise<Bridged> => folder.bridge(`c-${server}`, server, config)
  bridges = {
    stdio: await open('stdio'),
    http: await open('http'),
    guarded: await open('guarded'),
    nowhere: await open('nowhere'),
  }
}, 120_000)

afterAll(async () => {
  await endAll()
  await upstream.close()
  await stop()
  folder.remove()
})

async function tokenIdentity(): Promise<Identity> {
  const { module, libraryParameters, slot } = await initNssToken(folder.at('token'), { pin: PLANTED.pin })
  const pkcs11 = { module, libraryParameters, slot, label: 'gateway-key', pinEnv: 'PIN' }
  const flags = ['--module', module, '--library-parameters', libraryParameters, '--slot', String(slot)]
  const create = ['identity', 'create', ...flags, '--label', 'gateway-key', '--pin-env', 'PIN']
  const env = { ...process.env, ...folder.env }
  const made = await run(process.execPath, [folder.bundles.cli, ...create], { env })
  return { ...JSON.parse(made), config: { pkcs11 } }
}

/** Notes what runs below these processes now. */
function look(): void {
  const roots = [gateway.process, ...Object.values(bridges).map((bridge) => bridge.process)]
  for (const pid of roots.flatMap((root) => root.children())) {
    const environment = `/proc/${pid}/environ`
    const values = existsSync(environment) ? readFileSync(environment, 'utf8') : ''
    started.push({ command: commandOf(pid), environment: values })
  }
}

it('runs, and a server gets what its configuration says and nothing else', async () => {
  const { stdio, http } = bridges
  for (const bridge of [stdio, http]) {
    expect((await bridge.initialize()).result).toBeDefined()
    expect((await bridge.call('count', { note: PLANTED.context })).result).toBeDefined()
  }
  const environment = textOf((await stdio.call('env')).result)
  expect(environment).toContain(PLANTED.environment)
  for (const secret of [PLANTED.pin, PLANTED.passphrase, PLANTED.unrelated]) expect(environment).not.toContain(secret)
  look()
})

it('breaks in every way that makes programs talk', async () => {
  const { guarded, nowhere, http, stdio } = bridges
  expect((await guarded.call('x', { note: PLANTED.context })).error?.message).toMatch(
    /refused the gateway's credentials/,
  )
  expect(upstream.seen[0]?.headers.authorization).toBe(`Bearer ${PLANTED.bearer}`)
  upstream.answer = (_, response) => response.writeHead(200, { 'content-type': 'text/html' }).end(PLANTED.answer)
  await guarded.call('x', { note: PLANTED.context }).catch(() => {})
  upstream.answer = (_, response) => void response.socket?.destroy()
  expect((await guarded.call('x', { note: PLANTED.context })).error).toBeDefined()
  expect((await nowhere.call('x', { note: PLANTED.context })).error).toBeDefined()
  // Not JSON, and JSON that two parsers would read differently.
  await http.post(`{"jsonrpc":"2.0","id":1,"method":"x","method":"${PLANTED.context}"}`, 10_000)
  expect((await stdio.call('no-such-tool', { note: PLANTED.context })).error).toBeDefined()
  expect((await stdio.call('exit', { note: PLANTED.context })).error).toBeDefined()

  const wrong = [
    ...(noNss === undefined ? [{ pkcs11: { ...Object(host.config['pkcs11']), pinEnv: 'WRONG_PIN' } }] : []),
    { ...client.config, passphraseEnv: 'WRONG_PASSPHRASE' },
  ]
  for (const [at, identity] of wrong.entries()) {
    const file = folder.clientConfig(`w${at}`, { identity, gateway: gateway.url, pin: gateway.kid })
    const failing = folder.cli('connect', '--config', file, '--server', 'http')
    expect((await failing.exited).code).toBe(1)
    expect(failing.stderr).toMatch(/\[(pin-wrong|vault-locked)\]/)
  }
  const url = `ws://somebody:${PLANTED.address}@127.0.0.1:9`
  const credentials = await folder.bridge('credentials', 'http', {
    identity: client.config,
    gateway: url,
    pin: gateway.kid,
  })
  expect((await credentials.call('x')).error?.message).toMatch(/without user, password/)
  await credentials.process.stop()
})

it('crashes', async () => {
  const { http, stdio } = bridges
  await stdio.initialize()
  look()
  const calls = [http, stdio].map((bridge) => bridge.call('slow', { ms: 10_000, note: PLANTED.context }))
  await sleep(300)
  const keyProcess = http.process.children().find((pid) => commandOf(pid).includes('keyProcess')) ?? 0
  kill(keyProcess)
  gateway.process.kill('SIGABRT')
  await gateway.process.exited
  const again = await folder.gateway('g', { ...gatewayConfig, listen: gateway.url })
  for (const { error } of await Promise.all(calls)) expect(error?.data?.code).toBe('outcome-unknown')
  http.process.kill('SIGSEGV')
  await http.process.exited
  await again.process.stop()
  for (const bridge of Object.values(bridges)) if (!bridge.process.ended) await bridge.process.stop()
})

it('and none of it is in what any process printed or was started with', () => {
  const everything = folder.said()
  expect(everything).toMatch(/a session began/)
  for (const [name, value] of Object.entries(PLANTED)) expect(everything.includes(value), name).toBe(false)
  // The token of a loopback endpoint is announced once, on standard output.
  for (const { process, token } of Object.values(bridges)) {
    expect(token.length).toBeGreaterThan(20)
    expect(process.stderr.includes(token)).toBe(false)
    expect(process.stdout.split(token)).toHaveLength(2)
  }
  expect(started.length).toBeGreaterThan(4)
  for (const { command, environment } of started) {
    for (const [name, value] of Object.entries(PLANTED)) {
      expect(command.includes(value), `${name} in ${command}`).toBe(false)
      // The one server that it was configured for.
      const meant = name === 'environment' && command.includes('bigServer')
      expect(environment.includes(value) && !meant, `${name} in the environment of ${command}`).toBe(false)
    }
  }
})

it('and the private key, and the key that seals it, are nowhere at all', async () => {
  const file = folder.at('client.vault')
  const { lock, keys } = parseVault(readFileSync(file), file)
  const [entry] = keys
  if (lock.kind !== 'scrypt' || entry === undefined) throw new Error('the vault is another one than was made')
  const sealing = await deriveKey(encodeUtf8(PLANTED.passphrase), lock.salt, lock)
  const seed = open(sealing, entry.nonce, associatedData(lock, entry), entry.sealed)
  expect(seed).toHaveLength(32)
  const places = new Map([['what was printed', Buffer.from(folder.said())]])
  for (const name of filesIn(folder.path)) places.set(name, readFileSync(name))
  // What is searched for in the same way and must be found: the sealed seed in its vault.
  expect(placesOf(entry.sealed, places)).toEqual([file])
  expect(placesOf(seed, places)).toEqual([])
  expect(placesOf(sealing, places)).toEqual([])
})

/** Where these bytes are, as they are or in any encoding that a program would print. */
function placesOf(secret: Uint8Array, places: ReadonlyMap<string, Buffer>): string[] {
  const bytes = Buffer.from(secret)
  const texts = [
    bytes.toString('hex'),
    bytes.toString('hex').toUpperCase(),
    bytes.toString('base64url'),
    bytes.toString('base64').replace(/=+$/, ''),
    Array.from(bytes).join(','),
    Array.from(bytes).join(', '),
    bytes.toString('hex').replaceAll(/(..)(?!$)/g, '$1 '),
  ]
  const forms = [bytes, ...texts.map((text) => Buffer.from(text))]
  return Array.from(places).flatMap(([name, content]) => (forms.some((form) => content.includes(form)) ? [name] : []))
}

it('and contexts are in journals only, secrets in no file but those that they were written into by hand', () => {
  const found = new Map<string, Set<string>>(Object.keys(PLANTED).map((name) => [name, new Set()]))
  for (const file of filesIn(folder.path)) {
    const text = readFileSync(file, 'latin1')
    for (const [name, value] of Object.entries(PLANTED)) {
      const forms = [value, Buffer.from(value).toString('base64url').slice(2, -4), Buffer.from(value).toString('hex')]
      if (forms.some((form) => text.includes(form))) found.get(name)?.add(path.relative(folder.path, file))
    }
  }
  const kinds = (name: string): string[] =>
    Array.from(found.get(name) ?? [], (file) => file.replace(/^[^/]+\//, '').replace(/^journal\/.*/, 'journal'))
  const only = (name: string, allowed: readonly string[]): void => {
    expect(
      Array.from(new Set(kinds(name))).filter((kind) => !allowed.includes(kind)),
      name,
    ).toEqual([])
  }
  for (const name of ['pin', 'wrongPin', 'passphrase', 'wrongPassphrase', 'unrelated']) only(name, [])
  only('bearer', ['config.json'])
  // What the tool `env` answered was a context as well.
  only('environment', ['config.json', 'journal'])
  only('address', ['config.json'])
  only('query', ['config.json', 'state/gateways.json'])
  only('context', ['journal'])
  expect(kinds('context')).toContain('journal')
})

it('and everything that was written is for its owner only', () => {
  const written = filesIn(folder.path).filter((file) => !file.endsWith('config.json') && !file.includes('/token/'))
  const mode = (file: string): string => (lstatSync(file).mode & 0o777).toString(8)
  const names = written.map((file) => path.relative(folder.path, file))
  expect(names).toEqual(expect.arrayContaining(['client.vault', 'g/state/clients.json', 'c-http/state/gateways.json']))
  expect(names.filter((name) => name.includes('journal/')).length).toBeGreaterThan(4)
  for (const file of written) expect(mode(file), file).toBe('600')
  for (const file of written.filter((name) => /\/(journal|state)\//.test(name)))
    expect(mode(path.dirname(file))).toBe('700')
})

function filesIn(at: string): string[] {
  return readdirSync(at, { withFileTypes: true }).flatMap((entry) => {
    const name = path.join(at, entry.name)
    return entry.isDirectory() ? filesIn(name) : [name]
  })
}

import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { type Bridged, ChainFolder, type Config } from '../../fakes/chainFolder.ts'
import { bounded, type ChainProcess, endAll, until } from '../../fakes/chainProcess.ts'
import { browse, ProtectedServer } from '../../fakes/protectedServer.ts'
import { buildChain } from './build.ts'

/** `countersign authorize` beside a gateway that runs, with the real processes and a real authorization server. */
let folder: ChainFolder
let server: ProtectedServer
let config: Config
let file: string
let gateway: ChainProcess
let agent: Bridged

beforeAll(async () => {
  folder = new ChainFolder(await buildChain())
  server = await new ProtectedServer().listen()
  const [host, own] = await Promise.all([folder.vaultIdentity('host'), folder.vaultIdentity('agent')])
  const servers = { web: { url: server.url }, files: { command: process.execPath } }
  config = { identity: host.config, clients: [{ kid: own.kid, name: 'an agent' }], servers }
  const started = await folder.gateway('gateway', config)
  gateway = started.process
  file = folder.at('gateway', 'config.json')
  agent = await folder.bridge('client', 'web', { identity: own.config, gateway: started.url, pin: host.kid })
})
afterAll(async () => {
  await endAll()
  await server.close()
  folder.remove()
})

const grant = (): string => folder.at('gateway', 'state', 'grants', 'web.json')

/** Runs the command to its end; what it prints is given to `visit` as soon as it names an address. */
async function authorize(visit: (address: string) => Promise<unknown>, ...args: readonly string[]) {
  const command = folder.cli('authorize', ...args)
  const address = (): string | undefined => /^ {2}(http\S+)$/m.exec(command.stdout)?.[1]
  await until(
    () => address() !== undefined || command.ended,
    20_000,
    () => 'no address',
  )
  const shown = address()
  if (shown !== undefined) await visit(shown)
  const { code } = await bounded(command.exited, 20_000, 'authorize')
  return { code, out: command.stdout, err: command.stderr }
}

it('a call before it names the command, and leaves no trace of a grant', async () => {
  const { error } = await agent.initialize()
  expect(error).toMatchObject({ data: { code: 'unauthorized' }, message: expect.stringContaining('--server web') })
  expect(existsSync(grant())).toBe(false)
})

it('who says no in the browser ends it, and nothing is kept', async () => {
  server.rules.says = 'no'
  const { code, err } = await authorize(browse, '--config', file, '--server', 'web')
  server.rules.says = 'yes'
  expect([code, existsSync(grant())]).toEqual([1, false])
  expect(err).toContain('access_denied')
})

it('who agrees in the browser has the running gateway serve, without a restart', async () => {
  let page = ''
  const { code, out } = await authorize(
    async (address) => (page = await browse(address)),
    '--config',
    file,
    '--server',
    'web',
  )
  expect(page).toContain('You can close this window')
  expect(out).toContain(`web asks for the agreement of ${server.origin}`)
  expect(out).toMatch(/web is authorized for "mcp:use"\. The tokens are in .*grants.web\.json/)
  expect(code).toBe(0)
  expect(statSync(grant()).mode & 0o777).toBe(0o600)
  const { result } = await agent.initialize()
  expect(result).toMatchObject({ serverInfo: { name: 'protected' } })
  expect(JSON.stringify(await agent.call('whoami'))).toContain('you are client-')
})

it('the gateway renews what has ended, and goes on', async () => {
  const before = readFileSync(grant(), 'utf8')
  server.expire()
  expect(JSON.stringify(await agent.call('whoami'))).toContain('you are client-')
  expect(readFileSync(grant(), 'utf8')).not.toBe(before)
  expect(statSync(grant()).mode & 0o777).toBe(0o600)
})

it('what is wrong in its arguments or the file is said before anybody is asked', async () => {
  const nobody = () => Promise.reject(new Error('nobody should be asked'))
  const wrong = folder.gatewayConfig('wrong', { ...config, servers: { web: { url: server.url, ca: 'none.pem' } } })
  writeFileSync(folder.at('wrong', 'none.pem'), 'no certificate')
  const plain = folder.gatewayConfig('plain', {
    ...config,
    servers: { web: { url: 'http://far.example/', plain: true } },
  })
  const TRIED: readonly [readonly string[], RegExp][] = [
    [['--server', 'web'], /--config FILE/],
    [['--config', file], /--server NAME/],
    [['--config', file, '--server', 'constructor'], /no server constructor/],
    [['--config', file, '--server', 'files'], /is a command/],
    [['--config', wrong, '--server', 'web'], /"ca" of the server web, is not a file of certificates/],
    [['--config', plain, '--server', 'web'], /only sent over https/],
  ]
  const ended = await Promise.all(TRIED.map(([args]) => authorize(nobody, ...args)))
  for (const [index, [, sentence]] of TRIED.entries()) {
    expect(ended[index]?.err).toMatch(sentence)
    expect(ended[index]?.code).not.toBe(0)
  }
})

it('no process printed a token or a code, and no other file than the grant holds one', async () => {
  expect((await gateway.stop()).left).toEqual([])
  const SECRETS = /(?:access|refresh|code)-[0-9a-f]{8}-/
  expect(readFileSync(grant(), 'utf8')).toMatch(SECRETS)
  expect(folder.said()).not.toMatch(SECRETS)
  const files = readdirSync(folder.path, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile())
  const holders = files
    .map(({ parentPath, name }) => `${parentPath}/${name}`)
    .filter((path) => SECRETS.test(readFileSync(path, 'latin1')))
  expect(holders).toEqual([grant()])
})

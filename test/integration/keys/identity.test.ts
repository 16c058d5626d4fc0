import { readFileSync, writeFileSync } from 'node:fs'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { runIdentity } from '../../../src/cli/identity.ts'
import { parseJwk, thumbprint } from '../../../src/crypto/jwk.ts'
import { buildKeyProcess } from './bundle.ts'
import { initNssToken, type NssToken, whyNoNss } from './nssToken.ts'
import { folder } from './support.ts'

const at = folder()
let keyProcess = ''
let out: string[] = []
let errors: string[] = []

beforeAll(async () => {
  keyProcess = await buildKeyProcess('identity')
  process.env['COUNTERSIGN_TEST_PIN'] = 'planted-pin'
  process.env['COUNTERSIGN_TEST_WRONG'] = 'planted-wrong'
})
beforeEach(() => {
  out = []
  errors = []
})
afterAll(() => {
  delete process.env['COUNTERSIGN_TEST_PIN']
  delete process.env['COUNTERSIGN_TEST_WRONG']
  at.remove()
})

const run = (...argv: string[]) =>
  runIdentity(argv, { stdout: (line) => out.push(line), stderr: (line) => errors.push(line) }, keyProcess)

function printed(): { kid: string; custody: string } {
  expect(out).toHaveLength(1)
  const line: { kid: string; jwk: unknown; custody: string } = JSON.parse(out[0] ?? '')
  expect(Object.keys(line)).toEqual(['kid', 'jwk', 'custody'])
  const { algorithm, publicKey } = parseJwk(line.jwk)
  expect(thumbprint(algorithm, publicKey)).toBe(line.kid)
  return line
}

describe('countersign identity', () => {
  it('makes a vault and shows it again, on one line', async () => {
    const vault = ['--vault', at.file('v.json'), '--key-file', at.file('v.key')]
    expect(await run('create', ...vault)).toBe(0)
    const made = printed()
    expect(made.custody).toBe('software')
    out = []
    expect(await run('show', ...vault)).toBe(0)
    expect(printed().kid).toBe(made.kid)
    out = []
    const before = readFileSync(at.file('v.json'))
    expect(await run('create', ...vault)).toBe(1)
    expect(out).toEqual([])
    expect(errors.join()).toContain('[key-exists]')
    expect(readFileSync(at.file('v.json')).equals(before)).toBe(true)
  })

  it('takes a passphrase from the environment, and names a variable that is not set', async () => {
    const vault = ['--vault', at.file('p.json'), '--passphrase-env']
    expect(await run('create', ...vault, 'COUNTERSIGN_TEST_PIN', '--algorithm', 'ML-DSA-65')).toBe(0)
    expect(await run('show', ...vault, 'COUNTERSIGN_TEST_WRONG')).toBe(1)
    expect(await run('show', ...vault, 'COUNTERSIGN_TEST_UNSET')).toBe(1)
    expect(errors.join()).toContain('COUNTERSIGN_TEST_UNSET, which is not set')
    expect([...out, ...errors].join()).not.toContain('planted')
  })

  it.each([
    [[]],
    [['list']],
    [['show']],
    [['show', '--vault', 'v']],
    [['show', '--vault', 'v', '--module', 'm']],
    [['show', '--vault', 'v', '--key-file', 'k', '--pin-env', 'P']],
    [['show', '--vault', 'v', '--key-file', 'k', '--algorithm', 'ML-DSA-87']],
    [['create', '--vault', 'v', '--key-file', 'k', '--algorithm', 'ML-DSA-44']],
    [['show', '--module', 'm', '--slot', '1', '--token', 't', '--label', 'k', '--pin-env', 'P']],
    [['show', '--module', 'm', '--slot', '0x1', '--label', 'k', '--pin-env', 'P']],
    [['show', '--module', 'm', '--slot', '1', '--pin-env', 'P']],
    [['show', '--module', 'm', '--slot', '1', '--label', 'k', '--pin', '1234']],
  ])('%j is wrong usage: exit code 2, nothing on standard output', async (argv) => {
    expect(await run(...argv)).toBe(2)
    expect(out).toEqual([])
    expect(errors.join('\n')).toContain('Usage:')
  })
})

const reason = await whyNoNss()
describe.skipIf(reason !== undefined)(`countersign identity with a token${reason ? ` skipped: ${reason}` : ''}`, () => {
  let token: NssToken
  beforeAll(async () => {
    token = await initNssToken(at.file('nss'), { pin: 'planted-pin' })
  })
  const argv = (pinEnv: string, label = 'k') => {
    const { module, libraryParameters, slot } = token
    const place = ['--module', module, '--library-parameters', libraryParameters, '--slot', String(slot)]
    return [...place, '--label', label, '--pin-env', pinEnv]
  }

  it('makes a key in it, shows it, and replaces none', async () => {
    expect(await run('show', ...argv('COUNTERSIGN_TEST_PIN'))).toBe(1)
    expect(errors.join()).toContain('[key-missing]')
    expect(await run('create', ...argv('COUNTERSIGN_TEST_PIN'))).toBe(0)
    const made = printed()
    out = []
    expect(await run('show', ...argv('COUNTERSIGN_TEST_PIN'))).toBe(0)
    expect(printed()).toEqual(made)
    out = []
    expect(await run('create', ...argv('COUNTERSIGN_TEST_PIN'))).toBe(1)
    expect(errors.join()).toContain('[key-exists]')
  })

  it('says that a PIN is wrong, once, without the PIN', async () => {
    expect(await run('show', ...argv('COUNTERSIGN_TEST_WRONG'))).toBe(1)
    expect(errors.join('\n')).toBe('countersign: The PIN is wrong. [pin-wrong]')
    const pinFile = at.file('empty.pin')
    writeFileSync(pinFile, '\n', { mode: 0o600 })
    const rest = argv('X').slice(0, -2)
    expect(await run('show', ...rest, '--pin-file', pinFile)).toBe(1)
    expect(errors.join()).toContain('is empty or too long')
    expect([...out, ...errors].join()).not.toContain('planted')
  })
})

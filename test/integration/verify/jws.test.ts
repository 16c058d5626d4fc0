import { execFileSync, spawnSync } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { exportPem } from '../../../src/crypto/pem.ts'
import { type Parties, parties, realBundle } from '../../fakes/evidenceBundle.ts'
import { node24 } from '../../setup/node24.mjs'
import { run } from '../../setup/run.mjs'

interface SignedLine {
  readonly type: string
  readonly kid?: string
  readonly jwk?: { readonly pub: string }
  readonly jws?: string
}

let folder: string
let of: Parties
let lines: SignedLine[]

beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'countersign-jws-'))
  of = await parties()
  lines = (await realBundle(of))
    .toString('utf8')
    .split('\n')
    .filter((line) => line !== '')
    .map((line): SignedLine => JSON.parse(line))
})

afterAll(() => rm(folder, { recursive: true, force: true }))

function signed(type: 'batch' | 'manifest'): { jwk: SignedLine['jwk']; jws: Record<string, string> } {
  const { jws = '' } = lines.find((line) => line.type === type) ?? {}
  return { jwk: lines.find(({ kid }) => kid === of.client.kid)?.jwk, jws: JSON.parse(jws) }
}

it.each(['batch', 'manifest'] as const)('the JWS of a %s verifies with jose as it is', async (type) => {
  const { node } = await node24()
  const args = ['--disable-warning=ExperimentalWarning', path.join(import.meta.dirname, 'jws.mjs')]
  const { protectedHeader, payload } = JSON.parse(await run(node, args, { input: JSON.stringify(signed(type)) }))
  expect(protectedHeader).toEqual({ alg: 'ML-DSA-87', typ: `countersign-${type}`, kid: of.client.kid })
  expect(payload).toMatchObject({ v: 1, typ: `countersign-${type}`, alg: 'sha-384', custody: 'software' })
})

const version = opensslVersion()
const able = /^OpenSSL (3\.([5-9]|[1-9]\d)|[4-9])/.test(version)

it.skipIf(!able)(
  able
    ? 'the JWS of a batch verifies with OpenSSL'
    : `the JWS of a batch with OpenSSL 3.5: skipped, here is ${version}`,
  async () => {
    const { jws } = signed('batch')
    const [key, input, signature] = ['key.pem', 'input', 'signature'].map((name) => path.join(folder, name))
    if (key === undefined || input === undefined || signature === undefined) throw new Error('no paths')
    await writeFile(key, exportPem(of.client.algorithm, of.client.publicKey))
    await writeFile(input, `${jws['protected'] ?? ''}.${jws['payload'] ?? ''}`)
    await writeFile(signature, Buffer.from(jws['signature'] ?? '', 'base64url'))
    const args = ['pkeyutl', '-verify', '-pubin', '-inkey', key, '-rawin', '-in', input, '-sigfile', signature]
    expect(execFileSync('openssl', args, { encoding: 'utf8' })).toContain('Signature Verified Successfully')
    await writeFile(input, 'something else')
    expect(spawnSync('openssl', args).status).toBe(1)
  },
)

function opensslVersion(): string {
  const { stdout, error } = spawnSync('openssl', ['version'], { encoding: 'utf8' })
  return error === undefined ? stdout.trim() : 'no openssl'
}

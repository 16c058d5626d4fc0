import { existsSync } from 'node:fs'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { randomBytes } from '../../../src/crypto/random.ts'
import { EmbeddedVault } from '../../../src/extension/identity/vault.ts'
import { DEFAULT_LABEL } from '../../../src/keys/signer.ts'
import { KeyProcess } from '../../../src/keys/hsm/supervisor.ts'
import { buildKeyProcess } from './bundle.ts'
import { expectSigns, folder, handshake, MemoryLog } from './support.ts'

let path: string
let at: ReturnType<typeof folder>
let keyProcess: KeyProcess
let made: number
/** In place of the editor's secret store. */
let stored: Uint8Array | undefined
let vault: EmbeddedVault

beforeAll(async () => {
  path = await buildKeyProcess('embeddedVault')
}, 60_000)

beforeEach(() => {
  at = folder()
  const log = new MemoryLog()
  keyProcess = new KeyProcess({ path, holds: { kind: 'vault' }, log })
  made = 0
  stored = undefined
  vault = new EmbeddedVault({
    keyProcess: () => keyProcess,
    file: at.file('vault.json'),
    key: async (mayCreate) => {
      if (mayCreate) stored = randomBytes(32)
      return stored?.slice() ?? randomBytes(32)
    },
    created: () => made++,
    log,
  })
})

afterEach(() => {
  keyProcess.dispose()
  at.remove()
})
afterAll(() => keyProcess.closed())

describe('the vault of an editor', () => {
  it('makes its key once, however many ask at the same time', async () => {
    const signers = await Promise.all([vault.open(), vault.open(), vault.open()])
    expect(new Set(signers.map(({ kid }) => kid)).size).toBe(1)
    expect(made).toBe(1)
    await expectSigns(await vault.open(), handshake())
  })

  it('destroys that key, stops signing with it, and makes another one when it is needed', async () => {
    const first = await vault.open()
    await vault.destroy({ label: DEFAULT_LABEL, publicKey: first.publicKey })
    expect(existsSync(at.file('vault.json'))).toBe(false)
    await expect(first.sign(handshake())).rejects.toMatchObject({ code: 'key-missing' })
    const second = await vault.open()
    expect(second.kid).not.toBe(first.kid)
    expect(made).toBe(2)
    await expectSigns(second, handshake())
  })

  it('destroys no other key than the one that was meant, and none while it is locked', async () => {
    const { kid, publicKey } = await vault.open()
    const other = publicKey.slice().reverse()
    await expect(vault.destroy({ label: DEFAULT_LABEL, publicKey: other })).rejects.toMatchObject({
      code: 'key-missing',
    })
    keyProcess.lock()
    await expect(vault.destroy({ label: DEFAULT_LABEL, publicKey })).rejects.toMatchObject({ code: 'vault-locked' })
    keyProcess.release()
    expect((await vault.open()).kid).toBe(kid)
  })
})

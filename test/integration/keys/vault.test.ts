import { fork } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, existsSync, readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Params } from '../../../src/contracts/keyProcess.ts'
import { randomBytes } from '../../../src/crypto/random.ts'
import { openVaultSigner, type VaultSignerOptions } from '../../../src/keys/hsm/signer.ts'
import { readVault } from '../../../src/keys/hsm/inventory.ts'
import { KeyProcess } from '../../../src/keys/hsm/supervisor.ts'
import { buildKeyProcess } from './bundle.ts'
import { batch, bytes, expectSigns, folder, gone, handshake, MemoryLog, sleep } from './support.ts'

const at = folder()
const log = new MemoryLog()
const made: KeyProcess[] = []
let path = ''

beforeAll(async () => {
  path = await buildKeyProcess('vault')
})
afterAll(() => {
  for (const keyProcess of made) keyProcess.dispose()
  at.remove()
})

function vaultProcess(): KeyProcess {
  const keyProcess = new KeyProcess({ path, holds: { kind: 'vault' }, log })
  made.push(keyProcess)
  return keyProcess
}

const open = (options: Omit<VaultSignerOptions, 'keyProcess' | 'log'> & { keyProcess?: KeyProcess }) =>
  openVaultSigner({ keyProcess: vaultProcess(), log, ...options })

const code = (expected: string) => expect.objectContaining({ code: expected })

describe('the vault', () => {
  it('makes vault and key file where there are none, for their owner only, and opens them again', async () => {
    const file = at.file('new/vault.json')
    const unlock = { keyFile: at.file('new/key') }
    const signer = await open({ file, unlock, create: 'ML-DSA-87' })
    expect(signer).toMatchObject({ custody: 'software', algorithm: 'ML-DSA-87' })
    expect(statSync(file).mode & 0o777).toBe(0o600)
    expect(statSync(unlock.keyFile)).toMatchObject({ size: 32 })
    expect(statSync(unlock.keyFile).mode & 0o777).toBe(0o600)
    const again = await open({ file, unlock })
    expect(again.kid).toBe(signer.kid)
    await expectSigns(again, batch(5))
    await expectSigns(again, handshake())
    expect(existsSync(`${file}.writing`)).toBe(false)
  })

  it('gives up exactly the key that is meant, to whom it opens for, and goes with the last one', async () => {
    const file = at.file('ending.json')
    const keyFile = at.file('ending.key')
    const keyProcess = vaultProcess()
    const unlock = { kind: 'keyFile', path: keyFile } as const
    const make = (label: string) => keyProcess.call('createVault', { file, unlock, label, algorithm: 'ML-DSA-65' })
    const destroy = (label: string, publicKey: Uint8Array, by: Params<'openVault'>['unlock'] = unlock) =>
      keyProcess.call('destroyVaultKey', { file, unlock: by, label, publicKey })
    const sign = (handle: number) => keyProcess.call('sign', { handle, input: handshake() })
    const [one, two] = [await make('one'), await make('two')]
    const before = readFileSync(file)
    await expect(destroy('two', one.publicKey)).rejects.toEqual(code('key-missing'))
    await expect(destroy('one', one.publicKey, { kind: 'key', key: randomBytes(32) })).rejects.toEqual(
      code('vault-locked'),
    )
    expect(readFileSync(file).equals(before)).toBe(true)
    await sign(one.handle)
    expect(await destroy('one', one.publicKey)).toEqual({ left: 1 })
    await expect(sign(one.handle)).rejects.toEqual(code('key-missing'))
    await sign(two.handle)
    expect((await readVault(keyProcess, file)).keys.map(({ label }) => label)).toEqual(['two'])
    expect(await destroy('two', two.publicKey)).toEqual({ left: 0 })
    expect(existsSync(file)).toBe(false)
    await expect(destroy('two', two.publicKey)).rejects.toEqual(code('key-missing'))
    expect(existsSync(`${file}.writing`)).toBe(false)
  })

  it('signs a transition right after it was opened, and one only', async () => {
    const [file, path] = [at.file('moving.json'), at.file('moving.key')]
    const keyProcess = vaultProcess()
    const unlock = { kind: 'keyFile', path } as const
    const make = (label: string) => keyProcess.call('createVault', { file, unlock, label, algorithm: 'ML-DSA-65' })
    const [from, to] = [await make('old'), await make('new')]
    const key = ({ algorithm, publicKey }: typeof from) => ({ algorithm, publicKey })
    const sign = (handle: number, when: number) =>
      keyProcess.call('sign', { handle, input: { kind: 'transition', from: key(from), to: key(to), at: when } })
    await sign(from.handle, 1)
    await sign(to.handle, 1)
    await expect(sign(from.handle, 2)).rejects.toEqual(code('pin-needed'))
    const again = await keyProcess.call('openVault', { file, unlock, label: 'old' })
    await sign(again.handle, 2)
  })

  it('keeps several keys under one lock and replaces none', async () => {
    const file = at.file('several.json')
    const unlock = { keyFile: at.file('several.key') }
    const first = await open({ file, unlock, create: 'ML-DSA-87' })
    const second = await open({ file, unlock, create: 'ML-DSA-65', label: 'other' })
    expect(second.algorithm).toBe('ML-DSA-65')
    await expectSigns(second, handshake())
    await expect(open({ file, unlock, create: 'ML-DSA-87' })).rejects.toEqual(code('key-exists'))
    expect((await open({ file, unlock })).kid).toBe(first.kid)
    const stranger = { keyFile: at.file('stranger.key') }
    writeFileSync(stranger.keyFile, randomBytes(32), { mode: 0o600 })
    await expect(open({ file, unlock: stranger, create: 'ML-DSA-87', label: 'third' })).rejects.toEqual(
      code('vault-locked'),
    )
    const { keys, lock } = await readVault(vaultProcess(), file)
    expect(lock).toBe('key')
    expect(keys.map(({ kid, custody, label }) => ({ kid, custody, label }))).toEqual([
      { kid: first.kid, custody: 'software', label: 'mcp-identity-key' },
      { kid: second.kid, custody: 'software', label: 'other' },
    ])
  })

  it('opens with a passphrase, and with 32 bytes of a secret store; both are wiped', async () => {
    const file = at.file('passphrase.json')
    const given: Uint8Array[] = []
    const passphrase = () => {
      const secret = bytes('planted passphrase')
      given.push(secret)
      return secret
    }
    const signer = await open({ file, unlock: { passphrase }, create: 'ML-DSA-87' })
    expect((await open({ file, unlock: { passphrase } })).kid).toBe(signer.kid)
    expect(given.every((secret) => secret.every((byte) => byte === 0))).toBe(true)
    await expect(open({ file, unlock: { passphrase: () => bytes('another') } })).rejects.toEqual(code('vault-locked'))
    await expect(open({ file, unlock: { key: () => randomBytes(32) } })).rejects.toEqual(code('vault-locked'))
    await expect(open({ file, unlock: { passphrase: () => undefined } })).rejects.toEqual(code('vault-locked'))

    const key = randomBytes(32)
    const stored = at.file('stored.json')
    const one = await open({ file: stored, unlock: { key: () => key.slice() }, create: 'ML-DSA-87' })
    expect((await open({ file: stored, unlock: { key: async () => key.slice() } })).kid).toBe(one.kid)
  })

  it('refuses key files that others can read, that are no key files, or that are gone', async () => {
    const file = at.file('modes.json')
    const keyFile = at.file('modes.key')
    await open({ file, unlock: { keyFile }, create: 'ML-DSA-87' })
    chmodSync(keyFile, 0o640)
    await expect(open({ file, unlock: { keyFile } })).rejects.toEqual(code('file-permissions'))
    chmodSync(keyFile, 0o600)
    chmodSync(file, 0o604)
    await expect(open({ file, unlock: { keyFile } })).rejects.toEqual(code('file-permissions'))
    chmodSync(file, 0o600)
    writeFileSync(at.file('long.key'), randomBytes(33), { mode: 0o600 })
    await expect(open({ file, unlock: { keyFile: at.file('long.key') } })).rejects.toEqual(code('file-unreadable'))
    await expect(open({ file, unlock: { keyFile: at.path } })).rejects.toEqual(code('file-unreadable'))
    await expect(open({ file, unlock: { keyFile: at.file('absent') } })).rejects.toEqual(code('file-unreadable'))
    expect(existsSync(at.file('absent'))).toBe(false)
    symlinkSync(keyFile, at.file('link.key'))
    await expectSigns(await open({ file, unlock: { keyFile: at.file('link.key') } }), handshake())
  })

  /** The match with another last character: base64url may begin with any, so one that is always put there may change nothing. */
  const otherFirst = (found: string) => `${found.slice(0, -1)}${found.endsWith('A') ? 'B' : 'A'}`

  it('refuses every change to the file', async () => {
    const file = at.file('changed.json')
    const unlock = { keyFile: at.file('changed.key') }
    await open({ file, unlock, create: 'ML-DSA-87' })
    const text = readFileSync(file, 'utf8')
    const variants: [string, string, string][] = [
      ['another label', text.replace('mcp-identity-key', 'mcp-identity-kez'), 'vault-locked'],
      ['another time', text.replace(/"created": \d/, '"created": 2'), 'vault-locked'],
      ['another public key', text.replace(/"pub": "./, otherFirst), 'vault-locked'],
      ['another nonce', text.replace(/"nonce": "./, otherFirst), 'vault-locked'],
      ['another seed', text.replace(/"sealed": "./, otherFirst), 'vault-locked'],
      ['a member more', text.replace('"v": 1', '"v": 1,\n  "x": 1'), 'vault-corrupt'],
      ['a member twice', text.replace('"v": 1', '"v": 1,\n  "v": 1'), 'vault-corrupt'],
      ['another version', text.replace('"v": 1', '"v": 2'), 'vault-corrupt'],
      ['half of it', text.slice(0, text.length / 2), 'vault-corrupt'],
      ['nothing', '', 'vault-corrupt'],
    ]
    for (const [what, changed, expected] of variants) {
      expect(changed, what).not.toBe(text)
      writeFileSync(file, changed)
      const label = what === 'another label' ? { label: 'mcp-identity-kez' } : {}
      await expect(open({ file, unlock, ...label }), what).rejects.toEqual(code(expected))
    }
    writeFileSync(file, text)
    await expectSigns(await open({ file, unlock }), handshake())
  })

  it('says which keys there are when the one that is meant is not', async () => {
    const file = at.file('missing.json')
    const unlock = { keyFile: at.file('missing.key') }
    await expect(open({ file, unlock })).rejects.toThrow(/There is no vault .*identity create/)
    await open({ file, unlock, create: 'ML-DSA-87' })
    await expect(open({ file, unlock, label: 'x' })).rejects.toThrow(/has no key "x". It has: mcp-identity-key/)
  })

  it('loses no key when several processes make keys at once', async () => {
    const file = at.file('race.json')
    const key = randomBytes(32)
    const unlock = { key: () => key.slice() }
    const outcomes = await Promise.allSettled(
      ['a', 'b', 'c'].map((label) => open({ file, unlock, label, create: 'ML-DSA-65' })),
    )
    const won = outcomes.filter(({ status }) => status === 'fulfilled').length
    expect(won).toBeGreaterThan(0)
    expect((await readVault(vaultProcess(), file)).keys).toHaveLength(won)
  })
})

describe('a key process that is killed', () => {
  it('in the middle of a signature: that call fails with a clear error, the next one works', async () => {
    const keyProcess = vaultProcess()
    const unlock = { keyFile: at.file('killed.key') }
    const signer = await open({ keyProcess, file: at.file('killed.json'), unlock, create: 'ML-DSA-87' })
    const { pid } = keyProcess
    if (pid === undefined) throw new Error('no process')
    // Stopped, so that the signature is certainly under way when the kill arrives.
    process.kill(pid, 'SIGSTOP')
    const signature = signer.sign(batch(3))
    await sleep(50)
    process.kill(pid, 'SIGKILL')
    await expect(signature).rejects.toThrow(
      /ended by SIGKILL in the middle of a signature. The next use starts a new one/,
    )
    await expect(signature).rejects.toEqual(code('signer-unavailable'))
    await expectSigns(signer, batch(3))
    expect(keyProcess.pid).not.toBe(pid)
  })

  it('is not started before it is needed, and not kept after dispose', async () => {
    const keyProcess = vaultProcess()
    expect(keyProcess.pid).toBeUndefined()
    const signer = await open({
      keyProcess,
      file: at.file('lazy.json'),
      unlock: { keyFile: at.file('lazy.key') },
      create: 'ML-DSA-87',
    })
    const pid = keyProcess.pid ?? 0
    keyProcess.dispose()
    expect(await gone(pid)).toBe(true)
    await expect(signer.sign(handshake())).rejects.toEqual(code('signer-unavailable'))
    expect(keyProcess.pid).toBeUndefined()
  })

  it('refuses to sign for another key after a restart', async () => {
    const keyProcess = vaultProcess()
    const file = at.file('swapped.json')
    const unlock = { keyFile: at.file('swapped.key') }
    const signer = await open({ keyProcess, file, unlock, create: 'ML-DSA-87' })
    const other = at.file('swapped-by.json')
    await open({ file: other, unlock, create: 'ML-DSA-87' })
    writeFileSync(file, readFileSync(other))
    process.kill(keyProcess.pid ?? 0, 'SIGTERM')
    await expect(signer.sign(handshake()).catch(() => signer.sign(handshake()))).rejects.toEqual(code('key-changed'))
  })

  it('stays locked after "lock" until it is released', async () => {
    const keyProcess = vaultProcess()
    const unlock = { keyFile: at.file('lock.key') }
    const signer = await open({ keyProcess, file: at.file('lock.json'), unlock, create: 'ML-DSA-87' })
    keyProcess.lock()
    await expect(signer.sign(handshake())).rejects.toEqual(code('vault-locked'))
    keyProcess.release()
    await expectSigns(signer, handshake())
  })

  it('drops a signature that nobody waits for any more', async () => {
    const signer = await open({
      file: at.file('abort.json'),
      unlock: { keyFile: at.file('abort.key') },
      create: 'ML-DSA-87',
    })
    const controller = new AbortController()
    const signature = signer.sign(batch(2), controller.signal)
    controller.abort()
    await expect(signature).rejects.toEqual(code('cancelled'))
    await expectSigns(signer, batch(2))
  })
})

describe('what the process refuses', () => {
  it('signs no batch of anything but statements', async () => {
    const keyProcess = vaultProcess()
    const unlock = { kind: 'keyFile', path: at.file('refuse.key') } as const
    const params = { file: at.file('refuse.json'), unlock, label: 'k', algorithm: 'ML-DSA-87' } as const
    const { handle } = await keyProcess.call('createVault', params)
    const input = { kind: 'batch', statements: [bytes('{"transfer":"everything"}')] } as const
    await expect(keyProcess.call('sign', { handle, input })).rejects.toEqual(code('statement-invalid'))
    const suite = 'MLKEM1024_X25519_MLDSA87_AES256GCM_SHA384\0x'
    const other = { kind: 'handshake', role: 'client', suite, hash: randomBytes(48) } as const
    await expect(keyProcess.call('sign', { handle, input: other })).rejects.toEqual(code('algorithm-unsupported'))
    const raw: Params<'sign'>['input'] = JSON.parse('{"kind":"raw","bytes":"anything"}')
    await expect(keyProcess.call('sign', { handle, input: raw })).rejects.toEqual(code('usage'))
    await expect(keyProcess.call('login', { where: { slot: 1 }, pin: bytes('1') })).rejects.toEqual(code('usage'))
  })

  it('opens no debugger for a signal', async () => {
    const child = fork(path, [], {
      serialization: 'advanced',
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
      execArgv: [],
    })
    let said = ''
    child.stderr?.on('data', (chunk: Buffer) => {
      said += chunk.toString()
    })
    child.send({ id: 1, operation: 'start', params: { holds: { kind: 'vault' } } })
    await once(child, 'message')
    child.kill('SIGUSR1')
    await sleep(300)
    expect({ said, code: child.exitCode }).toEqual({ said: '', code: null })
    child.disconnect()
    const [code]: unknown[] = await once(child, 'exit')
    expect(code).toBe(0)
  })

  it('never says a secret', () => {
    const all = log.lines.join('\n')
    expect(all).toContain('key process ended')
    expect(all).not.toMatch(/planted/)
  })
})

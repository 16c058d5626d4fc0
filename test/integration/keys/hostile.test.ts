import { existsSync, readFileSync } from 'node:fs'
import { afterAll, describe, expect, it, vi } from 'vitest'
import { openTokenSigner } from '../../../src/keys/hsm/signer.ts'
import { KeyProcess, type KeyProcessOptions } from '../../../src/keys/hsm/supervisor.ts'
import { Deferred } from '../../../src/session/deferred.ts'
import { batch, bytes, fakeKeyProcess, folder, gone, handshake, MemoryLog, sleep } from './support.ts'

const at = folder()
const made: KeyProcess[] = []
afterAll(() => {
  for (const keyProcess of made) keyProcess.dispose()
  at.remove()
})

const where = { slot: 1 }

async function hostile(behaviour: string, options: Partial<KeyProcessOptions> = {}) {
  const { path, log: starts } = fakeKeyProcess(at.path, behaviour)
  const log = new MemoryLog()
  const holds = { kind: 'module', path: '/nowhere/module.so' } as const
  const keyProcess = new KeyProcess({ path, holds, log, ...options })
  made.push(keyProcess)
  const signer = await openTokenSigner({ keyProcess, where, label: 'k', log })
  return { keyProcess, signer, log, starts: () => readFileSync(starts, 'utf8') }
}

describe('a key process that was taken over', () => {
  it.each([
    ['wrong-signature', /returned a signature that does not verify/],
    ['other-message', /returned a signature that does not verify/],
    ['shorter-algorithm', /returned a signature that does not verify/],
    ['wrong-length', /The reply to "sign" has the wrong shape at "signature"/],
    ['extra-member', /The reply to "sign" has the wrong shape/],
    ['unknown-id', /answered a request that nobody made/],
    ['no-object', /A reply of the key process has the wrong shape/],
    ['invented-code', /A reply of the key process has the wrong shape at "error.code"/],
    ['flood', /answered a request that nobody made/],
    ['exit', /ended with exit code 3 in the middle of a signature/],
  ])('%s: no signature gets out, and the process is ended', async (behaviour, words) => {
    const { keyProcess, signer } = await hostile(behaviour)
    const pid = keyProcess.pid ?? 0
    const signature = signer.sign(handshake())
    await expect(signature).rejects.toThrow(words)
    await expect(signature).rejects.toEqual(expect.objectContaining({ code: 'signer-unavailable' }))
    expect(await gone(pid)).toBe(true)
  })

  it('that is silent is killed after the deadline', async () => {
    const { keyProcess, signer, log } = await hostile('silence', { deadlines: { sign: 400 } })
    const pid = keyProcess.pid ?? 0
    await expect(signer.sign(handshake())).rejects.toEqual(expect.objectContaining({ code: 'signer-timeout' }))
    expect(await gone(pid)).toBe(true)
    expect(log.lines.join()).toContain('did not sign within 0.4 s')
  })

  it('that is silent has the deadline of a batch behind another from the end of that one', async () => {
    const { keyProcess, signer } = await hostile('silence', { deadlines: { sign: 400 } })
    const pid = keyProcess.pid ?? 0
    const before = new Deferred<void>()
    const behind = { root: new Uint8Array(48), ended: before.promise }
    const signature = signer.sign(batch(1), undefined, { expected: () => new Uint8Array(0), behind })
    signature.catch(() => {})
    await sleep(1200)
    expect(keyProcess.pid).toBe(pid)
    before.resolve()
    await expect(signature).rejects.toEqual(expect.objectContaining({ code: 'signer-timeout' }))
    expect(await gone(pid)).toBe(true)
  })

  it('gets no control characters and no long text in front of people', async () => {
    const { signer } = await hostile('control-characters')
    const error: unknown = await signer.sign(handshake()).catch((thrown: unknown) => thrown)
    const message = error instanceof Error ? error.message : ''
    expect(message).toContain('red')
    expect(message).not.toMatch(/[\u0000-\u001f\u202e]/)
    expect(message.length).toBeLessThan(310)
  })

  it('cannot pass another key off as the one from before', async () => {
    const { signer } = await hostile('another-key')
    await expect(signer.sign(handshake())).rejects.toEqual(expect.objectContaining({ code: 'signer-unavailable' }))
    await expect(signer.sign(handshake())).rejects.toEqual(expect.objectContaining({ code: 'key-changed' }))
  })

  it('that keeps dying is started ever more slowly', async () => {
    const { signer, starts } = await hostile('exit')
    const before = starts().split('start').length
    const began = performance.now()
    for (let i = 0; i < 4; i += 1) await expect(signer.sign(handshake())).rejects.toThrow(/exit code 3/)
    // At once, after 200 ms, after 400 ms: although each process opened its key before it died.
    expect(performance.now() - began).toBeGreaterThan(600)
    expect(starts().split('start').length - before).toBe(3)
  })
})

it('a process that is still starting when its supervisor goes is ended at once, and waited for', async () => {
  const { path, log: starts } = fakeKeyProcess(at.path, 'never-starts')
  const holds = { kind: 'module', path: '/nowhere/module.so' } as const
  const keyProcess = new KeyProcess({ path, holds, log: new MemoryLog() })
  const starting = expect(keyProcess.connection()).rejects.toMatchObject({ code: 'key-process-gone' })
  const said = () => (existsSync(starts) ? readFileSync(starts, 'utf8').split('\n') : [])
  await vi.waitFor(() => expect(said()).toHaveLength(3), 10_000)
  keyProcess.dispose()
  await starting
  await keyProcess.closed()
  expect(() => process.kill(Number(said()[1]), 0)).toThrow(/ESRCH/)
})

describe('stored PINs', () => {
  it('are used once for all who need them, and again after a restart', async () => {
    let reads = 0
    const pins = {
      read: async () => {
        reads += 1
        return bytes('planted-pin')
      },
      forget: () => {
        throw new Error('not rejected')
      },
    }
    const { keyProcess, signer, starts } = await hostile('login-once', { pins })
    const others = [1, 2, 3].map(() => openTokenSigner({ keyProcess, where, label: 'k', log: new MemoryLog() }))
    await Promise.all(others)
    expect(reads).toBe(1)
    await expect(signer.sign(handshake())).rejects.toThrow(/exit code 0/)
    await expect(signer.sign(handshake())).rejects.toThrow(/exit code 0/)
    expect(reads).toBe(2)
    expect(starts()).toBe('start\nlogin\nstart\nlogin\n')
  })

  it('are forgotten after one rejection and never tried again', async () => {
    let reads = 0
    let forgotten = 0
    const given: Uint8Array[] = []
    const pins = {
      read: async () => {
        reads += 1
        const pin = bytes('planted-pin')
        given.push(pin)
        return pin
      },
      forget: () => {
        forgotten += 1
      },
    }
    const { path, log: starts } = fakeKeyProcess(at.path, 'login-rejected')
    const log = new MemoryLog()
    const holds = { kind: 'module', path: '/nowhere/module.so' } as const
    const keyProcess = new KeyProcess({ path, holds, log, pins })
    made.push(keyProcess)
    const open = () => openTokenSigner({ keyProcess, where, label: 'k', log })
    await expect(open()).rejects.toEqual(expect.objectContaining({ code: 'pin-wrong' }))
    for (let i = 0; i < 3; i += 1) await expect(open()).rejects.toEqual(expect.objectContaining({ code: 'pin-needed' }))
    expect({ reads, forgotten }).toEqual({ reads: 1, forgotten: 1 })
    expect(readFileSync(starts, 'utf8').match(/login/g)).toHaveLength(1)
    expect(given.every((pin) => pin.every((byte) => byte === 0))).toBe(true)
    expect(log.lines.join()).not.toContain('planted')
  })
})

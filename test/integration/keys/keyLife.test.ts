import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { randomBytes } from '../../../src/crypto/random.ts'
import { KeyProcesses } from '../../../src/extension/identity/keyProcesses.ts'
import { SigningIdentity } from '../../../src/extension/identity/signingIdentity.ts'
import { openVaultSigner } from '../../../src/keys/hsm/signer.ts'
import { systemClock } from '../../../src/support/clock.ts'
import { KeyRing } from '../../../src/trust/keyRing.ts'
import { buildKeyProcess } from './bundle.ts'
import { expectSigns, folder, handshake, MemoryLog } from './support.ts'

const code = (expected: string) => expect.objectContaining({ code: expected })
const DAY = 86_400_000

/** The identity of an editor over a real vault, whose key has a life in a real key ring. */
describe('the life of the key that signs', () => {
  const at = folder()
  const log = new MemoryLog()
  let path = ''
  let count = 0
  const made: { dispose(): void }[] = []

  beforeAll(async () => {
    path = await buildKeyProcess('key-life')
  })
  afterAll(() => {
    for (const one of made) one.dispose()
    at.remove()
  })

  async function stand() {
    const name = `stand-${(count += 1)}`
    let ahead = 0
    const clock = { now: () => Date.now() + ahead, monotonic: () => systemClock.monotonic() }
    const key = randomBytes(32)
    const pins = () => ({ read: async () => undefined, forget: () => {} })
    const processes = new KeyProcesses({ path, log, pins, modules: () => [], unlocked: () => {} })
    const open = {
      keyProcess: processes.vault(),
      file: at.file(`${name}.vault`),
      unlock: { key: () => key.slice() },
      log,
    }
    const { kid, algorithm, publicKey } = await openVaultSigner({ ...open, create: 'ML-DSA-65' })
    const [ring, elsewhere] = [new KeyRing(at.file(name), clock), new KeyRing(at.file(name), clock)]
    let used = 0
    const identity = new SigningIdentity({
      setting: () => ({ kind: 'vault' }),
      processes,
      openVault: () => openVaultSigner(open),
      unlock: async () => false,
      ring,
      used: () => void (used += 1),
      clock,
      log,
    })
    made.push(identity, processes)
    const own = { kid, algorithm, publicKey, label: 'mcp-identity-key', place: '"vault"', custody: 'software' } as const
    return { identity, processes, ring, elsewhere, own, used: () => used, later: (ms: number) => void (ahead += ms) }
  }
  const open = async (identity: SigningIdentity) => (await identity.get({ asked: true })).signer

  it('enters the ring without dates where nobody kept them, and counts what it signs', async () => {
    const { identity, ring, own, used } = await stand()
    await expectSigns(await open(identity), handshake())
    expect(await ring.find(own.kid)).toEqual(own)
    expect(used()).toBe(1)
  })

  it('comes into force by being the identity', async () => {
    const { identity, ring, own } = await stand()
    await ring.plan(own)
    await expectSigns(await open(identity), handshake())
    expect((await ring.find(own.kid))?.active).toBeGreaterThan(0)
  })

  it('signs nothing more from the moment in which it is retired or revoked, and is not opened again', async () => {
    for (const end of ['retire', 'revoke'] as const) {
      const { identity, ring, own } = await stand()
      const signer = await open(identity)
      await ring[end](own.kid)
      const refused = code(end === 'retire' ? 'key-retired' : 'key-revoked')
      await expect(signer.sign(handshake())).rejects.toEqual(refused)
      expect(identity.state.kind).toBe('gone')
      await expect(identity.get({ asked: true })).rejects.toEqual(refused)
      identity.release()
      await expect(identity.get({ asked: true })).rejects.toEqual(refused)
    }
  })

  it('is ended for an open window by another window, which shares only the file', async () => {
    const { identity, own, elsewhere } = await stand()
    const signer = await open(identity)
    await expectSigns(signer, handshake())
    await elsewhere.revoke(own.kid)
    await new Promise((resolve) => {
      setTimeout(resolve, 1100)
    })
    await expect(signer.sign(handshake())).rejects.toEqual(code('key-revoked'))
  })

  it('ends by itself at the instant that its rotation named', async () => {
    const { identity, ring, own, later } = await stand()
    const signer = await open(identity)
    await ring.beginRetiring(own.kid, { until: Date.now() + DAY, successor: 'A'.repeat(43), transition: '{}' })
    await expectSigns(signer, handshake())
    later(DAY)
    await expect(signer.sign(handshake())).rejects.toEqual(code('key-retired'))
  })

  it('goes on as before where its rotation is taken back, and only while it is not over', async () => {
    const { identity, ring, own, later } = await stand()
    const signer = await open(identity)
    const retirement = { until: Date.now() + DAY, successor: 'A'.repeat(43), transition: '{}' }
    await ring.beginRetiring(own.kid, retirement)
    await ring.keep(own.kid)
    expect(await ring.find(own.kid)).toEqual(own)
    later(2 * DAY)
    await expectSigns(signer, handshake())
    await ring.beginRetiring(own.kid, { ...retirement, until: Date.now() + 3 * DAY })
    later(2 * DAY)
    await expect(ring.keep(own.kid)).rejects.toEqual(code('key-retired'))
  })

  it('is locked at once, says so, and opens when a person unlocks', async () => {
    const { identity, processes } = await stand()
    const signer = await open(identity)
    processes.lockAll()
    expect(identity.lock()).toBe(true)
    expect(identity.state).toMatchObject({ kind: 'locked', error: { code: 'vault-locked' } })
    await expect(signer.sign(handshake())).rejects.toEqual(code('vault-locked'))
    await identity.unlock()
    expect(identity.state.kind).toBe('ready')
    await expectSigns(signer, handshake())
  })

  it('is not locked by idleness where it is in the vault, which asks nobody for anything', async () => {
    const { identity, processes } = await stand()
    const signer = await open(identity)
    processes.lockTokens()
    expect(identity.lock('tokens')).toBe(false)
    await expectSigns(signer, handshake())
  })
})

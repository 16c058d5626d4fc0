import { describe, expect, it } from 'vitest'
import type { FoundKey, MlDsaSet, OpenedKey, TokenFacts } from '../../../src/contracts/keyFacts.ts'
import type { SignInput } from '../../../src/contracts/signInput.ts'
import { thumbprint } from '../../../src/crypto/jwk.ts'
import { verifySignature } from '../../../src/crypto/signature.ts'
import { signingInput } from '../../../src/evidence/signingInput.ts'
import { probeToken } from '../../../src/keys/hsm/probe.ts'
import type { KeyProcess } from '../../../src/keys/hsm/supervisor.ts'
import { NssStand } from './nssStand.ts'
import { makeTwins, whyNoNss } from './nssToken.ts'
import { bytes, handshake } from './support.ts'

const reason = await whyNoNss()
const PIN = 'planted-pin-4711'
const code = (expected: string) => expect.objectContaining({ code: expected })
const isWiped = (...pins: readonly Uint8Array[]) => pins.every((pin) => pin.every((byte) => byte === 0))

describe.skipIf(reason !== undefined)(
  `the life of a token and its keys (NSS)${reason ? ` skipped: ${reason}` : ''}`,
  () => {
    const stand = new NssStand('nss-life', PIN)
    const { log, module, where } = stand
    let count = 0

    async function unlocked(): Promise<KeyProcess> {
      const keyProcess = module()
      await keyProcess.login(where(), bytes(PIN))
      return keyProcess
    }
    async function facts(keyProcess: KeyProcess): Promise<TokenFacts | undefined> {
      const { slots } = await keyProcess.call('inventory', {})
      return slots.find(({ slot }) => slot === stand.token.slot)?.token ?? undefined
    }
    const keysOf = async (keyProcess: KeyProcess): Promise<readonly FoundKey[]> => (await facts(keyProcess))?.keys ?? []
    async function generate(keyProcess: KeyProcess, algorithm: MlDsaSet = 'ML-DSA-65', label = `key-${(count += 1)}`) {
      return keyProcess.call('generate', { where: where(), label, algorithm })
    }
    async function opened(keyProcess: KeyProcess): Promise<OpenedKey> {
      const key = await generate(keyProcess)
      if (key.handle === null) throw new Error('the key is not open')
      return key
    }

    it('tells what it has: versions, sessions, memory, CKA_ID, the PIN for every signature', async () => {
      const keyProcess = await unlocked()
      const id = new Uint8Array([0xa1, 0xff])
      await keyProcess.call('generate', { where: where(), label: 'with-id', algorithm: 'ML-DSA-87', id })
      const found = await facts(keyProcess)
      expect(found).toMatchObject({
        hardwareVersion: expect.stringMatching(/^\d+\.\d+$/),
        loggedIn: true,
        memory: expect.anything(),
      })
      expect(found?.sessions.open).toBeGreaterThan(0)
      expect(found?.keys).toMatchObject([{ label: 'with-id', id: 'a1ff', alwaysAuthenticate: null }])
      const again = { where: where(), label: 'another', algorithm: 'ML-DSA-87', id } as const
      await expect(keyProcess.call('generate', again)).rejects.toEqual(code('key-exists'))
    })

    it('makes all three parameter sets, and lists 44 without ever opening it', async () => {
      const keyProcess = await unlocked()
      const small = await generate(keyProcess, 'ML-DSA-44', 'small')
      expect(small).toMatchObject({
        handle: null,
        algorithm: 'ML-DSA-44',
        facts: { claims: { sensitive: true, extractable: false, sign: true } },
      })
      expect(small.publicKey).toHaveLength(1312)
      expect((await keysOf(keyProcess)).find(({ label }) => label === 'small')).toMatchObject({
        algorithm: 'ML-DSA-44',
      })
      await expect(keyProcess.call('open', { where: where(), label: 'small' })).rejects.toEqual(
        code('algorithm-unsupported'),
      )
      for (const algorithm of ['ML-DSA-87', 'ML-DSA-65'] as const) {
        const key = await generate(keyProcess, algorithm)
        expect(key).toMatchObject({ algorithm, handle: expect.any(Number) })
      }
      await expect(generate(keyProcess, 'ML-DSA-87', 'small')).rejects.toEqual(code('key-exists'))
    })

    it('destroys exactly the key that is meant, closes it, and nothing else', async () => {
      const keyProcess = await unlocked()
      const [key, other] = [await opened(keyProcess), await opened(keyProcess)]
      const before = await keysOf(keyProcess)
      const destroy = (label: string, { publicKey }: OpenedKey) =>
        keyProcess.call('destroy', { where: where(), label, publicKey })
      await expect(destroy(other.label, key)).rejects.toEqual(code('key-missing'))
      expect(await keysOf(keyProcess)).toHaveLength(before.length)
      expect(await destroy(key.label, key)).toEqual({ objects: 2 })
      expect(await keysOf(keyProcess)).toEqual(before.filter(({ label }) => label !== key.label))
      const sign = (handle: number) => keyProcess.call('sign', { handle, input: handshake() })
      await expect(sign(key.handle)).rejects.toEqual(code('key-missing'))
      await sign(other.handle)
      await expect(destroy(key.label, key)).rejects.toEqual(code('key-missing'))
      await keyProcess.call('logout', { where: where() })
      await expect(destroy(other.label, other)).rejects.toEqual(code('pin-needed'))
    })

    it('destroys nothing where it is not certain which objects a key is', async () => {
      const keyProcess = await unlocked()
      await makeTwins(stand.token, PIN, 'twin')
      const twins = (await keysOf(keyProcess)).filter(({ label }) => label === 'twin')
      const before = await keysOf(keyProcess)
      expect(twins).toHaveLength(2)
      for (const { publicKey } of twins) {
        const destroyed = keyProcess.call('destroy', { where: where(), label: 'twin', publicKey })
        await expect(destroyed).rejects.toEqual(code('key-ambiguous'))
      }
      expect(await keysOf(keyProcess)).toEqual(before)
    })

    it('proves what it does with a key of its own, verified in software, and leaves nothing behind', async () => {
      const locked = module()
      await expect(probeToken(locked, where(), 'ML-DSA-87')).rejects.toEqual(code('pin-needed'))
      const keyProcess = await unlocked()
      const before = await keysOf(keyProcess)
      for (const algorithm of ['ML-DSA-87', 'ML-DSA-65', 'ML-DSA-44'] as const) {
        const report = await probeToken(keyProcess, where(), algorithm)
        expect(report.steps.map(({ step, ok, error }) => [step, ok, error])).toEqual(
          ['generate', 'sign', 'destroy', 'verify'].map((step) => [step, true, undefined]),
        )
        expect(report).toMatchObject({ works: true, claims: { token: false, sensitive: true, extractable: false } })
      }
      expect(await keysOf(keyProcess)).toEqual(before)
      await expect(probeToken(keyProcess, { slot: 1 }, 'ML-DSA-87')).resolves.toMatchObject({
        steps: expect.any(Array),
      })
    })

    it('shows a login, a key and a logout at a glance, and nothing where nothing changed', async () => {
      const keyProcess = module()
      const look = async () => (await keyProcess.call('glance', {})).state
      const locked = await look()
      expect(await look()).toBe(locked)
      await keyProcess.login(where(), bytes(PIN))
      const open = await look()
      expect(open).not.toBe(locked)
      expect(await look()).toBe(open)
      const { label, publicKey } = await opened(keyProcess)
      const withKey = await look()
      expect(withKey).not.toBe(open)
      await keyProcess.call('destroy', { where: where(), label, publicKey })
      expect(await look()).not.toBe(withKey)
      const before = await look()
      await keyProcess.call('logout', { where: where() })
      expect(await look()).not.toBe(before)
    })

    describe('a transition', () => {
      async function pair(keyProcess: KeyProcess) {
        const [from, to] = [await opened(keyProcess), await opened(keyProcess)]
        const key = ({ algorithm, publicKey }: OpenedKey) => ({ algorithm, publicKey })
        const input = (when: number): SignInput => ({ kind: 'transition', from: key(from), to: key(to), at: when })
        const sign = (handle: number, when: number) => keyProcess.call('sign', { handle, input: input(when) })
        return { from, to, input, sign }
      }

      it('is signed by both keys after a login, and another one needs the PIN anew', async () => {
        const keyProcess = await unlocked()
        const { from, to, input, sign } = await pair(keyProcess)
        for (const key of [from, to]) {
          const { signature } = await sign(key.handle, 1)
          const signer = {
            kid: thumbprint(key.algorithm, key.publicKey),
            algorithm: key.algorithm,
            custody: 'software' as const,
          }
          const { bytes: signed } = signingInput(input(1), signer)
          expect(await verifySignature(key.algorithm, key.publicKey, signed, signature)).toBe(true)
        }
        await expect(sign(from.handle, 2)).rejects.toEqual(code('pin-needed'))
        // Everything else goes on: the token is not locked.
        await keyProcess.call('sign', { handle: from.handle, input: handshake() })
        await keyProcess.login(where(), bytes(PIN))
        const again = await keyProcess.call('open', { where: where(), label: from.label })
        await sign(again.handle, 2)
      })

      it('is not bought with a wrong PIN while the token is unlocked: that locks it', async () => {
        const keyProcess = await unlocked()
        const { from, sign } = await pair(keyProcess)
        await sign(from.handle, 1)
        const wrong = bytes('planted-wrong')
        await expect(keyProcess.login(where(), wrong)).rejects.toEqual(code('pin-wrong'))
        expect(isWiped(wrong)).toBe(true)
        await expect(sign(from.handle, 2)).rejects.toEqual(code('key-missing'))
        await expect(keyProcess.call('open', { where: where(), label: from.label })).rejects.toEqual(code('pin-needed'))
      })

      it('needs a login that fails no signature which is being made', async () => {
        const keyProcess = await unlocked()
        const { handle, label } = await opened(keyProcess)
        const signatures = Array.from({ length: 8 }, () => keyProcess.call('sign', { handle, input: handshake() }))
        const login = keyProcess.login(where(), bytes(PIN))
        await expect(Promise.all(signatures)).resolves.toHaveLength(8)
        await login
        await keyProcess.call('open', { where: where(), label })
      })
    })

    it('changes its PIN, forgets a stored one, and takes the old one no more', async () => {
      const forgotten: unknown[] = []
      const keyProcess = module({
        pins: { read: async () => undefined, forget: (place) => void forgotten.push(place) },
      })
      const [wrong, unused] = [bytes('planted-wrong'), bytes('planted-new-42')]
      await expect(keyProcess.changePin(where(), wrong, unused)).rejects.toEqual(code('pin-wrong'))
      expect(forgotten).toEqual([])
      const [old, pin] = [bytes(PIN), bytes('planted-new-42')]
      await keyProcess.changePin(where(), old, pin)
      expect(isWiped(wrong, unused, old, pin)).toBe(true)
      expect(forgotten).toEqual([where()])
      await expect(keyProcess.login(where(), bytes(PIN))).rejects.toEqual(code('pin-wrong'))
      await keyProcess.login(where(), bytes('planted-new-42'))
      await keyProcess.changePin(where(), bytes('planted-new-42'), bytes(PIN))
      await keyProcess.login(where(), bytes(PIN))
    })

    it('asks for the PIN here where the token has no keypad', async () => {
      const keyProcess = module()
      await expect(keyProcess.login(where(), null)).rejects.toEqual(code('pin-needed'))
      await expect(keyProcess.changePin(where(), null, null)).rejects.toEqual(code('pin-needed'))
    })

    it('is initialised anew: its keys are gone, and its user has another PIN', async () => {
      const keyProcess = await unlocked()
      await opened(keyProcess)
      await expect(keyProcess.initToken(stand.token.slot, 'x'.repeat(33), bytes(''), bytes(PIN))).rejects.toEqual(
        code('usage'),
      )
      expect((await keysOf(keyProcess)).length).toBeGreaterThan(0)
      const [soPin, pin] = [bytes(''), bytes('planted-second')]
      await keyProcess.initToken(stand.token.slot, 'second life', soPin, pin)
      expect(isWiped(soPin, pin)).toBe(true)
      expect(await facts(keyProcess)).toMatchObject({ loggedIn: false })
      await expect(keyProcess.login(where(), bytes(PIN))).rejects.toEqual(code('pin-wrong'))
      await keyProcess.login(where(), bytes('planted-second'))
      // NSS keeps the public halves; a key without facts has no private one any more.
      expect((await keysOf(keyProcess)).filter((key) => key.facts !== null)).toEqual([])
      await opened(keyProcess)
    })

    it('never says a PIN', () => {
      expect(log.lines.join('\n')).not.toContain('planted')
    })
  },
)

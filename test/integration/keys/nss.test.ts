import { readFileSync, writeFileSync } from 'node:fs'
import { describe, expect, it, vi } from 'vitest'
import { openIdentity } from '../../../src/keys/hsm/openIdentity.ts'
import { readModule } from '../../../src/keys/hsm/inventory.ts'
import { openTokenSigner } from '../../../src/keys/hsm/signer.ts'
import type { PinSource } from '../../../src/keys/hsm/supervisor.ts'
import { NssStand } from './nssStand.ts'
import { whyNoNss } from './nssToken.ts'
import { batch, bytes, expectSigns, handshake } from './support.ts'

const reason = await whyNoNss()
const PIN = 'planted-pin-4711'
const LABEL = 'mcp-identity-key'
const code = (expected: string) => expect.objectContaining({ code: expected })

describe.skipIf(reason !== undefined)(
  `a real PKCS#11 token with ML-DSA (NSS)${reason ? ` skipped: ${reason}` : ''}`,
  () => {
    const stand = new NssStand('nss', PIN)
    const { at, log, module, where } = stand
    const stored: PinSource = { read: async () => bytes(PIN), forget: () => {} }

    it('asks for the PIN, refuses a wrong one, and makes a key inside', async () => {
      const keyProcess = module()
      const open = (create?: 'ML-DSA-87') =>
        openTokenSigner({ keyProcess, where: where(), label: LABEL, log, ...(create ? { create } : {}) })
      await expect(open('ML-DSA-87')).rejects.toEqual(code('pin-needed'))
      await expect(keyProcess.login(where(), bytes('planted-wrong'))).rejects.toEqual(code('pin-wrong'))
      const pin = bytes(PIN)
      await keyProcess.login(where(), pin)
      expect(pin.every((byte) => byte === 0)).toBe(true)
      const signer = await open('ML-DSA-87')
      expect(signer).toMatchObject({ algorithm: 'ML-DSA-87', custody: 'software' })
      expect(signer.description).toBe('mcp-identity-key in NSS Certificate DB, slot 2')
      expect(signer.custodyReasons).toEqual(['NSS is software, whatever it claims'])
      await expectSigns(signer, batch(64))
      await expectSigns(signer, handshake())
      await expect(open('ML-DSA-87')).rejects.toEqual(code('key-exists'))
      expect((await open()).kid).toBe(signer.kid)
    })

    it('signs with several sessions at once', async () => {
      const signer = await openTokenSigner({ keyProcess: module({ pins: stored }), where: where(), label: LABEL, log })
      await Promise.all(Array.from({ length: 12 }, () => expectSigns(signer, batch(3))))
    })

    it('survives kill -9 with a stored PIN, and asks for it without one', async () => {
      const keyProcess = module({ pins: stored })
      const signer = await openTokenSigner({ keyProcess, where: where(), label: LABEL, log })
      const { pid } = keyProcess
      process.kill(pid ?? 0, 'SIGSTOP')
      const signature = signer.sign(batch(2))
      setTimeout(() => process.kill(pid ?? 0, 'SIGKILL'), 50)
      await expect(signature).rejects.toThrow(/in the middle of a signature/)
      await expectSigns(signer, batch(2))

      const asking = module()
      await asking.login(where(), bytes(PIN))
      const other = await openTokenSigner({ keyProcess: asking, where: where(), label: LABEL, log })
      process.kill(asking.pid ?? 0, 'SIGKILL')
      await expect(other.sign(handshake())).rejects.toThrow()
      await expect(other.sign(handshake())).rejects.toEqual(code('pin-needed'))
      await asking.login(where(), bytes(PIN))
      await expectSigns(other, handshake())
    })

    it('logs in with a stored PIN for no transition', async () => {
      const keyProcess = module({ pins: stored })
      const signer = await openTokenSigner({ keyProcess, where: where(), label: LABEL, log })
      const { algorithm, publicKey } = signer
      const to = { algorithm: 'ML-DSA-65', publicKey: new Uint8Array(1952).fill(1) } as const
      const transition = { kind: 'transition', from: { algorithm, publicKey }, to, at: 1 } as const
      process.kill(keyProcess.pid ?? 0, 'SIGKILL')
      await vi.waitFor(() => expect(keyProcess.pid).toBeUndefined(), 10_000)
      await expect(signer.sign(transition)).rejects.toEqual(code('pin-needed'))
      const typed = () => openTokenSigner({ keyProcess, where: where(), label: LABEL, storedPin: false, log })
      await expect(typed()).rejects.toEqual(code('pin-needed'))
      await keyProcess.login(where(), bytes(PIN))
      await (await typed()).sign(transition)
      await expectSigns(signer, handshake())
    })

    it('signs no more after a logout, and again after a login', async () => {
      const keyProcess = module()
      await keyProcess.login(where(), bytes(PIN))
      const signer = await openTokenSigner({ keyProcess, where: where(), label: LABEL, log })
      await keyProcess.call('logout', { where: where() })
      await expect(signer.sign(handshake())).rejects.toEqual(code('pin-needed'))
      await keyProcess.login(where(), bytes(PIN))
      await expectSigns(signer, handshake())
      keyProcess.lock(where())
      await expect(signer.sign(handshake())).rejects.toEqual(code('pin-needed'))
    })

    it('says what is there when something is not', async () => {
      const keyProcess = module({ pins: stored })
      const open = (at: { slot: number } | { token: string }, label: string) =>
        openTokenSigner({ keyProcess, where: at, label, log })
      await expect(open({ slot: 77 }, LABEL)).rejects.toThrow('The module has no slot 77. Its slots are: 1, 2.')
      await expect(open({ token: 'x' }, LABEL)).rejects.toThrow(/There is no token "x". .*"NSS Certificate DB"/)
      await expect(open(where(), 'x')).rejects.toThrow('The token has no key "x". Its ML-DSA keys: mcp-identity-key.')
      const byName = await open({ token: stand.token.tokenLabel }, LABEL)
      await expectSigns(byName, handshake())
    })

    it('lists public keys before the login, and claims after it', async () => {
      const keyProcess = module()
      const before = await readModule(keyProcess)
      expect(before).toMatchObject({ name: 'NSS', software: true })
      const slot = before.slots.find((one) => one.slot === stand.token.slot)
      expect(slot).toMatchObject({
        readiness: 'usable',
        reason: 'NSS is software: custody is software',
        token: { pin: 'wanted', listed: false, can: ['ML-DSA-87', 'ML-DSA-65', 'ML-DSA-44', 'ML-KEM'] },
      })
      expect(slot?.token?.keys).toMatchObject([{ label: LABEL, custody: 'software', claims: null }])
      await keyProcess.login(where(), bytes(PIN))
      const after = (await readModule(keyProcess)).slots.find((one) => one.slot === stand.token.slot)
      expect(after?.token).toMatchObject({ pin: 'unlocked', listed: true })
      expect(after?.token?.keys).toMatchObject([
        {
          custody: 'software',
          kid: slot?.token?.keys[0]?.kid,
          claims: { sensitive: true, neverExtractable: true, local: false, extractable: false, sign: true },
        },
      ])
    })

    it('opens from a configuration with a PIN file, and refuses one that others can read', async () => {
      const pinFile = at.file('pin')
      writeFileSync(pinFile, `${PIN}\n`, { mode: 0o600 })
      const { module: file, libraryParameters, slot } = stand.token
      const pkcs11 = { module: file, libraryParameters, slot, label: LABEL, pinFile }
      const opened = await openIdentity({ pkcs11 }, { keyProcessPath: stand.path, log })
      await expectSigns(opened.signer, handshake())
      opened.dispose()
      const shared = at.file('shared-pin')
      writeFileSync(shared, PIN, { mode: 0o644 })
      await expect(
        openIdentity({ pkcs11: { ...pkcs11, pinFile: shared } }, { keyProcessPath: stand.path, log }),
      ).rejects.toEqual(code('file-permissions'))
    })

    it('never says a PIN, and leaves it in no file', () => {
      expect(log.lines.join('\n')).not.toContain('planted')
      expect(readFileSync(at.file('nss/key4.db')).includes(PIN)).toBe(false)
    })
  },
)

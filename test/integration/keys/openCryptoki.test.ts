import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { OpenedKey, TokenFacts } from '../../../src/contracts/keyFacts.ts'
import type { MlDsaIds } from '../../../src/contracts/keyProcess.ts'
import { readModule } from '../../../src/keys/hsm/inventory.ts'
import { probeToken } from '../../../src/keys/hsm/probe.ts'
import { openTokenSigner } from '../../../src/keys/hsm/signer.ts'
import type { KeyProcess } from '../../../src/keys/hsm/supervisor.ts'
import { FIRST_SO_PIN, PIN, Stand, whyNoOpenCryptoki } from './openCryptokiStand.ts'
import { batch, bytes, expectSigns, handshake } from './support.ts'

const reason = await whyNoOpenCryptoki()
const code = (expected: string) => expect.objectContaining({ code: expected })
const where = (slot: number) => ({ slot })

/** SubjectPublicKeyInfo of ML-DSA-87 (RFC 9881) without the key. */
const SPKI = '30820a32300b060960864801650304031303820a2100'
/** Numbers of IBM's own mechanisms: CKM_IBM_ML_DSA_KEY_PAIR_GEN and what belongs to it. */
const IBM: MlDsaIds = {
  keyGen: 0x80010035,
  sign: 0x80010036,
  keyType: 0x80010025,
  parameterSet: 0x80010010,
  parameterIn: 'attribute',
}

async function token(keyProcess: KeyProcess, id: number): Promise<TokenFacts> {
  const { slots } = await keyProcess.call('inventory', {})
  const found = slots.find(({ slot }) => slot === id)?.token
  if (found === null || found === undefined) throw new Error(`no token in slot ${id}`)
  return found
}

async function generate(keyProcess: KeyProcess, slot: number, label: string): Promise<OpenedKey> {
  const key = await keyProcess.call('generate', { where: where(slot), label, algorithm: 'ML-DSA-87' })
  if (key.handle === null) throw new Error('the key is not open')
  return key
}

/** Attributes of the public key object with this label, in hexadecimal, as the module has them. */
const ATTRIBUTES = `
  const session = module.C_OpenSession(slots[input.at], 4)
  module.C_Login(session, 1, input.pin)
  module.C_FindObjectsInit(session, [{ type: 3, value: input.label }, { type: 0, value: input.kind }])
  const [object] = module.C_FindObjects(session, 1)
  module.C_FindObjectsFinal(session)
  return input.types.map((type) => module.C_GetAttributeValue(session, object, [{ type }])[0].value.toString('hex'))`

describe.skipIf(reason !== undefined)(`openCryptoki with its daemon${reason ? ` skipped: ${reason}` : ''}`, () => {
  let stand: Stand
  /** Two programs that use the tokens: the module takes a second to start, so not one for each test. */
  let keyProcess: KeyProcess
  let other: KeyProcess
  beforeAll(async () => {
    stand = await Stand.start('openCryptoki')
    keyProcess = stand.keyProcess()
    other = stand.keyProcess()
  })
  afterAll(() => stand.stop())

  it('has three slots with ML-DSA, although Node has an OpenSSL of its own', async () => {
    const { name, slots } = await readModule(keyProcess)
    expect(name).toMatch(/^openCryptoki/)
    expect(slots).toMatchObject(
      [1, 2, 3].map((slot) => ({
        slot,
        hardware: false,
        readiness: 'not ready',
        token: { label: 'softtok', manufacturer: 'IBM', model: 'Soft', pin: 'not set', keys: [] },
      })),
    )
    for (const { token: found } of slots) {
      expect(found?.can).toEqual(['ML-DSA-87', 'ML-DSA-65', 'ML-DSA-44', 'ML-KEM'])
    }
    // Loaded as any addon would load it, the module has what Node's OpenSSL has: ML-DSA came with 3.5.
    const plain = await stand.raw('return module.C_GetMechanismList(slots[0]).includes(0x1d)', null, [])
    const [major = 0, minor = 0] = process.versions.openssl.split('.').map(Number)
    expect(plain).toBe(major > 3 || (major === 3 && minor >= 5))
  })

  it('an empty token is initialised, with a PIN for its user', async () => {
    const init = (soPin: string, pin: string, slot = 1) =>
      keyProcess.call('initToken', { slot, label: 'desk', soPin: bytes(soPin), pin: bytes(pin) })
    await expect(init('11111111', PIN)).rejects.toThrow('The PIN of the security officer is wrong.')
    await expect(init(FIRST_SO_PIN, '123')).rejects.toThrow('A PIN of this token has 4 to 8 characters.')
    await init(FIRST_SO_PIN, PIN)
    for (const slot of [2, 3]) await init(FIRST_SO_PIN, PIN, slot)
    expect((await readModule(keyProcess)).slots[0]).toMatchObject({
      readiness: 'usable',
      token: { label: 'desk', pin: 'wanted' },
    })
  })

  it('makes a key inside, says so, and signs with it; it is software all the same', async () => {
    await keyProcess.login(where(1), bytes(PIN))
    const options = { keyProcess, where: where(1), label: 'mcp', log: stand.log }
    const signer = await openTokenSigner({ ...options, create: 'ML-DSA-87' })
    expect(signer).toMatchObject({
      algorithm: 'ML-DSA-87',
      custody: 'software',
      description: 'mcp in desk, slot 1',
      custodyReasons: ['openCryptoki soft token is software, whatever it claims'],
    })
    await Promise.all(Array.from({ length: 8 }, () => expectSigns(signer, batch(5))))
    await expectSigns(signer, handshake())
    const [key] = (await token(keyProcess, 1)).keys
    const yes = { sensitive: true, alwaysSensitive: true, neverExtractable: true, local: true, token: true, sign: true }
    expect(key?.facts?.claims).toMatchObject({ ...yes, extractable: false })
    // CKA_LOCAL, CKA_PUBLIC_KEY_INFO, CKA_VALUE of the public key, without us.
    const about = { at: 0, pin: PIN, label: 'mcp', kind: 2, types: [0x163, 0x129, 0x11] }
    const raw = Buffer.from(signer.publicKey).toString('hex')
    expect(await stand.raw(ATTRIBUTES, about)).toEqual(['01', SPKI + raw, raw])
  })

  it('proves by a probe what it does, and keeps nothing of it', async () => {
    await keyProcess.login(where(1), bytes(PIN))
    const before = (await token(keyProcess, 1)).keys.length
    for (const algorithm of ['ML-DSA-87', 'ML-DSA-65', 'ML-DSA-44'] as const) {
      const report = await probeToken(keyProcess, where(1), algorithm)
      expect(report).toMatchObject({ works: true, claims: { sensitive: true, local: true, token: false } })
      expect(report.steps.map(({ step }) => step)).toEqual(['generate', 'sign', 'destroy', 'verify'])
    }
    expect((await token(keyProcess, 1)).keys).toHaveLength(before)
  })

  it('locks after three wrong PINs: people are told before; its security officer opens it again', async () => {
    await keyProcess.login(where(2), bytes(PIN))
    const { kid } = await openTokenSigner({
      keyProcess,
      where: where(2),
      label: 'k',
      create: 'ML-DSA-87',
      log: stand.log,
    })
    await keyProcess.call('logout', { where: where(2) })
    const login = (pin: string) => keyProcess.login(where(2), bytes(pin))
    const { state: before } = await keyProcess.call('glance', {})
    expect(await keyProcess.call('glance', {})).toEqual({ state: before })
    await expect(login('11111111')).rejects.toThrow('The PIN is wrong. Few tries are left before the token locks.')
    await expect(login('11111111')).rejects.toThrow('The PIN is wrong. One more wrong PIN locks the token.')
    expect((await readModule(keyProcess)).slots[1]?.token).toMatchObject({ pin: 'last try' })
    await expect(login('11111111')).rejects.toThrow('It is locked now; only the security officer')
    await expect(login(PIN)).rejects.toEqual(code('pin-locked'))
    expect(await keyProcess.call('glance', {})).not.toEqual({ state: before })
    expect((await readModule(keyProcess)).slots[1]).toMatchObject({
      readiness: 'not ready',
      reason: 'PIN locked: only its security officer can set a new one',
      token: { pin: 'locked' },
    })
    // Locked for everybody, not only for the process that guessed; the other slots are open.
    await expect(other.login(where(2), bytes(PIN))).rejects.toEqual(code('pin-locked'))
    await other.login(where(3), bytes(PIN))

    const reset = (soPin: string, pin: string) =>
      keyProcess.call('resetPin', { where: where(2), soPin: bytes(soPin), pin: bytes(pin) })
    await expect(reset('11111111', '22222222')).rejects.toThrow('The PIN of the security officer is wrong.')
    await expect(login(PIN)).rejects.toEqual(code('pin-locked'))
    await reset(FIRST_SO_PIN, '22222222')
    await login('22222222')
    const again = await openTokenSigner({ keyProcess, where: where(2), label: 'k', log: stand.log })
    expect(again.kid).toBe(kid)
    await expectSigns(again, handshake())
  })

  it('changes a PIN by the old one, and the login with the old one ends', async () => {
    await keyProcess.login(where(3), bytes(PIN))
    const change = (old: string, pin: string) =>
      keyProcess.call('changePin', { where: where(3), old: bytes(old), pin: bytes(pin) })
    await expect(change(PIN, '1')).rejects.toEqual(code('usage'))
    const wrong = { code: 'pin-wrong', message: expect.stringContaining('the old PIN is wrong, or the new one has') }
    await expect(change('11111111', '33333333')).rejects.toMatchObject(wrong)
    await change(PIN, '33333333')
    await other.call('logout', { where: where(3) })
    await expect(other.login(where(3), bytes(PIN))).rejects.toEqual(code('pin-wrong'))
    await other.login(where(3), bytes('33333333'))
    await change('33333333', PIN)
  })

  it('IBM’s own mechanisms work by their numbers; their public keys are in SubjectPublicKeyInfo', async () => {
    const vendor = await stand.unlocked(where(3), IBM)
    const key = await generate(vendor, 3, 'vendor')
    expect(key.facts.claims).toMatchObject({ local: true, sensitive: true, neverExtractable: true })
    const signer = await openTokenSigner({ keyProcess: vendor, where: where(3), label: 'vendor', log: stand.log })
    expect(Buffer.from(signer.publicKey).equals(Buffer.from(key.publicKey))).toBe(true)
    await expectSigns(signer, batch(3))
    const about = { at: 2, pin: PIN, label: 'vendor', kind: 2, types: [0x100, 0x166, 0x11] }
    expect(await stand.raw(ATTRIBUTES, about)).toEqual([
      '2500018000000000',
      '3500018000000000',
      SPKI + Buffer.from(key.publicKey).toString('hex'),
    ])
    // The standard's numbers do not see it, and the other way round.
    await other.login(where(3), bytes(PIN))
    expect((await token(other, 3)).keys).toEqual([])
    expect((await token(vendor, 3)).keys).toMatchObject([{ label: 'vendor' }])
    expect(await probeToken(vendor, where(3), 'ML-DSA-65')).toMatchObject({ works: true })
  })

  it('never says a PIN', () => {
    for (const pin of [PIN, FIRST_SO_PIN]) expect(stand.log.lines.join('\n')).not.toContain(pin)
  })
})

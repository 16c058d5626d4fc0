import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { readModule } from '../../../src/keys/hsm/inventory.ts'
import { openTokenSigner } from '../../../src/keys/hsm/signer.ts'
import { KeyProcess } from '../../../src/keys/hsm/supervisor.ts'
import { type FaultyToken, initFaultyToken, whyNoFaultyToken } from '../../fakes/pkcs11/faultyToken.ts'
import { buildKeyProcess } from './bundle.ts'
import { bytes, expectSigns, folder, handshake, MemoryLog } from './support.ts'

const reason = await whyNoFaultyToken()
const PIN = 'planted-pin-4711'
const LABEL = 'mcp-identity-key'

describe.skipIf(reason !== undefined)(`custody, as a module claims it${reason ? ` skipped: ${reason}` : ''}`, () => {
  const at = folder()
  const log = new MemoryLog()
  const made: KeyProcess[] = []
  let path = ''
  let token: FaultyToken

  beforeAll(async () => {
    path = await buildKeyProcess('custody')
    token = await initFaultyToken(at.file('token'), { pin: PIN })
  })
  afterAll(() => {
    for (const keyProcess of made) keyProcess.dispose()
    at.remove()
  })

  /** A process of its own: what a module claims is read when its key is opened. */
  function open(create?: 'ML-DSA-87') {
    const holds = { kind: 'module', path: token.module, libraryParameters: token.libraryParameters } as const
    const pins = { read: async () => bytes(PIN), forget: () => {} }
    const keyProcess = new KeyProcess({ path, holds, log, pins })
    made.push(keyProcess)
    const where = { slot: token.slot }
    const signer = openTokenSigner({ keyProcess, where, label: LABEL, log, ...(create ? { create } : {}) })
    return { keyProcess, signer }
  }

  it('is software without a claim, and hsm with all of them, for the same key in the same token', async () => {
    const bare = await open('ML-DSA-87').signer
    expect(bare.custody).toBe('software')
    expect(bare.custodyReasons).toEqual(['NSS is software, whatever it claims'])
    token.faults.claimHardware()
    const { signer, keyProcess } = open()
    const claimed = await signer
    expect(claimed).toMatchObject({ custody: 'hsm', custodyReasons: [], kid: bare.kid })
    await expectSigns(claimed, handshake())
    const slot = (await readModule(keyProcess)).slots.find((one) => one.slot === token.slot)
    expect(slot).toMatchObject({ readiness: 'ready', token: { manufacturer: 'Acme Instruments', model: 'Acme A1' } })
    expect(slot?.token?.keys).toMatchObject([{ label: LABEL, custody: 'hsm', kid: bare.kid }])
  })

  it.each([
    [{ local: false, neverExtractable: true }, 'the module denies that the key was made inside'],
    [{ local: true, neverExtractable: false }, 'the module denies that the key was never extractable'],
  ])('is unknown where hardware says %j', async (claims, why) => {
    token.faults.claimHardware(claims)
    expect(await open().signer).toMatchObject({ custody: 'unknown', custodyReasons: [why] })
  })

  it('that changes while the key is in use ends its use', async () => {
    token.faults.claimHardware()
    const { keyProcess, signer } = open()
    const opened = await signer
    token.faults.claimHardware({ local: false, neverExtractable: true })
    process.kill(keyProcess.pid ?? 0, 'SIGKILL')
    // The reply of the process that was killed, and then the answer of the next one.
    await opened.sign(handshake()).catch(() => {})
    await expect(opened.sign(handshake())).rejects.toMatchObject({
      code: 'key-changed',
      message: expect.stringContaining('claims another custody'),
    })
  })
})

import path from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { readModule } from '../../../src/keys/hsm/inventory.ts'
import { openTokenSigner } from '../../../src/keys/hsm/signer.ts'
import { KeyProcess } from '../../../src/keys/hsm/supervisor.ts'
import { createSofthsmToken, softhsm } from '../../setup/softhsm.mjs'
import { buildKeyProcess } from './bundle.ts'
import { bytes, folder, MemoryLog } from './support.ts'

const soft = await softhsm().then(
  (found) => found,
  (thrown: unknown) => (thrown instanceof Error ? (thrown.message.split('\n')[0] ?? '') : String(thrown)),
)
const why = typeof soft === 'string' ? ` skipped: ${soft}` : ''

describe.skipIf(typeof soft === 'string')(`SoftHSM 2, which knows RSA and ECC only${why}`, () => {
  const PIN = 'planted-9876'
  const at = folder()
  const log = new MemoryLog()
  let keyProcess: KeyProcess
  let before: string | undefined

  beforeAll(async () => {
    if (typeof soft === 'string') return
    const keyProcessPath = await buildKeyProcess('softhsm')
    const { SOFTHSM2_CONF } = await createSofthsmToken(at.file('soft'), {
      label: 'classic',
      pin: PIN,
      soPin: '12345678',
    })
    before = process.env['SOFTHSM2_CONF']
    process.env['SOFTHSM2_CONF'] = SOFTHSM2_CONF
    const holds = { kind: 'module', path: path.resolve(soft.module) } as const
    keyProcess = new KeyProcess({ path: keyProcessPath, holds, log })
  })
  afterAll(() => {
    keyProcess.dispose()
    at.remove()
    if (before === undefined) delete process.env['SOFTHSM2_CONF']
    else process.env['SOFTHSM2_CONF'] = before
  })

  it('is shown as classical only and not ready', async () => {
    const { slots, name, software } = await readModule(keyProcess)
    expect({ name, software }).toEqual({ name: 'SoftHSM', software: true })
    expect(slots.find(({ token }) => token?.label === 'classic')).toMatchObject({
      readiness: 'not ready',
      reason: 'no ML-DSA mechanism: RSA, ECDSA and EdDSA fall to a quantum computer',
      token: { can: ['classical only'], canCreate: false, keys: [] },
    })
    // SoftHSM always has one more slot for the next token.
    expect(slots.at(-1)).toMatchObject({ readiness: 'not ready', reason: 'the token is not initialised' })
  })

  it('is refused as a home for an identity, with the same words', async () => {
    const where = { token: 'classic' }
    await keyProcess.login(where, bytes(PIN))
    await expect(openTokenSigner({ keyProcess, where, label: 'k', create: 'ML-DSA-87', log })).rejects.toThrow(
      'The token has no ML-DSA mechanism: RSA, ECDSA and EdDSA fall to a quantum computer.',
    )
  })

  it('an empty slot becomes a token by its security officer, and is not ready for the same reason', async () => {
    const empty = (await readModule(keyProcess)).slots.at(-1)
    if (empty === undefined) throw new Error('SoftHSM has no empty slot')
    const { slot } = empty
    const [soPin, pin] = ['planted-so-5678', 'planted-user-1234']
    await keyProcess.call('initToken', { slot, label: 'second', soPin: bytes(soPin), pin: bytes(pin) })
    const found = (await readModule(keyProcess)).slots.find(({ token }) => token?.label === 'second')
    expect(found).toMatchObject({
      readiness: 'not ready',
      reason: 'no ML-DSA mechanism: RSA, ECDSA and EdDSA fall to a quantum computer',
      token: { pin: 'wanted' },
    })
    const where = { token: 'second' }
    await keyProcess.login(where, bytes(pin))
    const reset = (officer: string) =>
      keyProcess.call('resetPin', { where, soPin: bytes(officer), pin: bytes('planted-new-1234') })
    await expect(reset('planted-wrong')).rejects.toMatchObject({ code: 'pin-wrong' })
    await reset(soPin)
    await expect(keyProcess.login(where, bytes(pin))).rejects.toMatchObject({ code: 'pin-wrong' })
    await keyProcess.login(where, bytes('planted-new-1234'))
    await expect(keyProcess.call('probe', { where, algorithm: 'ML-DSA-87' })).rejects.toMatchObject({
      code: 'token-unsupported',
    })
  })

  it('counts wrong PINs: people are told before it locks', async () => {
    const where = { token: 'classic' }
    await keyProcess.call('logout', { where })
    await expect(keyProcess.login(where, bytes('planted-wrong'))).rejects.toThrow(
      'The PIN is wrong. Few tries are left before the token locks.',
    )
    expect(log.lines.join('\n')).not.toContain('planted')
  })
})

import path from 'node:path'
import { describe, expect, it } from 'vitest'
import { parseIdentityConfig } from '../../../src/contracts/identityConfig.ts'

const folder = path.resolve('/etc/countersign')
const parse = (value: unknown) => parseIdentityConfig(value, folder)
const token = { module: 'm.so', slot: 3, label: 'k', pinEnv: 'PIN' }

describe('IDENTITY of a configuration file', () => {
  it('names a vault or a token, with paths relative to the file', () => {
    expect(parse({ vault: 'v.json', keyFile: '../k' })).toEqual({
      vault: path.join(folder, 'v.json'),
      keyFile: path.resolve(folder, '../k'),
    })
    expect(parse({ vault: '/abs/v', passphraseEnv: 'PASS', label: 'x' })).toEqual({
      vault: path.resolve('/abs/v'),
      passphraseEnv: 'PASS',
      label: 'x',
    })
    expect(parse({ pkcs11: { module: 'm.so', token: 'T', label: 'k', pinFile: 'pin' } })).toEqual({
      pkcs11: { module: path.join(folder, 'm.so'), token: 'T', label: 'k', pinFile: path.join(folder, 'pin') },
    })
    const libraryParameters = "configdir='sql:x' "
    expect(parse({ pkcs11: { ...token, libraryParameters } })).toMatchObject({ pkcs11: { libraryParameters, slot: 3 } })
  })

  it.each([
    [{}],
    [null],
    [[]],
    [{ vault: 'v' }],
    [{ vault: 'v', keyFile: 'k', passphraseEnv: 'P' }],
    [{ vault: 'v', keyFile: 'k', pkcs11: token }],
    [{ vault: 'v', keyFile: 'k', passphrase: 'secret in a file' }],
    [{ vault: 'v', passphraseEnv: 'not a name!' }],
    [{ pkcs11: { ...token, token: 'T' } }],
    [{ pkcs11: { ...token, slot: undefined } }],
    [{ pkcs11: { ...token, slot: -1 } }],
    [{ pkcs11: { ...token, pinFile: 'p' } }],
    [{ pkcs11: { ...token, pinEnv: undefined } }],
    [{ pkcs11: { ...token, pin: '1234' } }],
    [{ pkcs11: { ...token, label: '' } }],
  ])('refuses %j', (value) => {
    expect(() => parse(value)).toThrow(expect.objectContaining({ code: 'config-invalid' }))
  })

  it('says which member is wrong', () => {
    expect(() => parse({ vault: 'v' })).toThrow(/keyFile.*passphraseEnv/)
    expect(() => parse({ pkcs11: { ...token, token: 'T' } })).toThrow(/slot.*token/)
  })
})

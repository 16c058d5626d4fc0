import { describe, expect, it } from 'vitest'
import type { CustodyFacts, KeyClaims } from '../../../src/contracts/keyFacts.ts'
import { custodyOf } from '../../../src/keys/hsm/custody.ts'
import { BASE_ENVIRONMENT, keyProcessEnvironment } from '../../../src/keys/hsm/environment.ts'
import { VENDOR_ENVIRONMENT } from '../../../src/keys/hsm/profiles.ts'

const claims: KeyClaims = {
  sensitive: true,
  alwaysSensitive: true,
  extractable: false,
  neverExtractable: true,
  local: true,
  token: true,
  sign: true,
  modifiable: false,
}
const hsm: CustodyFacts = { hardwareSlot: true, profile: 'Thales Luna', software: false, claims }

describe('custody', () => {
  it('is hsm only with every claim, in hardware, in a module that is not known as software', () => {
    expect(custodyOf(hsm)).toEqual({ custody: 'hsm', reasons: [] })
    expect(custodyOf({ ...hsm, hardwareSlot: false }).custody).toBe('unknown')
    expect(custodyOf({ ...hsm, software: true }).custody).toBe('software')
    for (const name of ['sensitive', 'neverExtractable', 'local'] as const) {
      for (const value of [false, null]) {
        const verdict = custodyOf({ ...hsm, claims: { ...claims, [name]: value } })
        expect(verdict.custody, `${name} ${value}`).toBe('unknown')
        expect(verdict.reasons).toHaveLength(1)
        expect(verdict.reasons[0]).toContain(value === false ? 'denies' : 'does not claim')
      }
    }
    expect(custodyOf({ ...hsm, claims: { ...claims, extractable: true } }).custody).toBe('unknown')
    expect(custodyOf({ ...hsm, claims: { ...claims, extractable: null } }).custody).toBe('hsm')
  })

  it('is software for the vault and for modules that claim the world', () => {
    expect(custodyOf({ ...hsm, profile: 'vault', software: true }).reasons).toEqual([
      'the vault keeps its keys in a file',
    ])
    expect(custodyOf({ ...hsm, profile: 'NSS', software: true }).reasons).toEqual([
      'NSS is software, whatever it claims',
    ])
  })
})

describe('the environment of a key process', () => {
  it('is these names and no others', () => {
    expect([...BASE_ENVIRONMENT]).toEqual([
      'PATH',
      'HOME',
      'USER',
      'LOGNAME',
      'LANG',
      'LC_*',
      'TZ',
      'TMPDIR',
      'TEMP',
      'TMP',
      'SystemRoot',
      'SystemDrive',
      'windir',
      'ProgramFiles',
      'ProgramData',
      'USERPROFILE',
      'APPDATA',
      'LOCALAPPDATA',
    ])
    expect([...VENDOR_ENVIRONMENT]).toEqual([
      'SOFTHSM2_CONF',
      'OCK_EP11_TOKEN_DIR',
      'KRYOPTIC_CONF',
      'WOLFPKCS11_TOKEN_PATH',
      'ChrystokiConfigurationPath',
      'CS_PKCS11_R2_CFG',
      'CS_PKCS11_R3_CFG',
      'NFAST_*',
      'CKNFAST_*',
      'SECUROSYS_PKCS11_CONF',
      'SECUROSYS_SECRETS_CONF',
      'FORTANIX_API_ENDPOINT',
      'YUBIHSM_PKCS11_CONF',
    ])
  })

  it('has nothing that loads code and no secret of the parent', () => {
    const from = {
      PATH: '/bin',
      LC_ALL: 'C',
      LC: 'x',
      NFAST_HOME: '/opt/nfast',
      SOFTHSM2_CONF: '/c',
      NODE_OPTIONS: '--require=/evil.js',
      LD_PRELOAD: '/evil.so',
      LD_LIBRARY_PATH: '/evil',
      DYLD_INSERT_LIBRARIES: '/evil.dylib',
      NSS_LIB_PARAMS: 'configdir=/evil',
      GITHUB_TOKEN: 'planted',
      PIN: 'planted',
      NOTHING: undefined,
    }
    expect(keyProcessEnvironment({ kind: 'module', path: '/m.so' }, from)).toEqual({
      PATH: '/bin',
      LC_ALL: 'C',
      NFAST_HOME: '/opt/nfast',
      SOFTHSM2_CONF: '/c',
    })
    expect(keyProcessEnvironment({ kind: 'vault' }, from)).toEqual({ PATH: '/bin', LC_ALL: 'C' })
    // What a person named in `countersign.modules`.
    const named = { kind: 'module' as const, path: '/m.so', environment: ['NSS_LIB_PARAMS'] }
    expect(keyProcessEnvironment(named, from)).toMatchObject({
      NSS_LIB_PARAMS: 'configdir=/evil',
      NFAST_HOME: '/opt/nfast',
    })
  })
})

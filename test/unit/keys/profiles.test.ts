import { isAbsolute, win32 } from 'node:path'
import { describe, expect, it } from 'vitest'
import { parseSettings } from '../../../src/contracts/settings.ts'
import { INSTALLED, installedModules } from '../../../src/keys/hsm/installPaths.ts'
import { PROFILES, profileOf, STANDARD_IDS } from '../../../src/keys/hsm/profiles.ts'

/** Each vendor as its modules name themselves; where nobody has seen one, as they would: manufacturer, description, token. */
const NAMES: Readonly<Record<string, readonly [string, string, string, string]>> = {
  NSS: ['Mozilla Foundation', 'NSS Internal Crypto Services', 'Mozilla Foundation', 'NSS 3'],
  SoftHSM: ['SoftHSM', 'Implementation of PKCS11', 'SoftHSM project', 'SoftHSM v2'],
  'openCryptoki soft token': ['IBM', 'openCryptoki', 'IBM', 'Soft'],
  openCryptoki: ['IBM', 'openCryptoki', 'IBM', 'EP11'],
  Kryoptic: ['Kryoptic Project', 'Kryoptic PKCS11 Module', 'Kryoptic Project', 'FIPS-140-3 v1'],
  wolfPKCS11: ['wolfpkcs11', 'Implementation using wolfCrypt', 'wolfpkcs11', 'wolfpkcs11'],
  'Thales Luna': ['SafeNet', 'Chrystoki', 'SafeNet', 'Luna K7'],
  Utimaco: ['Utimaco IS GmbH', 'CryptoServer PKCS11 R3', 'Utimaco IS GmbH', 'CryptoServer'],
  'Entrust nShield': ['nCipher Corp. Ltd', 'nCipher PKCS#11', 'nCipher Corp. Ltd', ''],
  'Crypto4A QxHSM': ['Crypto4A Inc.', 'QxHSM PKCS#11', 'Crypto4A Inc.', 'QxHSM'],
  'AWS CloudHSM': ['Amazon', 'CloudHSM PKCS#11', 'Marvell Semiconductors, Inc.', 'LS2'],
  'Securosys Primus': ['Securosys SA', 'PrimusHSM PKCS#11', 'Securosys SA', 'PRIMUS HSM'],
  Fortanix: ['Fortanix', 'Fortanix PKCS#11', 'Fortanix', 'DSM'],
  'Marvell LiquidSecurity': ['Cavium', 'LiquidSecurity PKCS#11', 'Cavium Networks', 'NITROX-III'],
  YubiHSM: ['Yubico (www.yubico.com)', 'YubiHSM PKCS#11 Library', 'Yubico (www.yubico.com)', 'YubiHSM'],
}
/** A more particular profile stands before the one that it is a case of. */
const CASES: Readonly<Record<string, string>> = {
  'openCryptoki soft token': 'openCryptoki',
  'AWS CloudHSM': 'Marvell LiquidSecurity',
}

describe('vendor profiles', () => {
  it('have a name each, and names to try them with', () => {
    expect(Object.keys(NAMES).sort()).toEqual(PROFILES.map(({ name }) => name).sort())
  })

  it.each(PROFILES)('$name is well-formed', ({ ids, environment, lanes, quirks, software }) => {
    expect(ids.length).toBeGreaterThan(0)
    // The standard first: a module that learnt it is used by it, whatever it spoke before.
    expect(ids[0]).toMatchObject(STANDARD_IDS)
    for (const { keyGen, sign, keyType, parameterSet, confidence } of ids) {
      for (const number of [keyGen, sign, keyType, parameterSet]) {
        expect(Number.isInteger(number) && number > 0 && number <= 0xffffffff).toBe(true)
      }
      // What nobody found is not invented: assumed numbers are the standard's.
      if (confidence === 'assumed')
        expect({ keyGen, sign, keyType, parameterSet }).toMatchObject({ keyGen: 0x1c, sign: 0x1d })
    }
    expect(new Set(ids.map(({ sign }) => sign)).size, 'the signing mechanism chooses between them').toBe(ids.length)
    for (const name of environment) expect(name).toMatch(/^[A-Za-z_][A-Za-z0-9_]*\*?$/)
    // More than one signature at once only where it was run, and hardware was not.
    expect(lanes).toBeGreaterThan(0)
    if (!software) expect(lanes).toBe(1)
    for (const quirk of quirks) expect(quirk).toMatch(/^[A-Z].*\.$/)
  })

  it.each(Object.entries(NAMES))('recognise %s, and no other profile does', (name, names) => {
    const [manufacturer, description, tokenManufacturer, tokenModel] = names
    expect(profileOf({ manufacturer, description, tokenManufacturer, tokenModel })?.name).toBe(name)
    const all = PROFILES.filter(({ matches }) => matches.test(names.join(' / '))).map((profile) => profile.name)
    expect(all.filter((other) => other !== CASES[name])).toEqual([name])
  })

  it('see through a proxy by the token alone', () => {
    const proxy = { manufacturer: 'PKCS#11 Kit', description: 'PKCS#11 Kit Proxy Module' }
    expect(profileOf(proxy)).toBeUndefined()
    const behind = { ...proxy, tokenManufacturer: 'SoftHSM project', tokenModel: 'SoftHSM v2' }
    expect(profileOf(behind)).toMatchObject({ name: 'SoftHSM', software: true })
  })

  it('leave a stranger to the standard', () => {
    expect(profileOf({ manufacturer: 'Acme', description: 'Soft cheese' })).toBeUndefined()
  })

  it('keep what was run apart from what was read: facts of the two tokens that were', () => {
    const confidence = (name: string) =>
      PROFILES.find((profile) => profile.name === name)?.ids.map((ids) => ids.confidence)
    expect(confidence('NSS')).toEqual(['run'])
    expect(confidence('openCryptoki soft token')).toEqual(['run', 'run'])
    expect(PROFILES.filter(({ ids }) => ids.some((one) => one.confidence === 'run')).map(({ name }) => name)).toEqual([
      'NSS',
      'openCryptoki soft token',
    ])
  })
})

describe('installed modules', () => {
  it('lie at absolute paths, under the name of a profile, none twice', () => {
    const names = new Set(PROFILES.map(({ name }) => name))
    const seen = new Set<string>()
    for (const { vendor, linux = [], darwin = [], win32: windows = [] } of INSTALLED) {
      expect(names.has(vendor), vendor).toBe(true)
      for (const path of [...linux, ...darwin]) expect(isAbsolute(path) && !path.includes('\\'), path).toBe(true)
      for (const path of windows) expect(win32.isAbsolute(path), path).toBe(true)
      for (const path of [...linux, ...darwin.map((path) => `darwin ${path}`), ...windows]) {
        expect(seen.has(path), path).toBe(false)
        seen.add(path)
      }
    }
    expect(seen.size).toBeGreaterThan(20)
  })

  it('are offered where the file exists, and only its existence is looked at', async () => {
    const luna = '/usr/lib/libCryptoki2_64.so'
    const asked: string[] = []
    const exists = async (path: string) => {
      asked.push(path)
      return path === luna
    }
    expect(await installedModules('linux', exists)).toEqual([{ vendor: 'Thales Luna', path: luna }])
    expect(asked.length).toBeGreaterThan(10)
    expect(await installedModules('win32', async (path) => path.endsWith('cryptoki.dll'))).toHaveLength(1)
    expect(await installedModules('freebsd', async () => true)).toEqual([])
  })
})

describe('what a person says of a module', () => {
  const parse = (entry: object) => {
    const settings = parseSettings((name) =>
      name === 'countersign.modules' ? [{ path: '/m.so', ...entry }] : undefined,
    )
    return settings.modules[0] ?? settings.problems[0]?.sentence
  }
  const ids = { keyGen: '0x80010035', sign: 0x80010036, keyType: '0x80010025', parameterSet: 0x80010010 }

  it('is taken as it is, numbers in hexadecimal too', () => {
    expect(parse({ ids, software: true, lanes: 2, environment: ['MY_CONF'] })).toEqual({
      path: '/m.so',
      ids: {
        keyGen: 0x80010035,
        sign: 0x80010036,
        keyType: 0x80010025,
        parameterSet: 0x80010010,
        parameterIn: 'attribute',
      },
      software: true,
      lanes: 2,
      environment: ['MY_CONF'],
    })
    expect(parse({})).toEqual({ path: '/m.so' })
  })

  it.each([
    ['half a set of numbers', { ids: { sign: 1 } }, /ids\.keyGen/],
    ['a number that is none', { ids: { ...ids, sign: 'CKM_ML_DSA' } }, /hexadecimal/],
    ['a number of 33 bits', { ids: { ...ids, sign: 2 ** 32 } }, /32 bits/],
    ['a negative number', { ids: { ...ids, sign: -1 } }, /negative/],
    ['a fraction', { ids: { ...ids, sign: 1.5 } }, /whole/],
    ['another place for the parameter set', { ids: { ...ids, parameterIn: 'nowhere' } }, /attribute/],
    ['a custody that is raised', { software: false }, /never raise/],
    ['no lane', { lanes: 0 }, /at least 1/],
    ['a hundred lanes', { lanes: 100 }, /at most 16/],
    ['a pattern in place of a name', { environment: ['*'] }, /name of an environment variable/],
    ['a name that loads code', { environment: ['LD_PRELOAD'] }, /loads code/],
    ['another one', { environment: ['dyld_insert_libraries'] }, /loads code/],
    ['that of Node', { environment: ['NODE_OPTIONS'] }, /loads code/],
    ['a member that is not known', { hardware: true }, /hardware/],
  ])('is refused as a whole with %s', (_, entry, sentence) => {
    expect(parse(entry)).toMatch(sentence)
  })
})

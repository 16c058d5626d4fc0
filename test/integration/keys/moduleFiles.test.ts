import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { cacheRoot } from '../../setup/cache.mjs'
import { nss } from '../../setup/nss.mjs'
import { openCryptoki } from '../../setup/openCryptoki.mjs'
import { softhsm } from '../../setup/softhsm.mjs'
import { cc, compiled } from './compile.ts'
import { whyNoNss } from './nssToken.ts'
import { folder } from './support.ts'
import { starts, teller, type Told } from './teller.ts'

const at = folder()
let told: Told
beforeAll(async () => {
  told = await teller('moduleFiles')
})
afterAll(() => at.remove())

const EMPTY = 'int answer(void) { return 42; }'

/** Native libraries of other systems, as they ship in a package that other tests use. */
function foreign(): readonly (readonly [string, string])[] {
  const root = cacheRoot()
  const names = existsSync(root) ? readdirSync(root).filter((name) => name.startsWith('code-server-')) : []
  const [home] = names.map((name) => path.join(root, name, 'node_modules/argon2/prebuilds')).filter(existsSync)
  if (home === undefined) return []
  const known = {
    'darwin-arm64': 'macOS on arm64',
    'darwin-x64': 'macOS on x64',
    'win32-x64': 'Windows on x64',
    'linux-arm': 'Linux on arm',
    'linux-arm64': 'Linux on arm64',
    'linux-x64': 'Linux on x64',
  }
  return Object.entries(known)
    .filter(([name]) => name !== `${process.platform}-${process.arch}`)
    .map(([name, words]) => [words, path.join(home, name, readdirSync(path.join(home, name))[0] ?? '')] as const)
}

describe('a library that cannot be loaded says why', () => {
  const others = foreign()
  it.skipIf(others.length === 0)(
    `one for another system or processor${others.length === 0 ? ' skipped: no code-server in the cache' : ''}`,
    async () => {
      for (const [words, file] of others) {
        expect(await told(file)).toMatchObject({
          code: 'module-invalid',
          message: expect.stringContaining(`is built for ${words}; here a module has to be for `),
        })
      }
    },
  )

  it.skipIf(cc === undefined || process.platform !== 'linux')('one for a processor without a name here', async () => {
    const file = await compiled(at.path, 'unnamed', EMPTY)
    const bytes = readFileSync(file)
    // e_machine: Elbrus.
    bytes.writeUInt16LE(175, 18)
    writeFileSync(file, bytes)
    expect(await told(file)).toMatchObject({
      code: 'module-invalid',
      message: expect.stringContaining(`${file} cannot be loaded as a PKCS#11 module: …: `),
    })
  })

  it.skipIf(cc === undefined || process.platform !== 'linux')('one that needs a library which is absent', async () => {
    const needed = await compiled(at.path, 'libvendorcore', EMPTY)
    const file = await compiled(
      at.path,
      'vendor',
      'int answer(void); int C_GetFunctionList(void) { return answer(); }',
      [needed],
    )
    rmSync(needed)
    const { code, message } = await told(file)
    expect(code).toBe('module-load')
    expect(message).toContain(`needs the library ${needed}, which is not on this machine`)
  })

  it.skipIf(cc === undefined)('one that gives no function list (needs a C compiler)', async () => {
    const file = await compiled(
      at.path,
      'refuses',
      'unsigned long C_GetFunctionList(void **out) { (void)out; return 5; }',
    )
    expect(await told(file)).toMatchObject({
      code: 'module-invalid',
      message: `${file} gives no list of its functions: C_GetFunctionList returned CKR_GENERAL_ERROR (0x5).`,
    })
  })

  it.skipIf(cc === undefined)(
    'one that does not start, by the number that it returns (needs a C compiler)',
    async () => {
      const vendors = await compiled(at.path, 'vendors', starts('0x80000123'))
      expect(await told(vendors)).toMatchObject({
        code: 'module-load',
        message: expect.stringMatching(
          /does not start: C_Initialize returned \S+( \S+)? \(0x80000123\)\. The number is its maker’s own/,
        ),
      })
      const parameters = await compiled(at.path, 'parameters', starts('7'))
      expect((await told(parameters)).message).toContain(
        'C_Initialize returned CKR_ARGUMENTS_BAD (0x7). It may want library parameters, or others.',
      )
    },
  )
})

const soft = await softhsm().catch(() => undefined)
describe.skipIf(soft === undefined)('SoftHSM without its configuration (needs softhsm2)', () => {
  it('is told what it lacks', async () => {
    const before = process.env['SOFTHSM2_CONF']
    process.env['SOFTHSM2_CONF'] = at.file('absent.conf')
    const { code, message } = await told(soft?.module ?? '')
    if (before === undefined) delete process.env['SOFTHSM2_CONF']
    else process.env['SOFTHSM2_CONF'] = before
    expect(code).toBe('module-load')
    expect(message).toMatch(
      /C_Initialize returned CKR_GENERAL_ERROR \(0x5\)\. SOFTHSM2_CONF has to name its configuration file/,
    )
  })
})

/** The newest C library that this program could have. */
const glibc = (process.report.getReport() as { header?: { glibcVersionRuntime?: string } }).header?.glibcVersionRuntime
const root = await openCryptoki().catch(() => undefined)
const older = root !== undefined && glibc !== undefined && Number(glibc.split('.')[1]) < 38
describe.skipIf(!older)('a module of a newer system (needs openCryptoki, and a C library before 2.38)', () => {
  it('is called that', async () => {
    const file = path.join(root?.root ?? '', root?.module ?? '')
    const { code, message } = await told(file)
    expect(code).toBe('module-load')
    expect(message).toMatch(/needs GLIBC_2\.\d+ of libc\.so\.6: it was built for a newer system than this one/)
  })
})

const noNss = await whyNoNss()
describe.skipIf(noNss !== undefined)('NSS without its folder (needs NSS)', () => {
  it('is told what it lacks', async () => {
    const { module } = await nss()
    const { code, message } = await told(module, `configdir='sql:${at.file('absent')}' flags= `)
    expect(code).toBe('module-load')
    expect(message).toMatch(/C_Initialize returned .*\. Its library parameters have to name a folder that exists/)
  })
})

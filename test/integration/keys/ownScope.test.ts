import { readdirSync, readFileSync, realpathSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { readModule } from '../../../src/keys/hsm/inventory.ts'
import { KeyProcess } from '../../../src/keys/hsm/supervisor.ts'
import { neededLibraries } from '../../../src/keys/process/pkcs11/elf.ts'
import { needsOpenSsl } from '../../../src/keys/process/pkcs11/ownScope.ts'
import { nss } from '../../setup/nss.mjs'
import { findInPath, run } from '../../setup/run.mjs'
import { buildKeyProcess } from './bundle.ts'
import { cc, compiled } from './compile.ts'
import { whyNoNss } from './nssToken.ts'
import { folder, MemoryLog } from './support.ts'

const at = folder()
afterAll(() => at.remove())
const linux = process.platform === 'linux'

const readelf = findInPath('readelf')
describe.skipIf(readelf === undefined || !linux)('what a library is linked to (needs readelf)', () => {
  it('is what readelf says, for the libraries of this machine', async () => {
    const home = path.dirname(realpathSync(mappedLibc()))
    const files = readdirSync(home).filter((name) => /\.so[.\d]*$/.test(name))
    const real = [...new Set(files.map((name) => realpathSync(path.join(home, name))))].slice(0, 150)
    // Some are texts: scripts for the linker.
    const some = real.filter((file) => readFileSync(file).subarray(1, 4).toString() === 'ELF')
    expect(some.length).toBeGreaterThan(10)
    const out = await run(readelf ?? '', ['-d', '-W', ...some])
    let compared = 0
    for (const part of out.split('\nFile: ').slice(1)) {
      const file = part.slice(0, part.indexOf('\n'))
      const wanted = [...part.matchAll(/\(NEEDED\).*\[(.*)\]/g)].map((match) => match[1])
      expect({ file, needed: neededLibraries(file) }).toEqual({ file, needed: wanted })
      compared += wanted.length
    }
    expect(compared).toBeGreaterThan(20)
  })
})

function mappedLibc(): string {
  const line = readFileSync('/proc/self/maps', 'utf8')
    .split('\n')
    .find((text) => /\/(libc\.so|libc-|ld-musl|libc\.musl)/.test(text))
  return line?.slice(line.indexOf('/')) ?? '/usr/lib'
}

describe.skipIf(cc === undefined || !linux)('a module that is linked to OpenSSL (needs a C compiler)', () => {
  /** A libcrypto of our own that cannot be taken for Node's. */
  const CRYPTO = 'unsigned long OpenSSL_version_num(void) { return 0x1234; }'
  /** C_Initialize: CKR_ARGUMENTS_BAD if it calls the libcrypto that it is linked to, CKR_GENERAL_ERROR if another. */
  const MODULE = `
unsigned long version(void);
static unsigned long init(void *args) { (void)args; return version() == 0x1234 ? 7 : 5; }
static struct { unsigned char version[2]; unsigned long (*functions[68])(void *); } list = { { 2, 40 }, { init } };
unsigned long C_GetFunctionList(void **out) { *out = &list; return 0; }`
  const HELPER =
    'unsigned long OpenSSL_version_num(void); unsigned long version(void) { return OpenSSL_version_num(); }'
  const rpath = '-Wl,-rpath,$ORIGIN'
  let module = ''

  beforeAll(async () => {
    const crypto = await compiled(at.path, 'libcrypto', CRYPTO, ['-Wl,-soname,libcrypto.so'])
    // The module needs a library that needs OpenSSL, as libcurl or a vendor's own would.
    const helper = await compiled(at.path, 'libhelper', HELPER, [crypto, rpath, '-Wl,-soname,libhelper.so'])
    module = await compiled(at.path, 'module', MODULE, [helper, rpath])
  })

  it('is found out, also through another library', async () => {
    expect(neededLibraries(module)).toContain('libhelper.so')
    expect(needsOpenSsl(module)).toBe(true)
    const other = await compiled(at.path, 'other', 'int answer(void) { return 42; }')
    expect(needsOpenSsl(other)).toBe(false)
  })

  it('calls its own, not the one inside Node', async () => {
    const path = await buildKeyProcess('ownScope')
    const keyProcess = new KeyProcess({ path, holds: { kind: 'module', path: module }, log: new MemoryLog() })
    await expect(readModule(keyProcess)).rejects.toThrow('C_Initialize returned CKR_ARGUMENTS_BAD (0x7)')
    keyProcess.dispose()
  })

  it('and no damaged file makes the look ahead fail', () => {
    const whole = readFileSync(module)
    const broken = at.file('broken.so')
    const size = Math.min(whole.length, 1024)
    for (let place = 0; place < size; place += 1) {
      const bytes = Uint8Array.from(whole)
      bytes[place] = (bytes[place] ?? 0) ^ 0xff
      writeFileSync(broken, place % 4 === 0 ? bytes.subarray(0, place) : bytes)
      for (const name of neededLibraries(broken)) expect(name.length).toBeLessThan(256)
    }
  })
})

const noNss = await whyNoNss()
describe.skipIf(noNss !== undefined)(`NSS${noNss === undefined ? '' : ` skipped: ${noNss}`}`, () => {
  it('is linked to no OpenSSL, and is loaded as ever', async () => {
    const { module } = await nss()
    expect(neededLibraries(module)).toContain('libnssutil3.so')
    expect(needsOpenSsl(module)).toBe(false)
  })
})

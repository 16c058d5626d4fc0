import { chmodSync, chownSync, copyFileSync, mkdirSync, symlinkSync } from 'node:fs'
import path from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { run } from '../../setup/run.mjs'
import { cc, compiled } from './compile.ts'
import { folder } from './support.ts'
import { starts, teller, type Told } from './teller.ts'

const at = folder()
let told: Told
beforeAll(async () => {
  told = await teller('modulePermissions')
})
afterAll(() => at.remove())

describe.skipIf(cc === undefined || process.platform === 'win32')('a file that anybody could replace', () => {
  const mended = { code: 'module-load', message: expect.stringContaining('C_Initialize returned CKR_ARGUMENTS_BAD') }
  let library = ''
  beforeAll(async () => {
    library = await compiled(at.path, 'owned', starts('7'))
  })

  /** Runs the command that the person was told to run. */
  async function mend(file: string, what: string): Promise<void> {
    const { code, message } = await told(file)
    expect(code).toBe('file-permissions')
    expect(message).toContain(`Every user of this machine can write to ${what}: the module is not loaded. Run: `)
    await run('sh', ['-c', message.split('Run: ')[1] ?? 'false'])
    expect(await told(file)).toMatchObject(mended)
  }

  it('is refused, with the command that mends it: the file', async () => {
    chmodSync(library, 0o757)
    await mend(library, library)
  })

  it('the folder, and one above it, also with a name that a shell would split', async () => {
    const outer = at.file("it's open")
    const inner = path.join(outer, 'lib')
    mkdirSync(inner, { recursive: true })
    const file = path.join(inner, 'owned.so')
    copyFileSync(library, file)
    chmodSync(inner, 0o777)
    await mend(file, inner)
    chmodSync(outer, 0o777)
    await mend(file, outer)
  })

  it('the folder of a link to it, and the folder that a link leads to', async () => {
    const open = at.file('open')
    mkdirSync(open)
    const link = path.join(open, 'link.so')
    symlinkSync(library, link)
    chmodSync(open, 0o777)
    await mend(link, open)
    const copy = path.join(open, 'copy.so')
    copyFileSync(library, copy)
    chmodSync(open, 0o777)
    symlinkSync(copy, at.file('inward.so'))
    await mend(at.file('inward.so'), open)
  })

  it('is not refused in a folder where nobody can replace what is another’s', async () => {
    const shared = at.file('sticky')
    mkdirSync(shared)
    chmodSync(shared, 0o1777)
    const file = path.join(shared, 'owned.so')
    copyFileSync(library, file)
    expect(await told(file)).toMatchObject(mended)
    // The bit means nothing on a file.
    chmodSync(file, 0o1757)
    await mend(file, file)
  })

  it.skipIf(process.getuid?.() !== 0)('is refused there when it belongs to somebody else (needs root)', async () => {
    const shared = at.file('planted')
    mkdirSync(shared)
    chmodSync(shared, 0o1777)
    const file = path.join(shared, 'owned.so')
    copyFileSync(library, file)
    chownSync(file, 65_534, 65_534)
    expect(await told(file)).toMatchObject({
      code: 'file-permissions',
      message: expect.stringContaining(`${file} belongs to another user`),
    })
  })
})

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { readModule } from '../../../src/keys/hsm/inventory.ts'
import { KeyProcess } from '../../../src/keys/hsm/supervisor.ts'
import { buildKeyProcess } from './bundle.ts'
import { cc, compiled } from './compile.ts'
import { folder, gone, isAlive, MemoryLog } from './support.ts'

const at = folder()
const log = new MemoryLog()
const made: KeyProcess[] = []
let keyProcessPath = ''
beforeAll(async () => {
  keyProcessPath = await buildKeyProcess('modules')
})
afterAll(() => {
  for (const keyProcess of made) keyProcess.dispose()
  at.remove()
})

function module(file: string, deadlines = {}): KeyProcess {
  const keyProcess = new KeyProcess({ path: keyProcessPath, holds: { kind: 'module', path: file }, log, deadlines })
  made.push(keyProcess)
  return keyProcess
}

const failure = (file: string, deadlines = {}) =>
  readModule(module(file, deadlines)).then(
    () => undefined,
    (thrown: unknown) => thrown,
  )

describe('a file that is no PKCS#11 module', () => {
  it('is told apart: absent, a folder, a text', async () => {
    expect(await failure(at.file('absent.so'))).toMatchObject({
      code: 'module-load',
      message: expect.stringContaining('There is no PKCS#11 module'),
    })
    expect(await failure(at.path)).toMatchObject({ code: 'module-invalid' })
    writeFileSync(at.file('text.so'), 'not a library\n')
    expect(await failure(at.file('text.so'))).toMatchObject({
      code: 'module-invalid',
      message: expect.stringContaining('is no native library, so it cannot be loaded as a PKCS#11 module'),
    })
    expect(await failure('libsofthsm2.so')).toMatchObject({ code: 'usage' })
  })

  it.skipIf(cc === undefined)('a library without C_GetFunctionList (needs a C compiler)', async () => {
    const library = await compiled(at.path, 'other', 'int answer(void) { return 42; }')
    expect(await failure(library)).toMatchObject({
      code: 'module-invalid',
      message: expect.stringContaining('it has no C_GetFunctionList'),
    })
  })

  it.skipIf(cc === undefined)(
    'a library that crashes or hangs takes nothing with it (needs a C compiler)',
    async () => {
      const crash = '#include <stdlib.h>\n__attribute__((constructor)) static void load(void) { abort(); }'
      expect(await failure(await compiled(at.path, 'crash', crash))).toMatchObject({
        code: 'key-process-gone',
        message: expect.stringMatching(/ended by SIGABRT while it worked on "start"/),
      })
      const hang = '#include <unistd.h>\nlong C_GetFunctionList(void *list) { (void)list; for (;;) sleep(1); }'
      expect(await failure(await compiled(at.path, 'hang', hang), { start: 500 })).toMatchObject({
        code: 'signer-timeout',
      })
    },
  )

  it.skipIf(cc === undefined || process.platform === 'win32')(
    'that hangs does not outlive a parent that was killed (needs a C compiler)',
    async () => {
      const hang = '#include <unistd.h>\nlong C_GetFunctionList(void *list) { (void)list; for (;;) sleep(1); }'
      const holds = { kind: 'module', path: await compiled(at.path, 'orphan', hang) }
      const script = at.file('parent.mjs')
      writeFileSync(
        script,
        `import { fork } from 'node:child_process'
         const child = fork(${JSON.stringify(keyProcessPath)}, [], { serialization: 'advanced', stdio: 'ignore' })
         child.send({ id: 1, operation: 'start', params: { holds: ${JSON.stringify(holds)} } })
         setTimeout(() => console.log(child.pid), 1000)`.replace(
          "stdio: 'ignore'",
          "stdio: ['ignore', 'ignore', 'ignore', 'ipc']",
        ),
      )
      const parent = spawn(process.execPath, [script], { stdio: ['ignore', 'pipe', 'inherit'] })
      const [line]: unknown[] = await once(parent.stdout, 'data')
      const pid = Number(String(line))
      expect(isAlive(pid)).toBe(true)
      parent.kill('SIGKILL')
      expect(await gone(pid, 40_000)).toBe(true)
    },
  )
})

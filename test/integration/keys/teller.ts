import { readModule } from '../../../src/keys/hsm/inventory.ts'
import { KeyProcess } from '../../../src/keys/hsm/supervisor.ts'
import { type CountersignError, toCountersignError } from '../../../src/support/errors.ts'
import { buildKeyProcess } from './bundle.ts'
import { MemoryLog } from './support.ts'

export type Told = (file: string, libraryParameters?: string) => Promise<Pick<CountersignError, 'code' | 'message'>>

/** What a person is told about a file that is no module, or does not start as one. */
export async function teller(name: string): Promise<Told> {
  const path = await buildKeyProcess(name)
  const log = new MemoryLog()
  return async (file, libraryParameters) => {
    const parameters = libraryParameters === undefined ? {} : { libraryParameters }
    const keyProcess = new KeyProcess({ path, holds: { kind: 'module', path: file, ...parameters }, log })
    try {
      const { name: loaded } = await readModule(keyProcess)
      throw new Error(`${loaded} was loaded`)
    } catch (thrown) {
      return toCountersignError(thrown)
    } finally {
      keyProcess.dispose()
    }
  }
}

/** A function list whose C_Initialize returns `value`. */
export const starts = (value: string) => `
static unsigned long init(void *args) { (void)args; return ${value}; }
static struct { unsigned char version[2]; unsigned long (*functions[68])(void *); } list = { { 2, 40 }, { init } };
unsigned long C_GetFunctionList(void **out) { *out = &list; return 0; }`

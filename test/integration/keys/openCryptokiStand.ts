import { KeyProcess } from '../../../src/keys/hsm/supervisor.ts'
import type { MlDsaIds, Where } from '../../../src/contracts/keyProcess.ts'
import { type OpenCryptoki, openCryptoki, startOpenCryptoki } from '../../setup/openCryptoki.mjs'
import { buildKeyProcess } from './bundle.ts'
import { bytes, MemoryLog } from './support.ts'

export const FIRST_SO_PIN = '87654321'
export const PIN = '46137928'

/** Why there can be no openCryptoki here, or undefined. Tests skip with this reason. */
export async function whyNoOpenCryptoki(): Promise<string | undefined> {
  try {
    await openCryptoki()
    return undefined
  } catch (thrown) {
    return thrown instanceof Error ? (thrown.message.split('\n')[0] ?? '') : String(thrown)
  }
}

/** openCryptoki with a daemon of its own, and key processes that hold it. */
export class Stand {
  readonly log = new MemoryLog()
  private readonly made: KeyProcess[] = []
  private readonly module: OpenCryptoki

  private constructor(module: OpenCryptoki) {
    this.module = module
  }

  static async start(name: string, node?: string): Promise<Stand> {
    const keyProcess = await buildKeyProcess(name)
    return new Stand(await startOpenCryptoki({ keyProcess, ...(node === undefined ? {} : { node }) }))
  }

  get file(): string {
    return this.module.module
  }

  get daemon(): Pick<OpenCryptoki, 'killDaemon' | 'startDaemon'> {
    return this.module
  }

  keyProcess(ids?: MlDsaIds): KeyProcess {
    const holds = { kind: 'module', path: this.file, ...(ids === undefined ? {} : { ids }) } as const
    const keyProcess = new KeyProcess({ path: this.module.keyProcessPath, holds, log: this.log })
    this.made.push(keyProcess)
    return keyProcess
  }

  async unlocked(where: Where, ids?: MlDsaIds): Promise<KeyProcess> {
    const keyProcess = this.keyProcess(ids)
    await keyProcess.login(where, bytes(PIN))
    return keyProcess
  }

  /** What the module says without a line of ours between: `body` is JavaScript with `module`, `slots`, `input`. */
  async raw(body: string, input: unknown, libraries: readonly string[] = this.inOwnScope()): Promise<unknown> {
    const out = await this.module.script(RAW(body), { file: this.file, libraries, input })
    return JSON.parse(out)
  }

  /** With these the module calls its own OpenSSL in any Node: the module, and the library of its tokens. */
  private inOwnScope(): string[] {
    return [this.file, this.file.replace('pkcs11/libopencryptoki.so', 'opencryptoki/stdll/libpkcs11_sw.so')]
  }

  async stop(): Promise<void> {
    for (const keyProcess of this.made) keyProcess.dispose()
    await Promise.all(this.made.map((keyProcess) => keyProcess.closed()))
    await this.module.stop()
  }
}

const RAW = (body: string) => `
const { PKCS11 } = require('/mnt/node_modules/pkcs11js')
const { RTLD_NOW, RTLD_DEEPBIND } = require('node:os').constants.dlopen
const { file, libraries, input } = JSON.parse(process.argv[1])
for (const library of libraries) {
  try {
    process.dlopen({ exports: {} }, library, RTLD_NOW | RTLD_DEEPBIND | 0x1000)
  } catch {}
}
const module_ = new PKCS11()
module_.load(file)
module_.C_Initialize({ flags: 2 })
const answer = ((module, slots) => { ${body} })(module_, module_.C_GetSlotList(true))
console.log(JSON.stringify(answer))`

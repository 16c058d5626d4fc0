import { afterAll, beforeAll } from 'vitest'
import { KeyProcess, type KeyProcessOptions } from '../../../src/keys/hsm/supervisor.ts'
import { buildKeyProcess } from './bundle.ts'
import { initNssToken, type NssToken } from './nssToken.ts'
import { folder, MemoryLog } from './support.ts'

/** A token of NSS for the tests of one `describe`, and the processes that hold it. All of it goes with the last test. */
export class NssStand {
  readonly at = folder()
  readonly log = new MemoryLog()
  private readonly made: KeyProcess[] = []
  private ready: { readonly path: string; readonly token: NssToken } | undefined

  /** Call it in a `describe`; `name`: of the bundle, its own in each file. */
  constructor(name: string, pin: string) {
    beforeAll(async () => {
      const path = await buildKeyProcess(name)
      this.ready = { path, token: await initNssToken(this.at.file('nss'), { pin }) }
    })
    afterAll(() => {
      for (const keyProcess of this.made) keyProcess.dispose()
      this.at.remove()
    })
  }

  /** Of the key process's bundle. */
  get path(): string {
    return this.isReady().path
  }

  get token(): NssToken {
    return this.isReady().token
  }

  readonly where = (): { readonly slot: number } => ({ slot: this.token.slot })

  /** A process of its own: locked, unless `pins` has the token's PIN. */
  readonly module = (options: Pick<KeyProcessOptions, 'pins' | 'unlocked'> = {}): KeyProcess => {
    const { path, token, log } = this
    const holds = { kind: 'module', path: token.module, libraryParameters: token.libraryParameters } as const
    const keyProcess = new KeyProcess({ path, holds, log, ...options })
    this.made.push(keyProcess)
    return keyProcess
  }

  private isReady(): NonNullable<typeof this.ready> {
    if (this.ready === undefined) throw new Error('The token is there once the tests run.')
    return this.ready
  }
}

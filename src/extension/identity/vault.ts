import { access, mkdir, rm, stat, writeFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import type { KeyProcess } from '../../keys/hsm/supervisor.ts'
import { openVaultSigner, type ProcessSigner, withVaultKey } from '../../keys/hsm/signer.ts'
import { toCountersignError } from '../../support/errors.ts'
import type { Log } from '../../support/log.ts'

export interface EmbeddedVaultOptions {
  readonly keyProcess: () => KeyProcess
  readonly file: string
  /** The 32 bytes that seal it; `mayCreate` where there is no vault yet. */
  readonly key: (mayCreate: boolean) => Promise<Uint8Array>
  /** A key was made: the person is told, once. */
  readonly created: () => void
  readonly log: Log
}

/** Older than any creation can take: left by an editor that was killed in the middle of one. */
const STALE_MS = 60_000

/** The vault of this editor. */
export class EmbeddedVault {
  private readonly options: EmbeddedVaultOptions

  constructor(options: EmbeddedVaultOptions) {
    this.options = options
  }

  /** Its key, made on first need. @throws CountersignError: see `openVaultSigner` */
  async open(): Promise<ProcessSigner> {
    const { file, log, created } = this.options
    const keyProcess = this.options.keyProcess()
    const open = () => openVaultSigner({ keyProcess, file, log, unlock: this.unlock(false) })
    if (await exists(file)) return await open()
    return await alone(`${file}.lock`, async () => {
      // Another window may have made it while this one waited.
      if (await exists(file)) return await open()
      const made = await openVaultSigner({ keyProcess, file, log, unlock: this.unlock(true), create: 'ML-DSA-87' })
      created()
      return made
    })
  }

  /**
   * Destroys one of its keys; the file goes with the last one.
   * @throws CountersignError `vault-locked`, `key-missing`, `vault-corrupt`, …
   */
  async destroy({ label, publicKey }: { readonly label: string; readonly publicKey: Uint8Array }): Promise<void> {
    const { file } = this.options
    const keyProcess = this.options.keyProcess()
    await alone(`${file}.lock`, () =>
      withVaultKey(keyProcess, this.unlock(false), (unlock) =>
        keyProcess.call('destroyVaultKey', { file, unlock, label, publicKey }),
      ),
    )
  }

  private unlock(mayCreate: boolean) {
    return { key: () => this.options.key(mayCreate) }
  }
}

/**
 * One window at a time: two that make the vault at once would each store a key for it, and the one that is kept would not
 * be the one that it was sealed with.
 */
async function alone<T>(lock: string, work: () => Promise<T>): Promise<T> {
  await mkdir(dirname(lock), { recursive: true, mode: 0o700 })
  for (let tries = 0; ; tries++) {
    try {
      await writeFile(lock, '', { flag: 'wx', mode: 0o600 })
      break
    } catch (thrown) {
      if (tries === 100 || !isTaken(thrown)) throw toCountersignError(thrown)
      const age = await stat(lock).then(
        ({ mtimeMs }) => Date.now() - mtimeMs,
        () => 0,
      )
      if (age > STALE_MS) await rm(lock, { force: true })
      await new Promise((resolve) => {
        setTimeout(resolve, 200)
      })
    }
  }
  try {
    return await work()
  } finally {
    await rm(lock, { force: true })
  }
}

async function exists(file: string): Promise<boolean> {
  return await access(file).then(
    () => true,
    () => false,
  )
}

function isTaken(thrown: unknown): boolean {
  return thrown instanceof Error && 'code' in thrown && thrown.code === 'EEXIST'
}

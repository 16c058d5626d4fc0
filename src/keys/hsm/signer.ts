import type { VaultKey, Where } from '../../contracts/keyProcess.ts'
import { wipe } from '../../crypto/random.ts'
import type { SignatureAlgorithm } from '../../crypto/signature.ts'
import { CountersignError, toCountersignError } from '../../support/errors.ts'
import { said } from '../../support/l10n.ts'
import type { Log } from '../../support/log.ts'
import { DEFAULT_LABEL } from '../signer.ts'
import { badReply, type Connection } from './connection.ts'
import { type OpenKey, ProcessSigner } from './processSigner.ts'
import type { KeyProcess } from './supervisor.ts'

export type { ProcessSigner } from './processSigner.ts'

/** How a vault opens. Callbacks give fresh bytes each time, which are wiped; undefined: the user has to be asked. */
export type VaultUnlock =
  | { readonly keyFile: string }
  | { readonly passphrase: () => Promise<Uint8Array | undefined> | Uint8Array | undefined }
  | { readonly key: () => Promise<Uint8Array | undefined> | Uint8Array | undefined }

export interface VaultSignerOptions {
  readonly keyProcess: KeyProcess
  readonly file: string
  readonly unlock: VaultUnlock
  readonly label?: string
  /** Make this key, and the vault where there is none; refused where the label is taken. */
  readonly create?: SignatureAlgorithm
  readonly log: Log
}

export interface TokenSignerOptions {
  readonly keyProcess: KeyProcess
  readonly where: Where
  readonly label: string
  readonly create?: SignatureAlgorithm
  /** False: a person has entered the PIN for what follows, and no stored one takes its place. */
  readonly storedPin?: boolean
  readonly log: Log
}

/**
 * A key of a vault, opened in its key process.
 * @throws CountersignError `key-missing`, `key-exists`, `vault-locked`, `vault-corrupt`, `file-permissions`, `file-unreadable`
 */
export async function openVaultSigner(options: VaultSignerOptions): Promise<ProcessSigner> {
  const { keyProcess, file, unlock, label = DEFAULT_LABEL, create, log } = options
  const open: OpenKey = (connection) =>
    withVaultKey(keyProcess, unlock, (key) => keyProcess.callOn(connection, 'openVault', { file, label, unlock: key }))
  const first: OpenKey =
    create === undefined
      ? open
      : (connection) =>
          withVaultKey(keyProcess, unlock, (key) =>
            keyProcess.callOn(connection, 'createVault', { file, label, algorithm: create, unlock: key }),
          )
  return ProcessSigner.open({ keyProcess, first, open, log })
}

/**
 * A key of a PKCS#11 token; logs in with the stored PIN where the token asks for one.
 * @throws CountersignError `pin-needed`, `pin-wrong`, `pin-locked`, `token-missing`, `token-unsupported`, `key-missing`, …
 */
export async function openTokenSigner(options: TokenSignerOptions): Promise<ProcessSigner> {
  const { keyProcess, where, label, create, storedPin = true, log } = options
  const open: OpenKey = (connection) => {
    const opening = () => keyProcess.callOn(connection, 'open', { where, label })
    return storedPin ? loggedIn(keyProcess, connection, where, opening) : opening()
  }
  const first: OpenKey =
    create === undefined
      ? open
      : (connection) =>
          loggedIn(keyProcess, connection, where, async () => {
            const made = await keyProcess.callOn(connection, 'generate', { where, label, algorithm: create })
            if (made.handle === null) throw badReply(said('made a key of another algorithm than it was asked for'))
            return made
          })
  return ProcessSigner.open({ keyProcess, first, open, log })
}

async function loggedIn<T>(
  keyProcess: KeyProcess,
  connection: Connection,
  where: Where,
  work: () => Promise<T>,
): Promise<T> {
  try {
    return await work()
  } catch (thrown) {
    if (toCountersignError(thrown).code !== 'pin-needed') throw thrown
    await keyProcess.unlock(connection, where)
    return work()
  }
}

/**
 * Runs work with what opens a vault, which is wiped afterwards.
 * @throws CountersignError `vault-locked` where it is locked, or the user has to be asked
 */
export async function withVaultKey<T>(
  keyProcess: KeyProcess,
  unlock: VaultUnlock,
  work: (key: VaultKey) => Promise<T>,
): Promise<T> {
  const locked = new CountersignError('vault-locked', 'The vault is locked. Unlock it to sign again.')
  if (keyProcess.locked()) throw locked
  if ('keyFile' in unlock) return work({ kind: 'keyFile', path: unlock.keyFile })
  const secret = await ('passphrase' in unlock ? unlock.passphrase() : unlock.key())
  if (secret === undefined) throw locked
  try {
    return await work(
      'passphrase' in unlock ? { kind: 'passphrase', passphrase: secret } : { kind: 'key', key: secret },
    )
  } finally {
    wipe(secret)
  }
}

import { constants } from 'node:fs'
import { open } from 'node:fs/promises'
import type { Where } from '../../contracts/keyProcess.ts'
import type { IdentityConfig, Pkcs11Identity, VaultIdentity } from '../../contracts/identityConfig.ts'
import { encodeUtf8 } from '../../crypto/encoding.ts'
import type { SignatureAlgorithm } from '../../crypto/signature.ts'
import { CountersignError } from '../../support/errors.ts'
import type { Log } from '../../support/log.ts'
import { openTokenSigner, openVaultSigner, type ProcessSigner, type VaultUnlock } from './signer.ts'
import { KeyProcess, type PinSource } from './supervisor.ts'

export interface OpenIdentityOptions {
  /** Path of dist/keyProcess.js. */
  readonly keyProcessPath: string
  readonly log: Log
  /** Make the key, and refuse to replace one. */
  readonly create?: SignatureAlgorithm
}

export interface OpenedIdentity {
  readonly signer: ProcessSigner
  /** For the panel and for `lock`; ends with `dispose`. */
  readonly keyProcess: KeyProcess
  dispose(): void
  /** After `dispose`: resolves when the key process is gone. */
  closed(): Promise<void>
}

/**
 * The signer that a configuration file names, with a key process of its own. Paths are absolute by now
 * (`resolveIdentityPaths`).
 * @throws CountersignError: see `openVaultSigner` and `openTokenSigner`; `config-invalid` for a variable that is not set
 */
export async function openIdentity(
  identity: IdentityConfig,
  { keyProcessPath, log, create }: OpenIdentityOptions,
): Promise<OpenedIdentity> {
  const keyProcess =
    'vault' in identity
      ? new KeyProcess({ path: keyProcessPath, holds: { kind: 'vault' }, log })
      : new KeyProcess({ path: keyProcessPath, holds: holdsOf(identity.pkcs11), log, pins: pinsOf(identity.pkcs11) })
  const making = create === undefined ? {} : { create }
  try {
    const signer =
      'vault' in identity
        ? await openVaultSigner({ keyProcess, log, ...vaultOf(identity), ...making })
        : await openTokenSigner({ keyProcess, log, ...tokenOf(identity.pkcs11), ...making })
    return { signer, keyProcess, dispose: () => keyProcess.dispose(), closed: () => keyProcess.closed() }
  } catch (thrown) {
    keyProcess.dispose()
    throw thrown
  }
}

function vaultOf({ vault, keyFile, passphraseEnv, label }: VaultIdentity) {
  const unlock: VaultUnlock =
    keyFile === undefined ? { passphrase: () => fromEnvironment(passphraseEnv ?? '', 'passphrase') } : { keyFile }
  return { file: vault, unlock, ...(label === undefined ? {} : { label }) }
}

function holdsOf({ module, libraryParameters }: Pkcs11Identity) {
  return { kind: 'module' as const, path: module, ...(libraryParameters === undefined ? {} : { libraryParameters }) }
}

function tokenOf({ slot, token, label }: Pkcs11Identity): { where: Where; label: string } {
  return { where: slot === undefined ? { token: token ?? '' } : { slot }, label }
}

/** The PIN is where the operator put it; one that the token rejects is not tried again before a restart. */
function pinsOf({ pinEnv, pinFile }: Pkcs11Identity): PinSource {
  return {
    read: () => (pinFile === undefined ? Promise.resolve(fromEnvironment(pinEnv ?? '', 'PIN')) : readPinFile(pinFile)),
    forget: () => {},
  }
}

function fromEnvironment(name: string, what: string): Uint8Array {
  const value = process.env[name]
  if (value === undefined || value === '') {
    throw new CountersignError('config-invalid', `The ${what} is to come from the variable ${name}, which is not set.`)
  }
  return encodeUtf8(value)
}

const LONGEST_PIN_FILE = 1024

/**
 * A PIN file: UTF-8, one line; a line end at the end is not part of the PIN.
 * @throws CountersignError `file-unreadable`, `file-permissions` where others can read it
 */
async function readPinFile(file: string): Promise<Uint8Array> {
  const handle = await open(file, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0)).catch((cause: unknown) => {
    throw new CountersignError('file-unreadable', `The PIN file ${file} cannot be read.`, { cause })
  })
  const buffer = new Uint8Array(LONGEST_PIN_FILE)
  try {
    const found = await handle.stat()
    if (!found.isFile()) throw new CountersignError('file-unreadable', `The PIN file ${file} is not a regular file.`)
    if (process.getuid !== undefined && (found.mode & 0o077) !== 0) {
      throw new CountersignError('file-permissions', `Others can read the PIN file ${file}. Run chmod 600 on it.`)
    }
    const { bytesRead } = await handle.read(buffer, 0, buffer.length, 0)
    let end = bytesRead
    while (end > 0 && (buffer[end - 1] === 0x0a || buffer[end - 1] === 0x0d)) end -= 1
    if (end === 0 || bytesRead === buffer.length) {
      throw new CountersignError('file-unreadable', `The PIN file ${file} is empty or too long.`)
    }
    return buffer.slice(0, end)
  } finally {
    buffer.fill(0)
    await handle.close()
  }
}

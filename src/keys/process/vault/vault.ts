import type { CustodyFacts, OpenedKey } from '../../../contracts/keyFacts.ts'
import type { Params, Result, VaultKey } from '../../../contracts/keyProcess.ts'
import { open, seal } from '../../../crypto/aead.ts'
import { deriveKey, SCRYPT_PARAMS } from '../../../crypto/passphrase.ts'
import { randomBytes, wipe } from '../../../crypto/random.ts'
import { generateSeedKey, SeedSigner } from '../../../crypto/signature.ts'
import { CountersignError } from '../../../support/errors.ts'
import { whileLocked } from '../../../support/fileLock.ts'
import { said } from '../../../support/l10n.ts'
import type { KeyTable } from '../keyTable.ts'
import { Proof } from '../proof.ts'
import { createKeyFile, readKeyFile, readVaultFile, removeVaultFile, writeVaultFile } from './files.ts'
import {
  associatedData,
  parseVault,
  serialiseVault,
  type VaultEntry,
  type VaultFile,
  type VaultLock,
} from './format.ts'

/** What the vault can say of itself: never more than software, whatever the file claims. */
const VAULT_FACTS: CustodyFacts = {
  hardwareSlot: false,
  profile: 'vault',
  software: true,
  claims: {
    // The file can be copied, and with its key it is the seed: the honest answers.
    sensitive: false,
    alwaysSensitive: false,
    extractable: true,
    neverExtractable: false,
    local: true,
    token: true,
    sign: true,
    modifiable: false,
  },
}

/** The embedded software token: ML-DSA seeds in a sealed file, opened in this process only. */
export class Vault {
  private readonly keys: KeyTable

  constructor(keys: KeyTable) {
    this.keys = keys
  }

  /** @throws CountersignError `key-missing`, `vault-corrupt`, `file-permissions`, `file-unreadable` */
  async inspect({ file }: Params<'inspectVault'>): Promise<Result<'inspectVault'>> {
    const vault = await existing(file)
    return {
      lock: vault.lock.kind,
      keys: vault.keys.map(({ label, algorithm, publicKey }) => ({
        label,
        algorithm,
        publicKey,
        id: null,
        alwaysAuthenticate: false,
        facts: VAULT_FACTS,
      })),
    }
  }

  /** @throws CountersignError `key-missing`, `vault-locked`, `vault-corrupt`, `file-permissions`, `file-unreadable` */
  async open({ file, unlock, label }: Params<'openVault'>): Promise<OpenedKey> {
    try {
      const vault = await existing(file)
      const entry = vault.keys.find((key) => key.label === label)
      if (entry === undefined) {
        const there = vault.keys.map((key) => key.label).join(', ')
        throw new CountersignError('key-missing', said`The vault ${file} has no key "${label}". It has: ${there}.`)
      }
      const key = await sealingKey(vault.lock, unlock)
      try {
        const seed = unsealed(file, vault.lock, entry, key)
        try {
          return await this.hold(file, entry, seed)
        } finally {
          wipe(seed)
        }
      } finally {
        wipe(key)
      }
    } finally {
      wipeUnlock(unlock)
    }
  }

  /**
   * Adds a key; makes the vault, and a key file of mode 0600, where there is none.
   * @throws CountersignError `key-exists`, and those of `open`
   */
  async create({ file, unlock, label, algorithm }: Params<'createVault'>): Promise<OpenedKey> {
    try {
      return await whileLocked(file, async () => {
        const bytes = await readVaultFile(file)
        const before = bytes === undefined ? undefined : parseVault(bytes, file)
        if (before?.keys.some((key) => key.label === label) === true) {
          throw new CountersignError(
            'key-exists',
            said`The vault ${file} has a key "${label}" already; it is not replaced.`,
          )
        }
        const lock = before?.lock ?? newLock(unlock)
        const key = await sealingKey(lock, unlock, before === undefined)
        const { seed, publicKey } = await generateSeedKey(algorithm)
        try {
          // Proves that it is the same key: a vault whose entries have different keys could never be opened as a whole.
          for (const entry of before?.keys ?? []) wipe(unsealed(file, lock, entry, key))
          const named = { label, algorithm, publicKey, created: Date.now() }
          const nonce = randomBytes(12)
          const entry = { ...named, nonce, sealed: seal(key, nonce, associatedData(lock, named), seed) }
          const after: VaultFile = { lock, keys: [...(before?.keys ?? []), entry] }
          await writeVaultFile(file, serialiseVault(after), before !== undefined)
          return await this.hold(file, entry, seed)
        } finally {
          wipe(seed, key)
        }
      })
    } finally {
      wipeUnlock(unlock)
    }
  }

  /**
   * Takes out the one key with this label and public key, and closes it. The secret of the vault has to open it first:
   * whoever cannot use a key shall not end it through us. What a disk keeps of the old file is not wiped.
   * @throws CountersignError `key-missing`, and those of `open`
   */
  async destroy({ file, unlock, label, publicKey }: Params<'destroyVaultKey'>): Promise<Result<'destroyVaultKey'>> {
    const isIt = (key: { readonly publicKey: Uint8Array }) => Buffer.compare(key.publicKey, publicKey) === 0
    try {
      await existing(file)
      return await whileLocked(file, async () => {
        const { lock, keys } = await existing(file)
        const entry = keys.find((key) => key.label === label && isIt(key))
        if (entry === undefined) {
          throw new CountersignError('key-missing', said`The vault ${file} has no key "${label}" with this public key.`)
        }
        const key = await sealingKey(lock, unlock)
        try {
          wipe(unsealed(file, lock, entry, key))
        } finally {
          wipe(key)
        }
        const left = keys.filter((other) => other !== entry)
        // A vault without a key is no vault, and the next key may be locked in another way.
        if (left.length === 0) await removeVaultFile(file)
        else await writeVaultFile(file, serialiseVault({ lock, keys: left }), true)
        this.keys.close(isIt)
        return { left: left.length }
      })
    } finally {
      wipeUnlock(unlock)
    }
  }

  private async hold(file: string, entry: VaultEntry, seed: Uint8Array): Promise<OpenedKey> {
    const { label, algorithm, publicKey } = entry
    const signer = await SeedSigner.create(algorithm, seed)
    // The associated data binds the public key already; this catches a seed that was sealed beside a wrong one.
    if (Buffer.compare(signer.publicKey, publicKey) !== 0) {
      signer.dispose()
      throw new CountersignError(
        'vault-corrupt',
        said`The key "${label}" in ${file} is not the one that its entry names.`,
      )
    }
    const proof = new Proof()
    proof.renew()
    const handle = this.keys.add({
      proof,
      algorithm,
      publicKey,
      facts: VAULT_FACTS,
      sign: async (message) => signer.sign(message),
      dispose: () => signer.dispose(),
    })
    return { handle, label, algorithm, publicKey, facts: VAULT_FACTS, where: 'the vault' }
  }
}

async function existing(file: string): Promise<VaultFile> {
  const bytes = await readVaultFile(file)
  if (bytes === undefined) {
    throw new CountersignError(
      'key-missing',
      said`There is no vault ${file}. Make one with "countersign identity create".`,
    )
  }
  return parseVault(bytes, file)
}

function newLock(unlock: VaultKey): VaultLock {
  return unlock.kind === 'passphrase' ? { kind: 'scrypt', ...SCRYPT_PARAMS, salt: randomBytes(32) } : { kind: 'key' }
}

/** The 32-byte key that seals the seeds; the caller wipes it. */
async function sealingKey(lock: VaultLock, unlock: VaultKey, makeKeyFile = false): Promise<Uint8Array> {
  if (lock.kind === 'scrypt') {
    if (unlock.kind === 'passphrase') return deriveKey(unlock.passphrase, lock.salt, lock)
    throw new CountersignError('vault-locked', 'This vault is locked with a passphrase, not with a key file.')
  }
  if (unlock.kind === 'key') return unlock.key.slice()
  if (unlock.kind === 'passphrase') {
    throw new CountersignError('vault-locked', 'This vault is locked with a key file, not with a passphrase.')
  }
  const there = await readKeyFile(unlock.path)
  if (there !== undefined) return there
  if (!makeKeyFile) {
    throw new CountersignError(
      'file-unreadable',
      said`The key file ${unlock.path} is not there. Without it the vault is lost.`,
    )
  }
  const key = randomBytes(32)
  await createKeyFile(unlock.path, key)
  return key
}

function unsealed(file: string, lock: VaultLock, entry: VaultEntry, key: Uint8Array): Uint8Array {
  try {
    return open(key, entry.nonce, associatedData(lock, entry), entry.sealed)
  } catch (cause) {
    const sentence =
      lock.kind === 'scrypt'
        ? said`The vault ${file} does not open: this is another passphrase, or the file was changed.`
        : said`The vault ${file} does not open: this is another key file, or the file was changed.`
    throw new CountersignError('vault-locked', sentence, { cause })
  }
}

function wipeUnlock(unlock: VaultKey): void {
  if (unlock.kind === 'passphrase') wipe(unlock.passphrase)
  if (unlock.kind === 'key') wipe(unlock.key)
}

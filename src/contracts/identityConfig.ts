import path from 'node:path'
import * as v from 'valibot'
import { checkConfig } from './configFile.ts'

/**
 * IDENTITY of the configuration files of gateway and connect:
 *
 *   {"vault":FILE, "keyFile":FILE | "passphraseEnv":NAME, "label"?:KEY}
 *   {"pkcs11":{"module":FILE, "libraryParameters"?:S, "slot":N | "token":LABEL, "label":KEY, "pinEnv":NAME | "pinFile":FILE}}
 *
 * `slot` is the CK_SLOT_ID that the module reports, as `pkcs11-tool --list-slots` and the panel show it; not an index.
 */
const name = v.pipe(v.string(), v.minLength(1), v.maxLength(200))
const file = v.pipe(v.string(), v.minLength(1), v.maxLength(4096))
/** POSIX's names and what Windows has besides; never a value by mistake, which would hold other characters. */
const environmentName = v.pipe(
  v.string(),
  v.regex(/^[A-Za-z_][A-Za-z0-9_]{0,199}$/, 'Expected the name of an environment variable'),
)

const vaultIdentity = v.pipe(
  v.strictObject({
    vault: file,
    keyFile: v.exactOptional(file),
    passphraseEnv: v.exactOptional(environmentName),
    label: v.exactOptional(name),
  }),
  v.check(
    (given) => (given.keyFile === undefined) !== (given.passphraseEnv === undefined),
    'Exactly one of "keyFile" and "passphraseEnv" is needed',
  ),
)

const pkcs11Identity = v.strictObject({
  pkcs11: v.pipe(
    v.strictObject({
      module: file,
      libraryParameters: v.exactOptional(v.pipe(v.string(), v.maxLength(4096))),
      slot: v.exactOptional(v.pipe(v.number(), v.safeInteger(), v.minValue(0))),
      token: v.exactOptional(name),
      label: name,
      pinEnv: v.exactOptional(environmentName),
      pinFile: v.exactOptional(file),
    }),
    v.check(
      (given) => (given.slot === undefined) !== (given.token === undefined),
      'Exactly one of "slot" and "token" is needed',
    ),
    v.check(
      (given) => (given.pinEnv === undefined) !== (given.pinFile === undefined),
      'Exactly one of "pinEnv" and "pinFile" is needed',
    ),
  ),
})

/** For `v.strictObject({identity: identityConfigSchema, …})` in the schemas of whole files. */
export const identityConfigSchema = v.union([vaultIdentity, pkcs11Identity], 'Expected {"vault":…} or {"pkcs11":{…}}')

export type IdentityConfig = v.InferOutput<typeof identityConfigSchema>
export type VaultIdentity = v.InferOutput<typeof vaultIdentity>
export type Pkcs11Identity = v.InferOutput<typeof pkcs11Identity>['pkcs11']

/**
 * @param folder of the configuration file: relative paths are relative to it
 * @throws CountersignError `config-invalid`
 */
export function parseIdentityConfig(value: unknown, folder: string, where = 'identity'): IdentityConfig {
  // Chosen by the member that is there, not by trying both: the message then names what is wrong in the form that was meant.
  const isVault = typeof value === 'object' && value !== null && 'vault' in value
  const parsed = isVault ? checkConfig(value, vaultIdentity, where) : checkConfig(value, pkcs11Identity, where)
  return resolveIdentityPaths(parsed, folder)
}

/** The same identity with absolute paths. */
export function resolveIdentityPaths(identity: IdentityConfig, folder: string): IdentityConfig {
  if ('vault' in identity) {
    const { keyFile, ...rest } = identity
    return {
      ...rest,
      vault: path.resolve(folder, rest.vault),
      ...(keyFile === undefined ? {} : { keyFile: path.resolve(folder, keyFile) }),
    }
  }
  const { pinFile, ...rest } = identity.pkcs11
  return {
    pkcs11: {
      ...rest,
      module: path.resolve(folder, rest.module),
      ...(pinFile === undefined ? {} : { pinFile: path.resolve(folder, pinFile) }),
    },
  }
}

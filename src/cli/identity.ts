import path from 'node:path'
import { parseArgs } from 'node:util'
import { type IdentityConfig, parseIdentityConfig } from '../contracts/identityConfig.ts'
import { exportJwk } from '../crypto/jwk.ts'
import { isSignatureAlgorithm, type SignatureAlgorithm } from '../crypto/signature.ts'
import { openIdentity } from '../keys/hsm/openIdentity.ts'
import { CountersignError, toCountersignError } from '../support/errors.ts'
import { StreamLog } from '../support/log.ts'

export const IDENTITY_USAGE = `Usage:
  countersign identity create|show --vault FILE (--key-file FILE | --passphrase-env NAME) [--label KEY]
  countersign identity create|show --module FILE [--library-parameters S] (--slot N | --token LABEL) --label KEY
                                   (--pin-env NAME | --pin-file FILE)
  create takes --algorithm ML-DSA-87 (default) or ML-DSA-65. N is the slot id that the module reports.
  What comes later in the life of a key: countersign identity rotate|announce|retire|revoke|ring --help`

const OPTIONS = {
  vault: { type: 'string' },
  'key-file': { type: 'string' },
  'passphrase-env': { type: 'string' },
  module: { type: 'string' },
  'library-parameters': { type: 'string' },
  slot: { type: 'string' },
  token: { type: 'string' },
  label: { type: 'string' },
  'pin-env': { type: 'string' },
  'pin-file': { type: 'string' },
  algorithm: { type: 'string' },
} as const

/** One line each, without its line end. */
export interface IdentityOutput {
  stdout(line: string): void
  stderr(line: string): void
}

/**
 * `countersign identity create|show …`: prints one JSON line `{"kid":…,"jwk":{…},"custody":…}`.
 * @param argv what follows "identity"
 * @returns the exit code: 0, 1 for an error, 2 for wrong arguments
 */
export async function runIdentity(
  argv: readonly string[],
  io: IdentityOutput,
  keyProcessPath: string,
): Promise<number> {
  try {
    if (argv.includes('--help')) {
      io.stdout(IDENTITY_USAGE)
      return 0
    }
    const { identity, create } = readArguments(argv)
    const log = new StreamLog((line) => io.stderr(line.trimEnd()))
    const opened = await openIdentity(identity, { keyProcessPath, log, ...(create === undefined ? {} : { create }) })
    try {
      const { kid, algorithm, publicKey, custody, custodyReasons } = opened.signer
      io.stdout(JSON.stringify({ kid, jwk: exportJwk(algorithm, publicKey), custody }))
      if (custodyReasons.length > 0) io.stderr(`Custody is ${custody}: ${custodyReasons.join('; ')}.`)
      return 0
    } finally {
      opened.dispose()
      await opened.closed()
    }
  } catch (thrown) {
    const error = toCountersignError(thrown)
    io.stderr(`countersign: ${error.message} [${error.code}]`)
    if (error.code !== 'usage') return 1
    io.stderr(IDENTITY_USAGE)
    return 2
  }
}

function readArguments(argv: readonly string[]): { identity: IdentityConfig; create: SignatureAlgorithm | undefined } {
  const { positionals, values } = parsed(argv)
  const [verb, ...rest] = positionals
  if ((verb !== 'create' && verb !== 'show') || rest.length > 0)
    throw usage('Say "identity create" or "identity show", or rotate, announce, retire, revoke or ring.')
  const { algorithm = 'ML-DSA-87' } = values
  if (!isSignatureAlgorithm(algorithm)) throw usage('The algorithm is ML-DSA-87 or ML-DSA-65.')
  if (verb === 'show' && values.algorithm !== undefined)
    throw usage('"identity show" takes no --algorithm: the key has one.')
  if ((values.vault === undefined) === (values.module === undefined)) throw usage('Give either --vault or --module.')
  return { identity: identityOf(values), create: verb === 'create' ? algorithm : undefined }
}

type Values = ReturnType<typeof parsed>['values']

/** The same form as in the configuration files, and checked by the same parser. */
function identityOf(values: Values): IdentityConfig {
  const { vault, module, label, slot } = values
  const members = {
    vault: { vault, keyFile: values['key-file'], passphraseEnv: values['passphrase-env'], label },
    pkcs11: {
      module,
      libraryParameters: values['library-parameters'],
      slot: slot === undefined ? undefined : slotNumber(slot),
      token: values.token,
      label,
      pinEnv: values['pin-env'],
      pinFile: values['pin-file'],
    },
  }
  const strangers = Object.keys(values).filter((name) => name !== 'algorithm' && !allowed(name, vault !== undefined))
  if (strangers.length > 0)
    throw usage(`--${strangers.join(', --')} does not belong to ${vault ? '--vault' : '--module'}.`)
  try {
    const given = vault === undefined ? { pkcs11: present(members.pkcs11) } : present(members.vault)
    return parseIdentityConfig(given, path.resolve('.'), 'arguments')
  } catch (thrown) {
    throw usage(toCountersignError(thrown).message)
  }
}

function allowed(name: string, forVault: boolean): boolean {
  if (name === 'label') return true
  const ofVault = name === 'vault' || name === 'key-file' || name === 'passphrase-env'
  return ofVault === forVault
}

function present(members: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(members).filter(([, value]) => value !== undefined))
}

function slotNumber(text: string): number {
  // Number("") is 0 and Number("0x1") is 1: only what people type as a slot id passes.
  if (!/^(0|[1-9][0-9]{0,15})$/.test(text)) throw usage('--slot takes the slot id as a decimal number.')
  return Number(text)
}

function parsed(argv: readonly string[]) {
  try {
    return parseArgs({ args: [...argv], options: OPTIONS, allowPositionals: true, strict: true })
  } catch (thrown) {
    throw usage(thrown instanceof Error ? thrown.message : 'The arguments cannot be read.')
  }
}

function usage(sentence: string): CountersignError {
  return new CountersignError('usage', sentence)
}

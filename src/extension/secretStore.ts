import * as v from 'valibot'
import type { SecretStorage } from 'vscode'
import { decodeBase64url, decodeUtf8, encodeBase64url, encodeUtf8 } from '../crypto/encoding.ts'
import { randomBytes, secretConcat } from '../crypto/random.ts'
import type { IdentitySetting } from '../contracts/settings.ts'
import type { PinSource } from '../keys/hsm/supervisor.ts'
import { CountersignError } from '../support/errors.ts'

/** The token of a PKCS#11 identity: what a PIN belongs to. */
export type TokenPlace = Pick<Extract<IdentitySetting, { kind: 'pkcs11' }>, 'module' | 'libraryParameters' | 'where'>

const VAULT_KEY = 'vault-key'

/** The editor's secret store, which the operating system's keychain protects where there is one. */
export class SecretStore {
  private readonly secrets: SecretStorage

  constructor(secrets: SecretStorage) {
    this.secrets = secrets
  }

  /**
   * The 32 bytes that seal the vault. Made only where the caller says that there is no vault yet: a new key for an old vault
   * would open nothing, and would overwrite what might still be recovered.
   * @throws CountersignError `vault-locked`
   */
  async vaultKey(mayCreate: boolean): Promise<Uint8Array> {
    const stored = await this.secrets.get(VAULT_KEY)
    if (stored !== undefined) return decodeBase64url(stored)
    if (!mayCreate) {
      throw new CountersignError(
        'vault-locked',
        'The vault is there, but the key that opens it is not in the secret store of this editor. Use Select HSM Slot… to choose another key, or move the vault file away to begin a new one.',
      )
    }
    const key = randomBytes(32)
    await this.secrets.store(VAULT_KEY, encodeBase64url(key))
    return key
  }

  /** A PIN that the person chose to store, as bytes for the caller to wipe. */
  async pin(token: TokenPlace): Promise<Uint8Array | undefined> {
    const stored = await this.secrets.get(pinName(token))
    return stored === undefined ? undefined : secretConcat(encodeUtf8(stored))
  }

  /** Where the supervisor of a module's key process finds the PINs that the person chose to store. */
  pinSource(module: string, libraryParameters: string | undefined): PinSource {
    const place = (where: TokenPlace['where']): TokenPlace =>
      libraryParameters === undefined ? { module, where } : { module, libraryParameters, where }
    return { read: (where) => this.pin(place(where)), forget: (where) => this.deletePin(place(where)) }
  }

  /** The tokens whose PIN is stored. */
  async tokensWithPin(): Promise<TokenPlace[]> {
    return (await this.secrets.keys()).map(tokenOfName).filter((token) => token !== undefined)
  }

  async hasPin(token: TokenPlace): Promise<boolean> {
    return (await this.secrets.get(pinName(token))) !== undefined
  }

  /** The editor's secret store takes a string only: a PIN that is kept has one copy more that nobody can wipe. */
  async storePin(token: TokenPlace, pin: Uint8Array): Promise<void> {
    await this.secrets.store(pinName(token), decodeUtf8(pin))
  }

  /** What a person entered for the inputs of a server that was secured, by the input's name. */
  async inputs(gateway: string): Promise<ReadonlyMap<string, string>> {
    const stored = await this.secrets.get(INPUTS + gateway)
    const parsed = v.safeParse(v.record(v.string(), v.string()), stored === undefined ? {} : parseJson(stored))
    return new Map(parsed.success ? Object.entries(parsed.output) : [])
  }

  async storeInputs(gateway: string, inputs: ReadonlyMap<string, string>): Promise<void> {
    await this.secrets.store(INPUTS + gateway, JSON.stringify(Object.fromEntries(inputs)))
  }

  async deleteInputs(gateway: string): Promise<void> {
    await this.secrets.delete(INPUTS + gateway)
  }

  async deletePin(token: TokenPlace): Promise<void> {
    await this.secrets.delete(pinName(token))
  }
}

const PIN = 'pin '
const INPUTS = 'inputs '

/** The name under which a PIN is stored: one token, one name, whatever else the caller's object says. */
export function pinName({ module, libraryParameters = '', where }: TokenPlace): string {
  return `${PIN}${JSON.stringify([module, libraryParameters, where])}`
}

/** The reverse of `pinName`; undefined for what is stored under another kind of name. */
function tokenOfName(name: string): TokenPlace | undefined {
  if (!name.startsWith(PIN)) return undefined
  const parsed = v.safeParse(pinNameParts, parseJson(name.slice(PIN.length)))
  if (!parsed.success) return undefined
  const [module, libraryParameters, where] = parsed.output
  return libraryParameters === '' ? { module, where } : { module, libraryParameters, where }
}

const pinNameParts = v.strictTuple([
  v.string(),
  v.string(),
  v.union([v.strictObject({ slot: v.number() }), v.strictObject({ token: v.string() })]),
])

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

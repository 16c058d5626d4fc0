import { Buffer } from 'node:buffer'
import type { Attribute, PKCS11 } from 'pkcs11js'
import type { ClosedKey, CustodyFacts, FoundKey, MlDsaSet, OpenedKey } from '../../../contracts/keyFacts.ts'
import type { MlDsaIds } from '../../../contracts/keyProcess.ts'
import { randomBytes } from '../../../crypto/random.ts'
import { isSignatureAlgorithm } from '../../../crypto/signature.ts'
import { CountersignError } from '../../../support/errors.ts'
import { said } from '../../../support/l10n.ts'
import { profileOf } from '../../hsm/profiles.ts'
import type { KeyTable } from '../keyTable.ts'
import type { Proof } from '../proof.ts'
import type { Attributes } from './attributes.ts'
import { CKA, CKF, CKO } from './constants.ts'
import { calling } from './errors.ts'
import { generateKeyPair } from './generate.ts'
import { type Library, padded } from './library.ts'
import { type Abilities, abilitiesOf } from './mechanisms.ts'
import { KeyObjects, labelled } from './objects.ts'
import type { SessionPool } from './sessions.ts'
import { type Slot, tokenIn } from './slots.ts'
import { TokenKey } from './tokenKey.ts'

const NO_ML_DSA = said('The token has no ML-DSA mechanism: RSA, ECDSA and EdDSA fall to a quantum computer.')

export interface TokenParts {
  readonly library: Library
  readonly slot: Slot
  readonly pool: SessionPool
  readonly proof: Proof
  /** The user's own numbers for ML-DSA. */
  readonly override: MlDsaIds | undefined
  /** The user says that the module is software. */
  readonly software: boolean
}

/** One token: finding, making and using ML-DSA keys in it. Private keys are object handles here, and never anything else. */
export class Token {
  private readonly parts: TokenParts

  constructor(parts: TokenParts) {
    this.parts = parts
  }

  abilities(): Abilities {
    return abilitiesOf(this.module, this.parts.slot.handle, this.profile(), this.parts.override)
  }

  /** All ML-DSA keys that can be seen; without a login these are the public halves. */
  async keys(): Promise<FoundKey[]> {
    const { ids } = this.abilities()
    if (ids === undefined) return []
    return this.parts.pool.use((session) => this.objects(session, ids).list((attributes) => this.facts(attributes)))
  }

  /** @throws CountersignError `token-unsupported`, `algorithm-unsupported`, `pin-needed`, `pin-locked`, `key-missing`, `key-ambiguous` */
  async open(label: string, keys: KeyTable): Promise<OpenedKey> {
    const ids = this.usable()
    return this.parts.pool.use((session) => {
      const objects = this.objects(session, ids)
      const [object, second] = objects.find(CKO.PRIVATE_KEY, labelled(label))
      if (second !== undefined) {
        const sentence = said`The token has more than one ML-DSA key "${label}". Rename one with the tools of the token.`
        throw new CountersignError('key-ambiguous', sentence)
      }
      if (object === undefined) {
        const labels = objects.find(CKO.PRIVATE_KEY).map((key) => objects.attributes(key).label())
        const sentence =
          labels.length === 0
            ? said`The token has no key "${label}". It has no ML-DSA key.`
            : said`The token has no key "${label}". Its ML-DSA keys: ${labels.join(', ')}.`
        throw new CountersignError('key-missing', sentence)
      }
      const key = this.described(objects, object, label)
      const { algorithm } = key
      if (!isSignatureAlgorithm(algorithm)) {
        const sentence = said`The key "${label}" is ${algorithm}, which no suite takes. Choose an ML-DSA-87 or ML-DSA-65 key.`
        throw new CountersignError('algorithm-unsupported', sentence)
      }
      return this.hold({ ...key, algorithm }, object, ids, keys)
    })
  }

  /**
   * A new key pair in the token. One of ML-DSA-44 is made and not opened: no suite takes it.
   * @throws as `open`, and CountersignError `key-exists`
   */
  async generate(
    { label, algorithm, id = randomBytes(16) }: { label: string; algorithm: MlDsaSet; id?: Uint8Array },
    keys: KeyTable,
  ): Promise<OpenedKey | ClosedKey> {
    const ids = this.usable(algorithm)
    const { library, pool } = this.parts
    return pool.useReadWrite(async (session) => {
      const objects = this.objects(session, ids)
      const taken = (what: 'label' | 'CKA_ID', value: Attribute) => {
        if ([CKO.PRIVATE_KEY, CKO.PUBLIC_KEY].every((kind) => objects.find(kind, value).length === 0)) return
        const sentence =
          what === 'label'
            ? said`The token has a key "${label}" already; it is not replaced.`
            : said('The token has a key with this CKA_ID already; it is not replaced.')
        throw new CountersignError('key-exists', sentence)
      }
      taken('label', labelled(label))
      // The halves of a pair find each other by it: two pairs with one CKA_ID would be taken for each other.
      taken('CKA_ID', { type: CKA.ID, value: Buffer.from(id) })
      const made = await generateKeyPair(library, session, { ids, algorithm, label, id, kept: true })
      try {
        const key = this.described(objects, made.privateKey, label)
        if (key.algorithm !== algorithm) {
          const sentence = said`The token made an ${key.algorithm} key instead of ${algorithm}; it was destroyed. Check its profile.`
          throw new CountersignError('token-unsupported', sentence)
        }
        return isSignatureAlgorithm(algorithm)
          ? this.hold({ ...key, algorithm }, made.privateKey, ids, keys)
          : { ...key, algorithm, handle: null }
      } catch (thrown) {
        // Nobody knows of this key, and its label would be taken for ever.
        for (const object of [made.privateKey, made.publicKey]) this.destroyQuietly(session, object)
        throw thrown
      }
    })
  }

  /**
   * Destroys the one key pair with this label and public key.
   * @returns how many objects that were
   * @throws CountersignError `key-missing`, `key-ambiguous`, `pin-needed`, `token-unsupported`, and those of the module
   */
  async destroy(label: string, publicKey: Uint8Array): Promise<number> {
    const ids = this.usable()
    return this.parts.pool.useReadWrite((session) => {
      const pair = this.objects(session, ids).pair(label, publicKey)
      for (const object of pair) calling('C_DestroyObject', () => this.module.C_DestroyObject(session, object))
      return pair.length
    })
  }

  /**
   * The numbers of the token where it can be worked with; refuses in the order in which a person can do something about it.
   * @throws CountersignError `token-unsupported`, `pin-locked`, `pin-needed`
   */
  usable(algorithm?: MlDsaSet): MlDsaIds {
    const { ids, mlDsa } = this.abilities()
    if (ids === undefined) throw new CountersignError('token-unsupported', NO_ML_DSA)
    if (algorithm !== undefined && !mlDsa.includes(algorithm)) {
      throw new CountersignError('token-unsupported', said`The token does not offer ${algorithm}.`)
    }
    const flags = tokenIn(this.module, this.parts.slot)?.flags ?? 0
    if ((flags & CKF.LOGIN_REQUIRED) === 0 || this.parts.pool.loggedIn()) return ids
    if ((flags & CKF.USER_PIN_LOCKED) !== 0) {
      const sentence = said('The PIN of the token is locked. Only its security officer can set a new one.')
      throw new CountersignError('pin-locked', sentence)
    }
    throw new CountersignError('pin-needed', 'The token is locked. Enter its PIN.')
  }

  private get module(): PKCS11 {
    return this.parts.library.module
  }

  private objects(session: Buffer, ids: MlDsaIds): KeyObjects {
    return new KeyObjects(this.module, session, ids)
  }

  private described(
    objects: KeyObjects,
    object: Buffer,
    label: string,
  ): Omit<OpenedKey, 'handle' | 'algorithm'> & { algorithm: MlDsaSet } {
    const attributes = objects.attributes(object)
    const key = objects.publicKeyOf(attributes)
    if (key === undefined) {
      const sentence = said`The token does not show the public key of "${label}". Import it beside the private key, with the same CKA_ID.`
      throw new CountersignError('key-missing', sentence)
    }
    const facts = this.facts(attributes)
    if (facts.claims.sign === false || attributes.flag(CKA.ALWAYS_AUTHENTICATE) === true) {
      const sentence =
        facts.claims.sign === false
          ? said`The key "${label}" may not sign. Choose another, or make a new one.`
          : said`The key "${label}" wants the PIN for every signature. Choose another, or make a new one.`
      throw new CountersignError('token-unsupported', sentence)
    }
    return { label, ...key, facts, where: this.where() }
  }

  private hold(key: Omit<OpenedKey, 'handle'>, object: Buffer, ids: MlDsaIds, keys: KeyTable): OpenedKey {
    const { library, pool, slot, proof } = this.parts
    const { algorithm, publicKey, facts } = key
    const held = new TokenKey({ library, pool, slot, proof, object, mechanism: ids.sign, algorithm, publicKey, facts })
    return { ...key, handle: keys.add(held) }
  }

  private destroyQuietly(session: Buffer, object: Buffer): void {
    try {
      this.module.C_DestroyObject(session, object)
    } catch {
      // Why it was to go is the error that the caller gets.
    }
  }

  private profile() {
    const { manufacturer, description } = this.parts.library.facts
    const token = tokenIn(this.module, this.parts.slot)
    if (token === undefined) return profileOf({ manufacturer, description })
    return profileOf({
      manufacturer,
      description,
      tokenManufacturer: padded(token.manufacturerID),
      tokenModel: padded(token.model),
    })
  }

  private facts(attributes: Attributes): CustodyFacts {
    const profile = this.profile()
    const { flags } = calling('C_GetSlotInfo', () => this.module.C_GetSlotInfo(this.parts.slot.handle))
    return {
      hardwareSlot: (flags & CKF.HW_SLOT) !== 0,
      profile: profile?.name ?? null,
      // What the user says only ever lowers a custody.
      software: this.parts.software || (profile?.software ?? false),
      claims: attributes.claims(),
    }
  }

  private where(): string {
    const token = tokenIn(this.module, this.parts.slot)
    return `${padded(token?.label ?? '') || 'the token'}, slot ${this.parts.slot.id}`
  }
}

import { Buffer } from 'node:buffer'
import type { Attribute, PKCS11 } from 'pkcs11js'
import type { FoundKey, MlDsaSet } from '../../../contracts/keyFacts.ts'
import type { MlDsaIds } from '../../../contracts/keyProcess.ts'
import { CountersignError } from '../../../support/errors.ts'
import { said } from '../../../support/l10n.ts'
import { Attributes, readPublicKey } from './attributes.ts'
import { CKA, CKO } from './constants.ts'
import { calling } from './errors.ts'

type Kind = (typeof CKO)[keyof typeof CKO]

/** The ML-DSA objects that one session sees. */
export class KeyObjects {
  private readonly module: PKCS11
  private readonly session: Buffer
  private readonly ids: MlDsaIds

  constructor(module: PKCS11, session: Buffer, ids: MlDsaIds) {
    this.module = module
    this.session = session
    this.ids = ids
  }

  find(kind: Kind, ...more: readonly Attribute[]): Buffer[] {
    const template = [{ type: CKA.CLASS, value: kind }, { type: CKA.KEY_TYPE, value: this.ids.keyType }, ...more]
    return calling('C_FindObjects', () => {
      this.module.C_FindObjectsInit(this.session, template)
      try {
        return this.module.C_FindObjects(this.session, 1000)
      } finally {
        // Without it the session stays in the search, and every later call in it is CKR_OPERATION_ACTIVE.
        this.module.C_FindObjectsFinal(this.session)
      }
    })
  }

  attributes(object: Buffer): Attributes {
    return new Attributes(this.module, this.session, object)
  }

  /** From the public key object with the same CKA_ID, else the same label; else from the private key, where it tells. */
  publicKeyOf(own: Attributes): { algorithm: MlDsaSet; publicKey: Uint8Array } | undefined {
    const [object] = this.twins(own)
    const twin = object === undefined ? undefined : this.attributes(object)
    return (twin === undefined ? undefined : publicKeyIn(twin)) ?? readPublicKey(own.bytes(CKA.PUBLIC_KEY_INFO))
  }

  /** Public and private halves by their public key; a private half brings what the module claims of it. */
  list(claimsOf: (attributes: Attributes) => FoundKey['facts']): FoundKey[] {
    const found = new Map<string, FoundKey>()
    for (const object of this.find(CKO.PUBLIC_KEY)) {
      const attributes = this.attributes(object)
      const key = readPublicKey(attributes.bytes(CKA.VALUE))
      if (key === undefined) continue
      found.set(nameOf(key.publicKey), { ...described(attributes), ...key, alwaysAuthenticate: null, facts: null })
    }
    for (const object of this.find(CKO.PRIVATE_KEY)) {
      const attributes = this.attributes(object)
      const key = this.publicKeyOf(attributes)
      if (key === undefined) continue
      const alwaysAuthenticate = attributes.flag(CKA.ALWAYS_AUTHENTICATE)
      found.set(nameOf(key.publicKey), {
        ...described(attributes),
        ...key,
        alwaysAuthenticate,
        facts: claimsOf(attributes),
      })
    }
    return [...found.values()]
  }

  /**
   * The objects of exactly one key pair, the private one first.
   * @throws CountersignError `key-missing`, `key-ambiguous` where it is not certain which objects these are
   */
  pair(label: string, publicKey: Uint8Array): [privateKey: Buffer, ...publicKeys: Buffer[]] {
    const [object, second] = this.find(CKO.PRIVATE_KEY).filter((one) => this.belongsTo(one, publicKey))
    if (second !== undefined) {
      const sentence = said(
        'Several private keys of the token go with this public key. Remove it with the tools of the token.',
      )
      throw new CountersignError('key-ambiguous', sentence)
    }
    if (object === undefined || this.attributes(object).label() !== label) {
      throw new CountersignError('key-missing', said`The token has no key "${label}" with this public key.`)
    }
    const publics = this.find(CKO.PUBLIC_KEY).filter((one) => same(publicKeyIn(this.attributes(one)), publicKey))
    return [object, ...publics]
  }

  /** @throws CountersignError `key-ambiguous` where the private key has several public ones, and does not tell which is its own */
  private belongsTo(object: Buffer, publicKey: Uint8Array): boolean {
    const own = this.attributes(object)
    const told = readPublicKey(own.bytes(CKA.PUBLIC_KEY_INFO))
    if (told !== undefined) return same(told, publicKey)
    const twins = this.twins(own).map((twin) => publicKeyIn(this.attributes(twin)))
    if (!twins.some((twin) => same(twin, publicKey))) return false
    if (twins.every((twin) => same(twin, publicKey))) return true
    const sentence = said(
      'The token has another public key with the same CKA_ID. Remove the key with the tools of the token.',
    )
    throw new CountersignError('key-ambiguous', sentence)
  }

  private twins(own: Attributes): Buffer[] {
    const id = own.bytes(CKA.ID)
    return this.find(CKO.PUBLIC_KEY, id === undefined ? labelled(own.label()) : { type: CKA.ID, value: id })
  }
}

export function labelled(label: string): Attribute {
  return { type: CKA.LABEL, value: label }
}

/** A public key object's own key: raw in CKA_VALUE, or wrapped there or in CKA_PUBLIC_KEY_INFO. */
export function publicKeyIn(attributes: Attributes): { algorithm: MlDsaSet; publicKey: Uint8Array } | undefined {
  return readPublicKey(attributes.bytes(CKA.VALUE)) ?? readPublicKey(attributes.bytes(CKA.PUBLIC_KEY_INFO))
}

function described(attributes: Attributes): { label: string; id: string | null } {
  return { label: attributes.label(), id: attributes.id() }
}

function nameOf(publicKey: Uint8Array): string {
  return Buffer.from(publicKey).toString('base64')
}

function same(key: { publicKey: Uint8Array } | undefined, publicKey: Uint8Array): boolean {
  return key !== undefined && Buffer.compare(key.publicKey, publicKey) === 0
}

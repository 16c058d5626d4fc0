import type { PKCS11 } from 'pkcs11js'
import { type KeyClaims, ML_DSA_SETS, type MlDsaSet, PUBLIC_KEY_BYTES } from '../../../contracts/keyFacts.ts'
import { decodeUtf8, plain } from '../../../crypto/encoding.ts'
import { redact } from '../../../support/log.ts'
import { CKA, CKR } from './constants.ts'
import { isCkr, tokenError } from './errors.ts'

/** Answers that mean "this object does not say", not "something is wrong". */
const SILENT = [CKR.ATTRIBUTE_TYPE_INVALID, CKR.ATTRIBUTE_SENSITIVE, CKR.FUNCTION_FAILED]
/** CK_UNAVAILABLE_INFORMATION in CKA_KEY_GEN_MECHANISM: the module does not say how the key came to be. */
const UNAVAILABLE = 0xff

const LONGEST_ID = 64

/** Attributes of one object. Asked for one by one: one that a module does not know would make a whole list fail. */
export class Attributes {
  private readonly module: PKCS11
  private readonly session: Buffer
  private readonly object: Buffer

  constructor(module: PKCS11, session: Buffer, object: Buffer) {
    this.module = module
    this.session = session
    this.object = object
  }

  bytes(type: number): Buffer | undefined {
    try {
      const value = this.module.C_GetAttributeValue(this.session, this.object, [{ type }])[0]?.value
      return value === undefined || value.length === 0 ? undefined : value
    } catch (thrown) {
      if (isCkr(thrown, ...SILENT)) return undefined
      throw tokenError(thrown, 'C_GetAttributeValue')
    }
  }

  flag(type: number): boolean | null {
    const value = this.bytes(type)
    return value?.length === 1 ? value[0] !== 0 : null
  }

  /** A label, fit to be shown; what is no UTF-8 is no label of ours. */
  label(): string {
    try {
      return redact(decodeUtf8(this.bytes(CKA.LABEL) ?? new Uint8Array(0)))
    } catch {
      return ''
    }
  }

  /** CKA_ID in hexadecimal; null where there is none, or one that is longer than anybody needs. */
  id(): string | null {
    const id = this.bytes(CKA.ID)
    return id === undefined || id.length > LONGEST_ID ? null : id.toString('hex')
  }

  claims(): KeyClaims {
    const generated = this.bytes(CKA.KEY_GEN_MECHANISM)
    return {
      sensitive: this.flag(CKA.SENSITIVE),
      alwaysSensitive: this.flag(CKA.ALWAYS_SENSITIVE),
      extractable: this.flag(CKA.EXTRACTABLE),
      neverExtractable: this.flag(CKA.NEVER_EXTRACTABLE),
      local: this.madeInside(generated),
      token: this.flag(CKA.TOKEN),
      sign: this.flag(CKA.SIGN),
      modifiable: this.flag(CKA.MODIFIABLE),
    }
  }

  /** CKA_LOCAL, or where a module does not keep that, a generation mechanism (PKCS#11 v3.2, section 4.9). */
  private madeInside(generated: Buffer | undefined): boolean | null {
    const local = this.flag(CKA.LOCAL)
    if (local === true || generated === undefined) return local
    return generated.every((byte) => byte === UNAVAILABLE) ? local : true
  }
}

/** DER before the raw key in a SubjectPublicKeyInfo (RFC 9881, section 4): all lengths are fixed, so it is one constant. */
const SPKI_PREFIX: Readonly<Record<MlDsaSet, Buffer>> = {
  'ML-DSA-44': Buffer.from('30820532300b06096086480165030403110382052100', 'hex'),
  'ML-DSA-65': Buffer.from('308207b2300b0609608648016503040312038207a100', 'hex'),
  'ML-DSA-87': Buffer.from('30820a32300b060960864801650304031303820a2100', 'hex'),
}

/** A public key as modules keep it: the raw key, or its SubjectPublicKeyInfo. Undefined for anything else. */
export function readPublicKey(value: Buffer | undefined): { algorithm: MlDsaSet; publicKey: Uint8Array } | undefined {
  if (value === undefined) return undefined
  for (const algorithm of ML_DSA_SETS) {
    const size = PUBLIC_KEY_BYTES[algorithm]
    const prefix = SPKI_PREFIX[algorithm]
    const wrapped = value.length === prefix.length + size && value.subarray(0, prefix.length).equals(prefix)
    if (value.length !== size && !wrapped) continue
    return { algorithm, publicKey: plain(value.subarray(value.length - size)).slice() }
  }
  return undefined
}

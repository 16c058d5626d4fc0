import { Buffer } from 'node:buffer'
import type { Attribute, KeyPair } from 'pkcs11js'
import type { MlDsaSet } from '../../../contracts/keyFacts.ts'
import type { MlDsaIds } from '../../../contracts/keyProcess.ts'
import { CKA, CKR } from './constants.ts'
import { isCkr, tokenError } from './errors.ts'
import type { Library } from './library.ts'

/** CKP_ML_DSA_44, _65 and _87 (PKCS#11 v3.2, section 6.67.1). */
const PARAMETER_SET: Readonly<Record<MlDsaSet, number>> = { 'ML-DSA-44': 1, 'ML-DSA-65': 2, 'ML-DSA-87': 3 }

export interface NewKeyPair {
  readonly ids: MlDsaIds
  readonly algorithm: MlDsaSet
  readonly label: string
  /** CKA_ID: what ties the two halves together where labels are changed later. */
  readonly id: Uint8Array
  /** CKA_TOKEN: false makes objects that end with the session. */
  readonly kept: boolean
}

const falsehoods = (...types: readonly number[]): Attribute[] => types.map((type) => ({ type, value: false }))

/** What else a template may say; a module that does not know one of these for ML-DSA refuses the template as a whole. */
const NOTHING_ELSE = {
  public: falsehoods(CKA.PRIVATE, CKA.ENCRYPT, CKA.WRAP),
  private: falsehoods(CKA.DECRYPT, CKA.UNWRAP, CKA.DERIVE),
}
const TOO_MUCH_SAID = [CKR.ATTRIBUTE_TYPE_INVALID, CKR.ATTRIBUTE_VALUE_INVALID, CKR.TEMPLATE_INCONSISTENT]

/**
 * C_GenerateKeyPair (PKCS#11 v3.2, section 6.67.4): the private key is sensitive, not extractable and signs, the public one
 * verifies, and both do nothing else.
 * @throws CountersignError `pkcs11`, `token-unsupported`, …
 */
export async function generateKeyPair(library: Library, session: Buffer, key: NewKeyPair): Promise<KeyPair> {
  try {
    return await generate(library, session, key, NOTHING_ELSE)
  } catch (thrown) {
    if (!isCkr(thrown, ...TOO_MUCH_SAID)) throw tokenError(thrown, 'C_GenerateKeyPair')
  }
  try {
    return await generate(library, session, key, { public: [], private: [] })
  } catch (thrown) {
    throw tokenError(thrown, 'C_GenerateKeyPair')
  }
}

function generate(
  { module, threaded }: Library,
  session: Buffer,
  { ids, algorithm, label, id, kept }: NewKeyPair,
  more: { readonly public: readonly Attribute[]; readonly private: readonly Attribute[] },
): Promise<KeyPair> | KeyPair {
  const set = PARAMETER_SET[algorithm]
  const inAttribute = ids.parameterIn === 'attribute'
  const mechanism = inAttribute ? { mechanism: ids.keyGen } : { mechanism: ids.keyGen, parameter: set }
  const common = [
    { type: CKA.TOKEN, value: kept },
    { type: CKA.LABEL, value: label },
    { type: CKA.ID, value: Buffer.from(id) },
  ]
  const publicTemplate = [
    ...common,
    ...(inAttribute ? [{ type: ids.parameterSet, value: set }] : []),
    { type: CKA.VERIFY, value: true },
    ...more.public,
  ]
  const privateTemplate = [
    ...common,
    { type: CKA.PRIVATE, value: true },
    { type: CKA.SENSITIVE, value: true },
    { type: CKA.EXTRACTABLE, value: false },
    { type: CKA.SIGN, value: true },
    ...more.private,
  ]
  return threaded
    ? module.C_GenerateKeyPairAsync(session, mechanism, publicTemplate, privateTemplate)
    : module.C_GenerateKeyPair(session, mechanism, publicTemplate, privateTemplate)
}

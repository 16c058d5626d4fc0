import type { PKCS11 } from 'pkcs11js'
import { CLASSICAL, ML_DSA_SETS, type MlDsaSet, PUBLIC_KEY_BYTES } from '../../../contracts/keyFacts.ts'
import type { MlDsaIds } from '../../../contracts/keyProcess.ts'
import { STANDARD_IDS, type VendorProfile } from '../../hsm/profiles.ts'
import { CKM } from './constants.ts'
import { calling } from './errors.ts'

export interface Abilities {
  /** The numbers that this token has for ML-DSA, undefined where it has none. */
  readonly ids: MlDsaIds | undefined
  readonly mlDsa: MlDsaSet[]
  readonly mlKem: boolean
  readonly classical: (typeof CLASSICAL)[number][]
}

/** What a token can do, by its mechanism list: of several vendors' numbers the first that it lists is taken. */
export function abilitiesOf(
  module: PKCS11,
  slot: Buffer,
  profile: VendorProfile | undefined,
  override: MlDsaIds | undefined,
): Abilities {
  const list = new Set(calling('C_GetMechanismList', () => module.C_GetMechanismList(slot)))
  const candidates = override === undefined ? (profile?.ids ?? [STANDARD_IDS]) : [override]
  const ids = candidates.find(({ sign }) => list.has(sign))
  const has = (...mechanisms: readonly number[]) => mechanisms.some((mechanism) => list.has(mechanism))
  const families = { RSA: CKM.RSA, ECDSA: CKM.ECDSA, EdDSA: CKM.EDDSA }
  return {
    ids,
    mlDsa: ids === undefined ? [] : parameterSets(module, slot, ids),
    mlKem: has(CKM.ML_KEM),
    classical: CLASSICAL.filter((family) => has(...families[family])),
  }
}

/** CKM_ML_DSA's key sizes are bytes of the public key (PKCS#11 v3.2, section 6.67.7); other units decide nothing. */
function parameterSets(module: PKCS11, slot: Buffer, { sign }: MlDsaIds): MlDsaSet[] {
  const { minKeySize, maxKeySize } = calling('C_GetMechanismInfo', () => module.C_GetMechanismInfo(slot, sign))
  const inBytes = maxKeySize >= 1312 && maxKeySize <= 2592
  return ML_DSA_SETS.filter((algorithm) => {
    const size = PUBLIC_KEY_BYTES[algorithm]
    return !inBytes || (minKeySize <= size && size <= maxKeySize)
  })
}

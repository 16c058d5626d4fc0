import type { Holds, MlDsaIds } from '../../contracts/keyProcess.ts'
import { t } from '../../support/l10n.ts'

/**
 * How sure something is: run against the token, read in what its maker publishes, read in a header file only, or assumed
 * from the standard because nothing was found.
 */
export type Confidence = 'run' | 'published' | 'header' | 'assumed'

/** One set of numbers for ML-DSA, how sure it is, and how CKA_VALUE of a public key is written with it. */
export interface KnownIds extends MlDsaIds {
  readonly confidence: Confidence
  readonly publicKey: 'raw' | 'SubjectPublicKeyInfo' | 'not known'
}

/**
 * Vendor profiles: data, shared by both sides of the process boundary. A profile recognises a module, says whether it is
 * software whatever it claims, which numbers it has for ML-DSA, and which environment names it reads its configuration from.
 * A profile decides nothing that a module could gain by: pretending to be another vendor can only lower its custody.
 */
export interface VendorProfile {
  readonly name: string
  /** Tested against "manufacturer / library description / token manufacturer / token model". */
  readonly matches: RegExp
  readonly software: boolean
  /** Tried in order; the first whose signing mechanism the token lists is used. */
  readonly ids: readonly KnownIds[]
  readonly environment: readonly string[]
  /** Signatures that may be under way at once, each in a session of its own. More than one only where it was run so. */
  readonly lanes: number
  /** What an operator should know of it, one sentence each. */
  readonly quirks: readonly string[]
}

/** PKCS#11 v3.2: CKM_ML_DSA_KEY_PAIR_GEN, CKM_ML_DSA, CKK_ML_DSA, CKA_PARAMETER_SET. */
export const STANDARD_IDS: MlDsaIds = {
  keyGen: 0x1c,
  sign: 0x1d,
  keyType: 0x4a,
  parameterSet: 0x61d,
  parameterIn: 'attribute',
}

const standard = (confidence: Confidence, publicKey: KnownIds['publicKey'] = 'raw'): KnownIds => ({
  ...STANDARD_IDS,
  confidence,
  publicKey,
})

const IBM_IDS: KnownIds = {
  keyGen: 0x80010035,
  sign: 0x80010036,
  keyType: 0x80010025,
  parameterSet: 0x80010010,
  parameterIn: 'attribute',
  confidence: 'run',
  publicKey: 'SubjectPublicKeyInfo',
}

const UTIMACO_IDS: KnownIds = {
  keyGen: 0xc0a50001,
  sign: 0xc0a53001,
  keyType: 0xc0a50001,
  // Key data, the public key among it, lies in this attribute; the parameter set travels in the mechanism.
  parameterSet: 0x80d00001,
  parameterIn: 'mechanism',
  confidence: 'published',
  publicKey: 'not known',
}

const WOLFSSL_IDS: KnownIds = {
  keyGen: 0x80008002,
  sign: 0x80008004,
  keyType: 0x80004001,
  parameterSet: 0x80000501,
  parameterIn: 'attribute',
  confidence: 'header',
  publicKey: 'not known',
}

/** IBM's older mechanism has a number of its own and is left out on purpose: what it signs is not ML-DSA. */
const IBM_OLDER = t(
  'Its mechanism 0x80010023 (key type 0x80010023, mode 0x80000010) is Dilithium of rounds 2 and 3, which no ML-DSA verifier accepts: it is never used.',
)

const NUMBERS_NOT_FOUND = t(
  'Its maker’s own numbers for ML-DSA were not found: those of PKCS#11 v3.2 are tried. Probe the slot before you rely on it.',
)

/** What most profiles have in common: the standard's numbers, one signature at a time, nothing peculiar. */
function vendor(
  profile: Pick<VendorProfile, 'name' | 'matches'> & Partial<Omit<VendorProfile, 'name' | 'matches'>>,
): VendorProfile {
  return { software: false, ids: [standard('assumed')], environment: [], lanes: 1, quirks: [], ...profile }
}

export const PROFILES: readonly VendorProfile[] = [
  vendor({
    name: 'NSS',
    matches: /Mozilla Foundation.*NSS|NSS Internal/i,
    software: true,
    ids: [standard('run')],
    lanes: 2,
    quirks: [t('It never locks on wrong PINs, and does not claim that keys are made inside.')],
  }),
  vendor({
    name: 'SoftHSM',
    matches: /SoftHSM/i,
    software: true,
    environment: ['SOFTHSM2_CONF'],
    quirks: [t('Version 2.6 has no ML-DSA; its development branch has the standard’s numbers.')],
  }),
  vendor({
    // The soft token ("Soft") is software; IBM's ICA, EP11 and CCA tokens of the same module need not be.
    name: 'openCryptoki soft token',
    matches: /(IBM|openCryptoki).*\bSoft\b/i,
    software: true,
    ids: [standard('run'), IBM_IDS],
    lanes: 2,
    quirks: [t('Three wrong PINs lock it. A wrong old PIN, when the PIN is changed, is not counted.')],
  }),
  vendor({
    name: 'openCryptoki',
    matches: /openCryptoki/i,
    ids: [standard('published', 'not known'), { ...IBM_IDS, confidence: 'published' }],
    environment: ['OCK_EP11_TOKEN_DIR'],
    quirks: [IBM_OLDER],
  }),
  vendor({
    name: 'Kryoptic',
    matches: /Kryoptic/i,
    software: true,
    ids: [standard('published')],
    environment: ['KRYOPTIC_CONF'],
  }),
  vendor({
    name: 'wolfPKCS11',
    matches: /wolf(SSL|PKCS)/i,
    software: true,
    ids: [standard('assumed'), WOLFSSL_IDS],
    environment: ['WOLFPKCS11_TOKEN_PATH'],
  }),
  vendor({
    name: 'Thales Luna',
    matches: /SafeNet|Thales|Luna\b|Chrystoki/i,
    ids: [standard('published')],
    environment: ['ChrystokiConfigurationPath'],
    quirks: [t('ML-DSA came with firmware 7.9: a Luna with older firmware shows as classical only.')],
  }),
  vendor({
    name: 'Utimaco',
    matches: /Utimaco|CryptoServer/i,
    ids: [standard('assumed'), UTIMACO_IDS],
    environment: ['CS_PKCS11_R2_CFG', 'CS_PKCS11_R3_CFG'],
    quirks: [t('ML-DSA is in the QuantumProtect package, which takes the parameter set with the mechanism.')],
  }),
  vendor({
    name: 'Entrust nShield',
    matches: /nCipher|nShield|Entrust/i,
    environment: ['NFAST_*', 'CKNFAST_*'],
    quirks: [NUMBERS_NOT_FOUND, t('ML-DSA came with version 13.7.3.')],
  }),
  vendor({
    name: 'Crypto4A QxHSM',
    matches: /Crypto4A|QxHSM/i,
    quirks: [NUMBERS_NOT_FOUND],
  }),
  vendor({
    name: 'AWS CloudHSM',
    matches: /CloudHSM|Amazon/i,
    quirks: [NUMBERS_NOT_FOUND, t('Its PIN is written user:password.')],
  }),
  vendor({
    name: 'Securosys Primus',
    matches: /Securosys|Primus\b/i,
    environment: ['SECUROSYS_PKCS11_CONF', 'SECUROSYS_SECRETS_CONF'],
    quirks: [NUMBERS_NOT_FOUND],
  }),
  vendor({
    name: 'Fortanix',
    matches: /Fortanix/i,
    // Not FORTANIX_API_KEY: that is a credential, and the PIN carries it.
    environment: ['FORTANIX_API_ENDPOINT'],
    quirks: [NUMBERS_NOT_FOUND, t('Its PIN is an API key.')],
  }),
  vendor({
    name: 'Marvell LiquidSecurity',
    matches: /Marvell|Cavium|LiquidSecurity/i,
    quirks: [NUMBERS_NOT_FOUND],
  }),
  vendor({
    name: 'YubiHSM',
    matches: /Yubico|YubiHSM/i,
    environment: ['YUBIHSM_PKCS11_CONF'],
  }),
]

/** What the modules of all profiles read: a module is not known before it is loaded, so each gets the names of all. */
export const VENDOR_ENVIRONMENT: readonly string[] = [...new Set(PROFILES.flatMap((profile) => profile.environment))]

/** What is known of a module before and after its token is known. */
export interface ModuleNames {
  readonly manufacturer: string
  readonly description: string
  readonly tokenManufacturer?: string
  readonly tokenModel?: string
}

/** Undefined for a stranger: the standard's numbers, one lane, and custody by its claims. */
export function profileOf(names: ModuleNames): VendorProfile | undefined {
  const { manufacturer, description, tokenManufacturer = '', tokenModel = '' } = names
  const text = [manufacturer, description, tokenManufacturer, tokenModel].join(' / ')
  return PROFILES.find((profile) => profile.matches.test(text))
}

/** Signatures that may be under way at once: the user may know better than the profile; a stranger and a vault have one. */
export function lanesOf(holds: Holds, profile: string | null): number {
  if (holds.kind === 'vault') return 1
  return holds.lanes ?? PROFILES.find(({ name }) => name === profile)?.lanes ?? 1
}

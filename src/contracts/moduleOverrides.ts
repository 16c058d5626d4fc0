import * as v from 'valibot'
import type { MlDsaIds } from './keyProcess.ts'
import { t } from '../support/l10n.ts'

/**
 * What a person may know better than the vendor profile of a module: an entry of `countersign.modules`. Nothing in it can
 * raise a custody: `software` is only ever true, and the numbers decide what is asked of a token, not what is believed.
 */
export interface ModuleOverrides {
  readonly ids?: MlDsaIds
  readonly software?: true
  readonly lanes?: number
  readonly environment?: readonly string[]
}

/** Vendors write their numbers in hexadecimal and JSON has none: "0x80010035" is as good as 2147549237. */
const number = v.pipe(
  v.union(
    [v.number(), v.pipe(v.string(), v.regex(/^0x[0-9A-Fa-f]{1,8}$/), v.transform(Number))],
    t('must be a number, or one in hexadecimal such as "0x80010035"'),
  ),
  v.safeInteger(t('must be a whole number')),
  v.minValue(0, t('must not be negative')),
  // CK_ULONG has 32 bits on Windows, and PKCS#11 gives no number above them to anybody.
  v.maxValue(0xffffffff, t('must fit into 32 bits')),
)

/**
 * All of them or none: mechanism, key type and parameter set belong together, and a set that is half a vendor's and half the
 * standard's would make a key that nobody finds again.
 */
const ids = v.strictObject({
  keyGen: number,
  sign: number,
  keyType: number,
  parameterSet: number,
  parameterIn: v.optional(v.picklist(['attribute', 'mechanism'], t('must be "attribute" or "mechanism"')), 'attribute'),
})

/**
 * A name of the environment that the module's process inherits besides the usual ones. What loads code into a process, or
 * tells the loader where to look, stays outside whoever asks: it would run beside the keys without having been agreed to.
 */
const environmentName = v.pipe(
  v.string(),
  v.regex(/^[A-Za-z_][A-Za-z0-9_]{0,99}$/, t('must be the name of an environment variable')),
  v.check((name) => !LOADS_CODE.test(name), t('must not name what loads code into a process')),
)
const LOADS_CODE = /^(LD_.*|DYLD_.*|NODE_.*|ELECTRON_.*|OPENSSL_(CONF|MODULES|ENGINES)|GCONV_PATH|_RLD.*)$/i

export const moduleOverrides = {
  ids: v.exactOptional(ids),
  software: v.exactOptional(v.literal(true, t('can only be true: a setting may lower a custody, never raise it'))),
  lanes: v.exactOptional(
    v.pipe(
      v.number(t('must be a number')),
      v.integer(t('must be a whole number')),
      v.minValue(1, t('must be at least 1')),
      v.maxValue(16, t('must be at most 16')),
    ),
  ),
  environment: v.exactOptional(v.pipe(v.array(environmentName), v.maxLength(32, t('has too many names')))),
}

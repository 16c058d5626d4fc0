import { createRequire } from 'node:module'
import type { PKCS11 } from 'pkcs11js'
import type { ModuleFacts } from '../../../contracts/keyFacts.ts'
import type { Holds } from '../../../contracts/keyProcess.ts'
import { CountersignError } from '../../../support/errors.ts'
import { said } from '../../../support/l10n.ts'
import { redact } from '../../../support/log.ts'
import { profileOf } from '../../hsm/profiles.ts'
import { CKF, CKR } from './constants.ts'
import { isCkr, tokenError } from './errors.ts'
import { doesNotStart, notLoaded } from './loadErrors.ts'
import { checkModuleFile } from './moduleFile.ts'
import { mapInOwnScope } from './ownScope.ts'

export interface Library {
  readonly module: PKCS11
  readonly facts: ModuleFacts
  /** Whether calls may come from several threads; otherwise every call is made on the one that there is. */
  readonly threaded: boolean
}

type ModuleHolds = Extract<Holds, { kind: 'module' }>

/**
 * Loads and initialises a PKCS#11 module (PKCS#11 v3.2, section 5.4).
 * @throws CountersignError `module-unsupported` (no native addon here), `module-load` (a library that it needs is missing, or
 *   it does not start), `module-invalid` (no PKCS#11 module), those of `checkModuleFile`
 */
export function loadLibrary({ path: file, libraryParameters }: ModuleHolds): Library {
  checkModuleFile(file)
  const module = newModule()
  mapInOwnScope(file)
  try {
    module.load(file)
  } catch (thrown) {
    throw notLoaded(file, thrown)
  }
  const threaded = initialise(module, file, libraryParameters)
  return { module, facts: factsOf(module), threaded }
}

/** pkcs11js is native code: loaded only when a module is to be opened, so that the vault works where it is missing. */
function newModule(): PKCS11 {
  try {
    const addon: typeof import('pkcs11js') = createRequire(import.meta.url)('pkcs11js')
    return new addon.PKCS11()
  } catch (cause) {
    const platform = `${process.platform} on ${process.arch}`
    const sentence = said`This copy of Countersign has no PKCS#11 support for ${platform}. The vault works; or install pkcs11js.`
    throw new CountersignError('module-unsupported', sentence, { cause })
  }
}

/** @returns whether the module accepted calls from several threads */
function initialise(module: PKCS11, file: string, libraryParameters: string | undefined): boolean {
  // pkcs11js drops the last character of the parameters: it gets one to drop.
  const parameters = libraryParameters === undefined ? {} : { libraryParameters: `${libraryParameters} ` }
  try {
    module.C_Initialize({ flags: CKF.OS_LOCKING_OK, ...parameters })
    return true
  } catch (thrown) {
    if (isCkr(thrown, CKR.CRYPTOKI_ALREADY_INITIALIZED)) return true
    if (isCkr(thrown, CKR.CANT_LOCK)) return withoutLocks(module, file, parameters)
    throw doesNotStart(file, thrown)
  }
}

function withoutLocks(module: PKCS11, file: string, parameters: { libraryParameters?: string }): boolean {
  try {
    module.C_Initialize({ flags: 0, ...parameters })
    return false
  } catch (thrown) {
    throw doesNotStart(file, thrown)
  }
}

function factsOf(module: PKCS11): ModuleFacts {
  try {
    const info = module.C_GetInfo()
    const manufacturer = padded(info.manufacturerID)
    const description = padded(info.libraryDescription)
    const profile = profileOf({ manufacturer, description })
    return {
      manufacturer,
      description,
      version: versionText(info.libraryVersion),
      cryptoki: versionText(info.cryptokiVersion),
      profile: profile?.name ?? null,
      software: profile?.software ?? false,
    }
  } catch (thrown) {
    throw tokenError(thrown, 'C_GetInfo')
  }
}

/** CK_UTF8CHAR fields are padded with spaces, and in some modules with NUL; what they hold is the module's choice. */
export function padded(text: string): string {
  return redact(text.replace(/[\0 ]+$/u, ''))
}

export function versionText({ major, minor }: { major: number; minor: number }): string {
  return `${major}.${minor}`
}

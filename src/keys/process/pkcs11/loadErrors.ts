import path from 'node:path'
import { CountersignError } from '../../../support/errors.ts'
import { said, type Sentence } from '../../../support/l10n.ts'
import { redact } from '../../../support/log.ts'
import { ckrOf } from '../wireError.ts'
import { returnValue } from './errors.ts'

/** `load` of pkcs11js throws a plain error with the return value in its text. */
const REFUSED = /^(CKR_\w+):(\d+)$/
/** What the system's loader says of a library that is not there: glibc, musl, macOS; the first group is its name. */
const MISSING = [
  /^([^:]+): cannot open shared object file: No such file or directory/,
  /Error loading shared library ([^:]+): No such file or directory/,
  /Library not loaded: (\S+)/,
]
/** glibc: a module that was built for a newer system than this one. */
const TOO_OLD = /^([^:]+): version [`']([^']+)' not found \(required by/
/** ERROR_MOD_NOT_FOUND in English; in other languages the system's own sentence is shown. */
const WINDOWS_MISSING = /The specified module could not be found/

/** Why the system's loader, or the module itself, refused to be loaded. */
export function notLoaded(file: string, thrown: unknown): CountersignError {
  const text = thrown instanceof Error ? thrown.message : ''
  const invalid = (sentence: string | Sentence) => new CountersignError('module-invalid', sentence, { cause: thrown })
  if (text.includes('C_GetFunctionList')) {
    return invalid(said`${file} is a library, but no PKCS#11 module: it has no C_GetFunctionList. Choose another file.`)
  }
  const [, name, value] = REFUSED.exec(text) ?? []
  if (name !== undefined) {
    return invalid(
      said`${file} gives no list of its functions: C_GetFunctionList returned ${name} (0x${Number(value).toString(16)}).`,
    )
  }
  const [library] = MISSING.flatMap((pattern) => pattern.exec(text)?.[1] ?? [])
  // glibc says so of the file itself where it is for another processor.
  if (library !== undefined && library !== file) {
    return missing(
      file,
      said`the library ${redact(library)}, which is not on this machine or not where the system looks`,
      thrown,
    )
  }
  if (WINDOWS_MISSING.test(text)) return missing(file, said('a library that is not on this machine'), thrown)
  const [, system, version] = TOO_OLD.exec(text) ?? []
  if (system !== undefined && version !== undefined) {
    return missing(
      file,
      said`${redact(version)} of ${path.basename(redact(system))}: it was built for a newer system than this one`,
      thrown,
    )
  }
  // The loader's own words: the only clue that there is.
  return invalid(said`${file} cannot be loaded as a PKCS#11 module: ${redact(text.replaceAll(file, '…'))}.`)
}

function missing(file: string, what: Sentence, cause: unknown): CountersignError {
  const sentence = said`The PKCS#11 module ${file} needs ${what}. Install what its maker says that it needs.`
  return new CountersignError('module-load', sentence, { cause })
}

/** What a module that does not start most often lacks, by the name of its file. */
const OFTEN: readonly (readonly [RegExp, Sentence])[] = [
  [
    /opencryptoki|PKCS11_API/i,
    said('Its daemon has to run: systemctl start pkcsslotd. The user has to be in the group pkcs11.'),
  ],
  [
    /softhsm/i,
    said('SOFTHSM2_CONF has to name its configuration file, and the token folder in that file has to exist.'),
  ],
  [/softokn/i, said("Its library parameters have to name a folder that exists: configdir='sql:FOLDER'.")],
]

/** CKR_ARGUMENTS_BAD; numbers from CKR_VENDOR_DEFINED on are the vendor's own. */
const ARGUMENTS_BAD = 0x7
const VENDOR_DEFINED = 0x80000000

/** Why C_Initialize failed: the return value by name, and what it most often means. */
export function doesNotStart(file: string, thrown: unknown): CountersignError {
  const often = OFTEN.find(([name]) => name.test(path.basename(file)))?.[1]
  const sentence = said`The PKCS#11 module ${file} does not start: C_Initialize returned ${returnValue(thrown)}. ${often ?? whatToDo(ckrOf(thrown) ?? 0)}`
  return new CountersignError('module-load', sentence, { cause: thrown })
}

function whatToDo(ckr: number): Sentence {
  if (ckr >= VENDOR_DEFINED) return said('The number is its maker’s own: its documentation has it.')
  if (ckr === ARGUMENTS_BAD) return said('It may want library parameters, or others.')
  return said('Check its configuration file, its service or network connection, and the library parameters.')
}

import { Buffer } from 'node:buffer'
import { closeSync, lstatSync, openSync, readSync, realpathSync, statSync } from 'node:fs'
import path from 'node:path'
import { CountersignError } from '../../../support/errors.ts'
import { type Filling, said } from '../../../support/l10n.ts'
import { type BuiltFor, builtFor, HEADER_BYTES } from './libraryFormat.ts'

/** S_IWOTH and S_ISVTX of <sys/stat.h>. */
const WRITABLE_BY_ALL = 0o002
const STICKY = 0o1000

/**
 * Whether a file may be loaded and can be: looked at before any of its code runs.
 * @throws CountersignError `usage` (a relative path), `module-load` (absent), `file-unreadable`, `file-permissions` (anybody
 *   could replace it), `module-invalid` (no library, or one for another system or processor)
 */
export function checkModuleFile(file: string): void {
  // dlopen searches the library path for a bare name, and the environment would decide what is loaded.
  if (!path.isAbsolute(file)) throw new CountersignError('usage', 'The path of a PKCS#11 module has to be absolute.')
  const found = statSync(file, { throwIfNoEntry: false })
  if (found === undefined) {
    throw new CountersignError('module-load', said`There is no PKCS#11 module ${file}. Check the path.`)
  }
  if (!found.isFile()) {
    throw new CountersignError('module-invalid', said`${file} is a folder or a device, not a PKCS#11 module.`)
  }
  checkPermissions(file)
  checkFormat(file)
}

/**
 * A module runs with the user's rights and sees the PIN: what any account of this machine may replace is not loaded. The
 * folders count as well, up to the root, and those of a link: whoever may write in one can put another file there.
 */
function checkPermissions(file: string): void {
  // Access on Windows is no matter of these bits.
  if (process.platform === 'win32') return
  for (const start of new Set([file, realpathSync(file)])) {
    if ((statSync(start).mode & WRITABLE_BY_ALL) !== 0) throw writable(start)
    let inside = start
    for (let folder = path.dirname(inside); folder !== inside; folder = path.dirname(folder)) {
      const { mode } = statSync(folder)
      if ((mode & WRITABLE_BY_ALL) !== 0) {
        if ((mode & STICKY) === 0) throw writable(folder)
        if (!isOwn(inside)) throw planted(inside)
      }
      inside = folder
    }
  }
}

/** In a folder like /tmp, which has the sticky bit, nobody can replace what belongs to the user or to root; anybody can add. */
function isOwn(file: string): boolean {
  const { uid } = lstatSync(file)
  return uid === 0 || uid === process.getuid?.()
}

function writable(what: string): CountersignError {
  const sentence = said`Every user of this machine can write to ${what}: the module is not loaded. Run: chmod o-w ${quoted(what)}`
  return new CountersignError('file-permissions', sentence)
}

function planted(what: string): CountersignError {
  const sentence = said`${what} belongs to another user, in a folder where everybody can put files: the module is not loaded. Install it elsewhere.`
  return new CountersignError('file-permissions', sentence)
}

function checkFormat(file: string): void {
  const format = builtFor(head(file))
  if (format === undefined) {
    const sentence = said`${file} is no native library, so it cannot be loaded as a PKCS#11 module. Choose the module itself.`
    throw new CountersignError('module-invalid', sentence)
  }
  const system = process.platform === 'darwin' || process.platform === 'win32' ? process.platform : 'linux'
  const { architectures } = format
  // A processor that we have no name for: the loader knows.
  if (format.system === system && (architectures.length === 0 || architectures.includes(process.arch))) return
  const here = describe({ system, architectures: [process.arch] })
  const sentence = said`${file} is built for ${describe(format)}; here a module has to be for ${here}. Install the one that its maker has for this system.`
  throw new CountersignError('module-invalid', sentence)
}

function head(file: string): Buffer {
  let descriptor: number | undefined
  try {
    descriptor = openSync(file, 'r')
    const bytes = Buffer.alloc(HEADER_BYTES)
    return bytes.subarray(0, readSync(descriptor, bytes, 0, HEADER_BYTES, 0))
  } catch (cause) {
    const sentence = said`The PKCS#11 module ${file} cannot be read. Check its permissions.`
    throw new CountersignError('file-unreadable', sentence, { cause })
  } finally {
    if (descriptor !== undefined) closeSync(descriptor)
  }
}

const SYSTEMS = { linux: 'Linux', darwin: 'macOS', win32: 'Windows' } as const

function describe({ system, architectures }: BuiltFor): Filling {
  return architectures.length === 0 ? SYSTEMS[system] : said`${SYSTEMS[system]} on ${architectures.join(', ')}`
}

/** For a shell, in case somebody copies the line. */
function quoted(file: string): string {
  return /^[\w./-]+$/.test(file) ? file : `'${file.replaceAll("'", String.raw`'\''`)}'`
}

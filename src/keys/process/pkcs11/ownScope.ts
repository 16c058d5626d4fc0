import { readdirSync, readFileSync, realpathSync } from 'node:fs'
import { constants } from 'node:os'
import path from 'node:path'
import { neededLibraries } from './elf.ts'

const OPENSSL = /^lib(crypto|ssl)\.so/
/** dlfcn.h of glibc and musl; Node has no name for it. */
const RTLD_NODELETE = 0x1000
const MOST_LIBRARIES = 256

/** Modules that open further libraries of their own by name, in a folder beside them. Those are linked to OpenSSL as well. */
const PLUGINS = [{ module: /^libopencryptoki\.so/, folder: 'stdll', files: /^libpkcs11_\w+\.so$/ }] as const

/**
 * Node and Electron export the symbols of the OpenSSL (or BoringSSL) inside them, and the Linux loader looks into the
 * program first: a module that is linked to libcrypto.so calls Node's functions with its own structures. In Node 20
 * openCryptoki loses every ML-DSA mechanism that way; others crash. So a module that needs OpenSSL is mapped first with
 * RTLD_DEEPBIND, which has it look into its own dependencies before the program. The loader maps a library once, with
 * the scope of the first time: pkcs11js's dlopen afterwards finds this one.
 *
 * Only where needed: with a memory allocator inside the program, as Electron may have one, RTLD_DEEPBIND is a risk of its own.
 */
export function mapInOwnScope(file: string): void {
  const { RTLD_LAZY, RTLD_DEEPBIND } = constants.dlopen
  if (process.platform !== 'linux' || RTLD_DEEPBIND === undefined) return
  const real = realpathSync(file)
  if (!needsOpenSsl(real)) return
  for (const library of [file, ...pluginsOf(real)]) {
    try {
      process.dlopen({ exports: {} }, library, RTLD_LAZY | RTLD_DEEPBIND | RTLD_NODELETE)
    } catch {
      // Always: "Module did not self-register", since it is no addon; Node closes it then, and RTLD_NODELETE keeps it mapped.
      // A library that really cannot be loaded is explained where pkcs11js fails to load it, too.
    }
  }
}

function pluginsOf(file: string): string[] {
  const kind = PLUGINS.find(({ module }) => module.test(path.basename(file)))
  if (kind === undefined) return []
  const folder = path.join(path.dirname(file), kind.folder)
  try {
    return readdirSync(folder).flatMap((name) => (kind.files.test(name) ? [path.join(folder, name)] : []))
  } catch {
    return []
  }
}

/**
 * Whether a library is linked to OpenSSL, directly or through others (libcurl, libldap). Looked for where a module has its
 * own libraries, and where the system had those that this process runs with; what lies elsewhere is not followed.
 */
export function needsOpenSsl(file: string): boolean {
  const mapped = mappedLibraries()
  // A Node that is itself linked to the system's OpenSSL shares it with the module.
  if (mapped.some((library) => OPENSSL.test(path.basename(library)))) return false
  const folders = new Set([file, ...mapped].map((library) => path.dirname(library)))
  const seen = new Set<string>()
  const waiting = [file]
  for (let next = waiting.pop(); next !== undefined && seen.size < MOST_LIBRARIES; next = waiting.pop()) {
    for (const name of neededLibraries(next)) {
      if (OPENSSL.test(name)) return true
      if (seen.has(name)) continue
      seen.add(name)
      // In every folder: where the loader would find it does not matter for a question that is answered by its kind.
      for (const folder of folders) waiting.push(path.join(folder, name))
    }
  }
  return false
}

function mappedLibraries(): string[] {
  try {
    const lines = readFileSync('/proc/self/maps', 'utf8').split('\n')
    return [...new Set(lines.flatMap((line) => /\s(\/\S*\.so[.\d]*)$/.exec(line)?.[1] ?? []))]
  } catch {
    return []
  }
}

// @ts-check
// `node test/setup/lockfile.mjs`, after an `npm install` against a registry that lacks other platforms' optional packages:
// npm leaves those out of package-lock.json, and `npm ci` then refuses the file on every machine.
import { readFile, writeFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'

const FILE = fileURLToPath(new URL('../../package-lock.json', import.meta.url))
const SYSTEMS = ['aix', 'android', 'darwin', 'freebsd', 'linux', 'netbsd', 'openbsd', 'openharmony', 'sunos', 'win32']
const PROCESSORS = ['arm', 'arm64', 'ia32', 'loong64', 'mips64el', 'ppc64', 'riscv64', 's390x', 'x64']

const lock = JSON.parse(await readFile(FILE, 'utf8'))
let added = 0
for (const [folder, entry] of Object.entries(lock.packages)) {
  if (folder === '') continue
  for (const [name, version] of Object.entries(entry.optionalDependencies ?? {})) {
    if (isThere(folder, name)) continue
    lock.packages[`node_modules/${name}`] = platformPackage(name, version, entry.dev === true)
    added++
  }
}
lock.packages = Object.fromEntries(Object.entries(lock.packages).sort(([a], [b]) => a.localeCompare(b, 'en')))
await writeFile(FILE, `${JSON.stringify(lock, undefined, 2)}\n`)
process.stderr.write(`${added} optional packages of other platforms added to package-lock.json\n`)

/** @param {string} folder @param {string} name */
function isThere(folder, name) {
  for (let at = folder; ; at = at.slice(0, Math.max(0, at.lastIndexOf('/node_modules/')))) {
    if (`${at === '' ? '' : `${at}/`}node_modules/${name}` in lock.packages) return true
    if (at === '') return false
  }
}

/**
 * What npm would have written, without the digest that only the registry knows.
 *
 * @param {string} name
 * @param {string} version
 * @param {boolean} dev
 */
function platformPackage(name, version, dev) {
  const words = name.slice(name.indexOf('/') + 1).split('-')
  const os = words.filter((word) => SYSTEMS.includes(word))
  const cpu = words.filter((word) => PROCESSORS.includes(word))
  if (os.length === 0 || cpu.length === 0 || !/^\d/.test(version)) {
    throw new Error(`${name}@${version} does not say which platform it is for; add it to package-lock.json by hand.`)
  }
  const libc = words.some((word) => word.startsWith('musl'))
    ? ['musl']
    : words.some((word) => word.startsWith('gnu'))
      ? ['glibc']
      : undefined
  return { version, cpu, ...(dev ? { dev } : {}), ...(libc === undefined ? {} : { libc }), optional: true, os }
}

// @ts-check
import { copyFile, readdir, rm, writeFile } from 'node:fs/promises'
import { mkdirSync } from 'node:fs'
import path from 'node:path'
import { cached, reportToStderr } from './cache.mjs'
import { ensurePackages } from './debian.mjs'
import { forky } from './forky.mjs'
import { run } from './run.mjs'

/** @typedef {import('./cache.mjs').Report} Report */

const RECIPE = 'forky-1'
const LIBRARIES = ['libsoftokn3.so', 'libfreebl3.so', 'libfreeblpriv3.so', 'libnssutil3.so']

/**
 * NSS's softoken, a PKCS#11 module with ML-DSA, from a newer Debian than the host's. The host's own apt never hears of
 * that release.
 *
 * @param {{ report?: Report }} [options]
 * @returns {Promise<{ module: string }>}
 */
export async function nss({ report = reportToStderr } = {}) {
  await ensurePackages(['libnspr4', 'libsqlite3-0', 'patchelf'], { report, why: 'The NSS test token' })
  const folder = await cached({ thing: 'nss', version: RECIPE, report }, build)
  return { module: path.join(folder, 'libsoftokn3.so') }
}

/**
 * The value of `libraryParameters` for a token that lives in `folder` (made here: NSS fails with a vendor code where it is
 * missing). The last space stays: pkcs11js drops one character.
 *
 * @param {string} folder
 */
export function nssLibraryParameters(folder) {
  mkdirSync(folder, { recursive: true, mode: 0o700 })
  return `configdir='sql:${folder}' certPrefix='' keyPrefix='' secmod='secmod.db' flags= `
}

/** @param {string} folder */
async function build(folder) {
  const { apt, aptGet } = await forky(folder)
  await aptGet('download', '-qq', 'libnss3')
  const archive = (await readdir(apt)).find((name) => name.startsWith('libnss3_') && name.endsWith('.deb'))
  if (archive === undefined) throw new Error('apt-get downloaded no libnss3')
  const unpacked = path.join(apt, 'unpacked')
  await run('dpkg-deb', ['-x', path.join(apt, archive), unpacked])
  const triplet = (await readdir(path.join(unpacked, 'usr/lib'))).find((name) => name.endsWith('-linux-gnu'))
  if (triplet === undefined) throw new Error(`${archive} has no libraries where they were expected`)
  for (const name of LIBRARIES) {
    const target = path.join(folder, name)
    await copyFile(path.join(unpacked, 'usr/lib', triplet, name), target)
    // Without it the system's older libnssutil3 is picked up.
    await run('patchelf', ['--set-rpath', '$ORIGIN', target])
  }
  await writeFile(path.join(folder, 'package'), `${archive}\n`)
  await rm(apt, { recursive: true })
}

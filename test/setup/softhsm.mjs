// @ts-check
import { existsSync } from 'node:fs'
import { mkdir, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { reportToStderr } from './cache.mjs'
import { ensurePackages } from './debian.mjs'
import { run } from './run.mjs'

/** @typedef {import('./cache.mjs').Report} Report */

const MODULES = [
  '/usr/lib/softhsm/libsofthsm2.so',
  '/usr/lib64/softhsm/libsofthsm2.so',
  '/opt/homebrew/lib/softhsm/libsofthsm2.so',
]

/**
 * SoftHSM 2, the token that knows RSA and ECC but no ML-DSA.
 *
 * @param {{ report?: Report }} [options]
 * @returns {Promise<{ module: string }>}
 */
export async function softhsm({ report = reportToStderr } = {}) {
  if (!MODULES.some(existsSync)) await ensurePackages(['softhsm2'], { report, why: 'The SoftHSM test token' })
  const module = MODULES.find(existsSync)
  if (module === undefined) throw new Error(`softhsm2 is installed, but none of ${MODULES.join(', ')} is there.`)
  return { module }
}

/**
 * A fresh token whose files are all in `folder`.
 *
 * @param {string} folder
 * @param {{ label: string, pin: string, soPin: string }} token
 * @returns {Promise<{ SOFTHSM2_CONF: string }>} what the environment of a process that loads the module must have
 */
export async function createSofthsmToken(folder, { label, pin, soPin }) {
  const tokens = path.join(folder, 'tokens')
  const conf = path.join(folder, 'softhsm2.conf')
  await mkdir(tokens, { recursive: true, mode: 0o700 })
  await writeFile(conf, `directories.tokendir = ${tokens}\nobjectstore.backend = file\nlog.level = ERROR\n`)
  const env = { SOFTHSM2_CONF: conf }
  await run('softhsm2-util', ['--init-token', '--free', '--label', label, '--pin', pin, '--so-pin', soPin], {
    env: { ...process.env, ...env },
  })
  return env
}

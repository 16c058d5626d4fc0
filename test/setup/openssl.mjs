// @ts-check
import { reportToStderr } from './cache.mjs'
import { ensurePackages } from './debian.mjs'
import { run } from './run.mjs'

/**
 * The `openssl` command, which makes the certificates of test servers.
 *
 * @param {{ report?: import('./cache.mjs').Report }} [options]
 */
export async function openssl({ report = reportToStderr } = {}) {
  const there = await run('openssl', ['version']).catch(() => undefined)
  if (there === undefined) await ensurePackages(['openssl'], { report, why: 'Making certificates' })
}

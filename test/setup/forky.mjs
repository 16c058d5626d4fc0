// @ts-check
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { run } from './run.mjs'

/**
 * An apt of our own in `folder`, which knows a newer Debian and nothing of this machine's packages. The machine's own apt
 * never hears of that release.
 *
 * @param {string} folder
 * @returns {Promise<{ apt: string, aptGet: (...args: string[]) => Promise<string> }>} `apt` is a folder to remove in the end
 */
export async function forky(folder) {
  const apt = path.join(folder, 'apt')
  await mkdir(path.join(apt, 'lists/partial'), { recursive: true })
  await mkdir(path.join(apt, 'cache/archives/partial'), { recursive: true })
  await writeFile(path.join(apt, 'status'), '')
  await writeFile(
    path.join(apt, 'list'),
    `deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] ${await mirror()} forky main\n`,
  )
  await writeFile(
    path.join(apt, 'conf'),
    [
      `Dir::State::lists "${apt}/lists";`,
      `Dir::Cache "${apt}/cache";`,
      `Dir::Etc::sourcelist "${apt}/list";`,
      'Dir::Etc::sourceparts "/dev/null";',
      'Dir::Etc::preferencesparts "/dev/null";',
      `Dir::State::status "${apt}/status";`,
      // apt's own user cannot write to a folder in root's home.
      'APT::Sandbox::User "root";',
      // A mirror that lags serves an expired index; it is still signed, and an older package serves a test as well.
      'Acquire::Check-Valid-Until "false";',
      'APT::Install-Recommends "false";',
      '',
    ].join('\n'),
  )
  const env = { ...process.env, APT_CONFIG: path.join(apt, 'conf') }
  /** @param {string[]} args */
  const aptGet = (...args) => run('apt-get', args, { env, cwd: apt })
  await aptGet('update', '-qq')
  return { apt, aptGet }
}

/** The mirror that this machine already uses. */
async function mirror() {
  const parts = '/etc/apt/sources.list.d'
  const names = (await readdir(parts).catch(() => [])).map((name) => path.join(parts, name))
  for (const file of ['/etc/apt/sources.list', ...names]) {
    const text = await readFile(file, 'utf8').catch(() => '')
    const uri = /^(?:URIs:|deb(?: \[[^\]]*\])?)\s+(https?:\S*\/debian\/?)(?:\s|$)/m.exec(text)?.[1]
    if (uri !== undefined) return uri
  }
  return 'http://deb.debian.org/debian'
}

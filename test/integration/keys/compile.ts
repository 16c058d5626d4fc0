import { writeFileSync } from 'node:fs'
import path from 'node:path'
import { findInPath, run } from '../../setup/run.mjs'

export const cc = findInPath('cc', 'gcc', 'clang')

/** A shared library of ours in `folder`, and its path. */
export async function compiled(
  folder: string,
  name: string,
  source: string,
  flags: readonly string[] = [],
): Promise<string> {
  const file = path.join(folder, `${name}.c`)
  const library = path.join(folder, `${name}.so`)
  writeFileSync(file, source)
  await run(cc ?? 'cc', ['-shared', '-fPIC', '-o', library, file, ...flags])
  return library
}

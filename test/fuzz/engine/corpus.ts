import { createHash } from 'node:crypto'
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

/** Inputs that once found something, a folder a target. Every run begins with them, and so does the test. */
export function readCorpus(folder: string, target: string): Uint8Array[] {
  const own = join(folder, target)
  return names(own).map((name) => new Uint8Array(readFileSync(join(own, name))))
}

/** Folders of a corpus: each must be the name of a target, or its inputs would be run by nobody. */
export function corpusTargets(folder: string): string[] {
  return names(folder)
}

/** Keeps an input under the digest of its bytes; returns the path. */
export function keepInput(folder: string, target: string, bytes: Uint8Array): string {
  const own = join(folder, target)
  mkdirSync(own, { recursive: true })
  const path = join(own, `${createHash('sha256').update(bytes).digest('hex').slice(0, 16)}.bin`)
  writeFileSync(path, bytes)
  return path
}

function names(folder: string): string[] {
  try {
    return readdirSync(folder).toSorted()
  } catch {
    // Most targets never had a finding.
    return []
  }
}

import { existsSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { gunzipSync } from 'node:zlib'

/**
 * The folder of published test vectors, read in place: `COUNTERSIGN_VECTORS`, or `shared/vectors` beside the checkout.
 * Null where it does not exist: then the tests say that they were skipped.
 */
export function vectorFolder(): string | null {
  const configured = process.env['COUNTERSIGN_VECTORS']
  const candidates = configured ? [configured] : [path.resolve(process.cwd(), '../shared/vectors')]
  return candidates.find((folder) => existsSync(path.join(folder, 'SOURCES.md'))) ?? null
}

function readText(file: string): string {
  const folder = vectorFolder()
  if (folder === null) throw new Error('There is no folder of test vectors.')
  return gunzipSync(readFileSync(path.join(folder, `${file}.gz`))).toString('utf8')
}

/** Vectors are trusted test data: their shape is what the reader says it is. */
// oxlint-disable-next-line typescript/no-unnecessary-type-parameters
export function readJson<T>(file: string): T {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion
  return JSON.parse(readText(file)) as T
}

export function readLines(file: string): string[] {
  return readText(file)
    .split('\n')
    .filter((line) => line !== '')
}

/** `name = hex` lines, as CCTV writes them; values that are not hex are left out. */
export function readValues(file: string): Map<string, Uint8Array> {
  const values = new Map<string, Uint8Array>()
  for (const line of readLines(file)) {
    const [name, value] = line.split(' = ')
    if (name !== undefined && value !== undefined && /^([0-9a-f]{2})+$/.test(value)) values.set(name, hex(value))
  }
  return values
}

export function hex(text: string): Uint8Array {
  return new Uint8Array(Buffer.from(text, 'hex'))
}

export function toHex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex')
}

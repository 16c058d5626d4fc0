import type { BackendName, PqBackend } from '../../../src/crypto/backend/backend.ts'
import { loadBackend } from '../../../src/crypto/backend/select.ts'

/** The backend that the test asks for, instead of the fastest. */
let chosen: Promise<PqBackend> | undefined

export function pq(): Promise<PqBackend> {
  chosen ??= load()
  return chosen
}

async function load(): Promise<PqBackend> {
  const asked = process.env['COUNTERSIGN_BACKEND']
  const name = (['native', 'wasm', 'noble'] satisfies BackendName[]).find((known) => known === asked)
  const backend = name === undefined ? null : await loadBackend(name)
  if (backend === null) throw new Error(`the backend ${asked} does not work here`)
  return backend
}

import type { BackendName, PqBackend } from './backend.ts'
import { guarded } from './guard.ts'

let chosen: Promise<PqBackend> | null = null

/**
 * The fastest backend that works here: native (Node 24 with OpenSSL 3.5), WASM (liboqs), JavaScript (noble). Chosen once,
 * by a round trip and not by a version number: Electron is a recent Node with another crypto library.
 */
export function pq(): Promise<PqBackend> {
  chosen ??= choose()
  return chosen
}

/** For logs: which one it was. */
export async function backendName(): Promise<BackendName> {
  return (await pq()).name
}

/** One backend by name, null where it does not work. For tests and measurements: users have no say in this. */
export async function loadBackend(name: BackendName): Promise<PqBackend | null> {
  const backend = await load(name)
  return backend === null ? null : guarded(backend)
}

async function choose(): Promise<PqBackend> {
  return (
    (await loadBackend('native')) ?? (await loadBackend('wasm')) ?? guarded((await import('./noble.ts')).nobleBackend)
  )
}

async function load(name: BackendName): Promise<PqBackend | null> {
  if (name === 'noble') return (await import('./noble.ts')).nobleBackend
  try {
    if (name === 'native') return (await import('./native.ts')).createNativeBackend()
    return await (await import('./wasm.ts')).createWasmBackend()
  } catch {
    // Why it does not work here does not matter: the next one is as correct, only slower, and the log names it.
    return null
  }
}

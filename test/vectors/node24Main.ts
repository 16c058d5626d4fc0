import { loadBackend } from '../../src/crypto/backend/select.ts'
import { ALL_SUITES } from './allSuites.ts'
import { KEM_ACCUMULATED } from './kemSuites.ts'
import { loadOperations } from './operations.ts'
import { runSuite, type SuiteResult } from './suites.ts'

export interface Node24Report {
  readonly version: string
  readonly results: readonly SuiteResult[]
  readonly crossChecks: number
}

/** Bundled and run under Node 24 by node24.test.ts: one line of JSON with the counts of the native and the WASM backend. */
const results: SuiteResult[] = []
for (const name of ['native', 'wasm'] as const) {
  const operations = await loadOperations(name)
  if (operations === null) continue
  for (const suite of ALL_SUITES) {
    // WASM ran it under this Node's elder already, and it takes most of the time.
    if (name === 'native' || suite !== KEM_ACCUMULATED) results.push(await runSuite(suite, operations))
  }
}

/** What one backend signs and encapsulates, the others must accept. */
let crossChecks = 0
const backends = await Promise.all((['native', 'wasm', 'noble'] as const).map(loadBackend))
const message = new TextEncoder().encode('across backends')
for (const signing of backends) {
  for (const verifying of backends) {
    if (signing === null || verifying === null) continue
    for (const algorithm of ['ML-DSA-65', 'ML-DSA-87'] as const) {
      const key = await (await signing.signature(algorithm)).keyFromSeed(new Uint8Array(32).fill(7))
      const holds = (await verifying.signature(algorithm)).verify(key.publicKey, message, key.sign(message))
      if (!holds) throw new Error(`${verifying.name} refuses ${algorithm} of ${signing.name}`)
      crossChecks++
    }
    for (const name of ['ML-KEM-768', 'ML-KEM-1024'] as const) {
      const key = (await signing.kem(name)).generate()
      const { ciphertext, sharedSecret } = (await verifying.kem(name)).encapsulate(key.publicKey)
      if (Buffer.compare(await key.decapsulate(ciphertext), sharedSecret) !== 0) {
        throw new Error(`${verifying.name} and ${signing.name} disagree on ${name}`)
      }
      crossChecks++
    }
  }
}

const report: Node24Report = { version: process.version, results, crossChecks }
console.log(JSON.stringify(report))

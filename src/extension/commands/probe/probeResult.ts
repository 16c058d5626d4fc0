import type { ProbeResult } from '../../../contracts/inventory.ts'
import type { ProbeReport } from '../../../keys/hsm/probe.ts'

const ORDER = ['generate', 'sign', 'verify', 'destroy']

/** What was found, as the inventory keeps it: in the order in which a person thinks of it. `at`: milliseconds since 1970. */
export function probeResult({ algorithm, steps, claims }: ProbeReport, at: number): ProbeResult {
  const told = steps
    .toSorted((one, other) => ORDER.indexOf(one.step) - ORDER.indexOf(other.step))
    .map(({ error, ...step }) => ({ ...step, error: error ?? null }))
  return { algorithm, at, steps: told, ...(claims === undefined ? {} : { claims }) }
}

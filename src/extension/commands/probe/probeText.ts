import type { ProbeResult } from '../../../contracts/inventory.ts'

export interface ProbeReport {
  readonly message: string
  readonly detail: string
  /** Every set did everything. */
  readonly holds: boolean
}

const DOES: Record<ProbeResult['steps'][number]['step'], string> = {
  generate: 'makes a key pair',
  sign: 'signs',
  verify: 'the signature verifies in software',
  destroy: 'destroys the key again',
}

/** What a person is told of a probe. */
export function probeReport(name: string, results: readonly ProbeResult[]): ProbeReport {
  const good = results.filter(works).map(({ algorithm }) => algorithm)
  const bad = results.filter((result) => !works(result)).map(({ algorithm }) => algorithm)
  const message =
    bad.length === 0
      ? `${name} does what it says: ${good.join(', ')}.`
      : `${name} lists ${bad.join(', ')} and ${good.length === 0 ? 'cannot do it' : `does only ${good.join(', ')}`}.`
  const detail = results
    .map(({ algorithm, steps }) => {
      const lines = steps.map(({ step, ok, ms, error }) =>
        ok ? `✓ ${DOES[step]}, ${ms.toFixed(1)} ms` : `✗ ${step}: ${error ?? 'failed'}`,
      )
      return [algorithm, ...lines].join('\n')
    })
    .join('\n\n')
  const where = 'It used a key of its own, which is gone. What the module claims of its keys stays a claim.'
  return { message, detail: `${detail}\n\n${where}`, holds: bad.length === 0 }
}

function works({ steps }: ProbeResult): boolean {
  // A token that signs and does not verify, or never came to that, does not work.
  return steps.every(({ ok }) => ok) && steps.some(({ step }) => step === 'verify')
}

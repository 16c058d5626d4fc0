import type { ProbeResult } from '../../../contracts/inventory.ts'
import { t } from '../../../support/l10n.ts'

export interface ProbeReport {
  readonly message: string
  readonly detail: string
  /** Every set did everything. */
  readonly holds: boolean
}

const DOES: Record<ProbeResult['steps'][number]['step'], string> = {
  generate: t('makes a key pair'),
  sign: t('signs'),
  verify: t('the signature verifies in software'),
  destroy: t('destroys the key again'),
}

const STEP: Record<ProbeResult['steps'][number]['step'], string> = {
  generate: t('generate'),
  sign: t('sign'),
  verify: t('verify'),
  destroy: t('destroy'),
}

/** What a person is told of a probe. */
export function probeReport(name: string, results: readonly ProbeResult[]): ProbeReport {
  const good = results.filter(works).map(({ algorithm }) => algorithm)
  const bad = results.filter((result) => !works(result)).map(({ algorithm }) => algorithm)
  const message =
    bad.length === 0
      ? t`${name} does what it says: ${good.join(', ')}.`
      : good.length === 0
        ? t`${name} lists ${bad.join(', ')} and cannot do it.`
        : t`${name} lists ${bad.join(', ')} and does only ${good.join(', ')}.`
  const detail = results
    .map(({ algorithm, steps }) => {
      const lines = steps.map(({ step, ok, ms, error }) =>
        ok ? `✓ ${DOES[step]}, ${ms.toFixed(1)} ms` : `✗ ${STEP[step]}: ${error === null ? t('failed') : t(error)}`,
      )
      return [algorithm, ...lines].join('\n')
    })
    .join('\n\n')
  const where = t('It used a key of its own, which is gone. What the module claims of its keys stays a claim.')
  return { message, detail: `${detail}\n\n${where}`, holds: bad.length === 0 }
}

function works({ steps }: ProbeResult): boolean {
  // A token that signs and does not verify, or never came to that, does not work.
  return steps.every(({ ok }) => ok) && steps.some(({ step }) => step === 'verify')
}

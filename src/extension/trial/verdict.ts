import type { PanelTrialChange, PanelTrialRow, Refuser } from '../../contracts/panelTrial.ts'
import type { Finding } from '../../evidence/offline/finding.ts'
import { CountersignError, toCountersignError } from '../../support/errors.ts'
import { t } from '../../support/l10n.ts'
import type { Refusal } from './gateway.ts'
import type { Tap } from './tap.ts'

/** What became of an attack or a control: the members of its row that are only known afterwards. */
export type Outcome = Pick<PanelTrialRow, 'by' | 'code' | 'sentence' | 'reached'> & {
  readonly state: 'refused' | 'passed' | 'failed'
  readonly change?: PanelTrialChange | undefined
}

export interface Ending {
  readonly tap: Tap
  /** What this end found wrong itself: as it was thrown. */
  readonly here?: CountersignError | undefined
  /** What the gateway said in its log since the attack began. */
  readonly there?: Refusal | undefined
  readonly reached: NonNullable<PanelTrialRow['reached']>
  /** Why there is neither. */
  readonly otherwise: string
}

/**
 * Refused is only what somebody refused, and said so: this end by an error of its own, the gateway by an alert. A connection
 * that just broke, an answer that never came, or a byte that got through is not, whatever else happened.
 */
export function verdictOn({ tap, here, there, reached, otherwise }: Ending): Outcome {
  const { alert, change } = tap
  const by: Refuser | undefined =
    here !== undefined ? 'editor' : alert !== undefined && alert !== 0 ? 'gateway' : undefined
  const refusal = here === undefined ? there : { code: here.code, sentence: t(here.sentence) }
  const said = refusal ?? {
    code: t`alert ${alert ?? 0}`,
    sentence: t('The gateway ended the connection with this alert.'),
  }
  if (change === undefined)
    return { state: 'failed', reached, sentence: t('The attack changed nothing, so it shows nothing.') }
  if (by === undefined) return { state: 'failed', reached, change, sentence: otherwise }
  const sentence = reached.bytes === 0 ? said.sentence : t`${said.sentence} But ${reached.bytes} bytes had got through.`
  return { state: reached.bytes === 0 ? 'refused' : 'failed', by, code: said.code, sentence, reached, change }
}

/** @param findings of the offline verifier over what was altered */
export function verdictOnFile(findings: readonly Finding[], change: PanelTrialChange | undefined): Outcome {
  const worst = findings.find(({ state }) => state === 'false') ?? findings.find(({ state }) => state === 'incomplete')
  if (change === undefined || worst === undefined) {
    return { state: 'failed', change, sentence: t('The verifier said that all of it holds.') }
  }
  const [note = t('It does not hold.')] = worst.notes
  return { state: 'refused', by: 'verifier', code: worst.state, sentence: note, change }
}

export function brokeOff(thrown: unknown): Outcome {
  const { code, message } = toCountersignError(thrown)
  if (thrown instanceof CountersignError && code === 'cancelled') throw thrown
  return { state: 'failed', code, sentence: message }
}

import type { TransitionStatus } from '../../../../session/api.ts'
import { unreachable } from '../../../../support/errors.ts'
import { t } from '../../../../support/l10n.ts'

/** What a gateway said to the next key. `unreached`: it said nothing, and `reason` is why. */
export interface Outcome {
  readonly gateway: string
  readonly status: TransitionStatus | 'unreached'
  readonly reason?: string
}

export function outcomeLine({ gateway, status, reason }: Outcome): string {
  return reason === undefined ? told(gateway, status) : `${told(gateway, status)} (${reason})`
}

function told(gateway: string, status: Outcome['status']): string {
  switch (status) {
    case 'accepted':
      return t`${gateway} accepted the new key`
    case 'pending':
      return t`${gateway} waits for its operator to confirm the new key`
    case 'refused':
      return t`${gateway} refused the new key: its operator has to list it`
    case 'unreached':
      return t`${gateway} was not told`
    default:
      return unreachable(status)
  }
}

export interface Question {
  readonly message: string
  readonly detail: string
  /** Nobody took the new key yet, so the rotation can be taken back. */
  readonly mayCancel: boolean
}

/**
 * What a person is asked after the gateways were told of the new key. Undefined: all of them accepted, and there is nothing
 * to ask.
 */
export function questionAfter(outcomes: readonly Outcome[], kid: string): Question | undefined {
  const accepted = outcomes.filter(({ status }) => status === 'accepted').length
  if (accepted === outcomes.length) return undefined
  const mayCancel = accepted === 0
  const detail = [
    outcomes.map((outcome) => `• ${outcomeLine(outcome)}`).join('\n'),
    ...(outcomes.some(({ status }) => status === 'pending')
      ? [t`An operator compares the words and says: countersign trust confirm ${kid} --config FILE`]
      : []),
    outcomes.length - accepted === 1
      ? t(
          'Switch Now: the new key signs from now on. The gateway that did not accept it refuses this editor until its operator confirms it; nothing is sent there meanwhile.',
        )
      : t(
          'Switch Now: the new key signs from now on. Gateways that did not accept it refuse this editor until its operator confirms it; nothing is sent there meanwhile.',
        ),
    t(
      'Decide Later: the old key goes on signing, and Rotate Key… asks the gateways again later. One that took the new key serves the old one for as long as its operator set (a day, if they set nothing).',
    ),
    ...(mayCancel
      ? [t('Cancel Rotation: the old key stays. Tell operators who were asked to confirm that they should not.')]
      : [t('It cannot be cancelled any more: a gateway has taken the new key already.')]),
  ].join('\n\n')
  const message =
    outcomes.length === 1
      ? t`${accepted} of 1 gateway accepted the new key.`
      : t`${accepted} of ${outcomes.length} gateways accepted the new key.`
  return { message, detail, mayCancel }
}

/** What a person agrees to before anything is signed. `from` and `to`: label and words. */
export function rotationPlan(
  from: { readonly label: string; readonly words: readonly string[] },
  to: { readonly label: string; readonly words: readonly string[]; readonly place: string },
  gateways: readonly string[],
): string {
  const told =
    gateways.length === 0
      ? t('No gateway is configured, so none is told.')
      : t`These gateways are told over a session of the old key: ${gateways.join(', ')}. By default the operator of each has to confirm.`
  return [
    t`old: ${from.label}\n${from.words.join(' ')}`,
    t`new: ${to.label} in ${to.place}\n${to.words.join(' ')}`,
    t(
      'The old key signs that the new one follows it, and the new key signs that it does. That hands your identity over, so PINs are asked anew.',
    ),
    told,
    t('What the old key signed still verifies, within the time in which it was in force.'),
  ].join('\n\n')
}

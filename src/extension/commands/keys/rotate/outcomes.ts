import type { TransitionStatus } from '../../../../session/api.ts'

/** What a gateway said to the next key. `unreached`: it said nothing, and `reason` is why. */
export interface Outcome {
  readonly gateway: string
  readonly status: TransitionStatus | 'unreached'
  readonly reason?: string
}

const WORDS: Record<Outcome['status'], string> = {
  accepted: 'accepted the new key',
  pending: 'waits for its operator to confirm the new key',
  refused: 'refused the new key: its operator has to list it',
  unreached: 'was not told',
}

export function outcomeLine({ gateway, status, reason }: Outcome): string {
  return `${gateway} ${WORDS[status]}${reason === undefined ? '' : ` (${reason})`}`
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
  const others = outcomes.length - accepted
  const mayCancel = accepted === 0
  const detail = [
    outcomes.map((outcome) => `• ${outcomeLine(outcome)}`).join('\n'),
    ...(outcomes.some(({ status }) => status === 'pending')
      ? [`An operator compares the words and says: countersign trust confirm ${kid} --config FILE`]
      : []),
    `Switch Now: the new key signs from now on. ${others === 1 ? 'The gateway that' : 'Gateways that'} did not accept it refuse${others === 1 ? 's' : ''} this editor until its operator confirms it; nothing is sent there meanwhile.`,
    'Decide Later: the old key goes on signing, and Rotate Key… asks the gateways again later. One that took the new key serves the old one for as long as its operator set (a day, if they set nothing).',
    ...(mayCancel
      ? ['Cancel Rotation: the old key stays. Tell operators who were asked to confirm that they should not.']
      : ['It cannot be cancelled any more: a gateway has taken the new key already.']),
  ].join('\n\n')
  const message = `${accepted} of ${outcomes.length} ${outcomes.length === 1 ? 'gateway' : 'gateways'} accepted the new key.`
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
      ? 'No gateway is configured, so none is told.'
      : `These gateways are told over a session of the old key: ${gateways.join(', ')}. By default the operator of each has to confirm.`
  return [
    `old: ${from.label}\n${from.words.join(' ')}`,
    `new: ${to.label} in ${to.place}\n${to.words.join(' ')}`,
    'The old key signs that the new one follows it, and the new key signs that it does. That hands your identity over, so PINs are asked anew.',
    told,
    'What the old key signed still verifies, within the time in which it was in force.',
  ].join('\n\n')
}

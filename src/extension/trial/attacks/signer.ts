import type { SessionAttack } from '../attack.ts'
import { stating } from '../edits.ts'
import { t } from '../../../support/l10n.ts'

/**
 * Whoever can have the real key sign, for instance malware while the token is unlocked. What they say in this editor's name is
 * believed; what contradicts the session, its history or the clock is not.
 */
const withTheKey = { on: 'session', attacker: 'signer', reaches: 'server' } as const

const THREE_MINUTES = 180_000
const OTHER = 'A'.repeat(43)

export const SIGNER: readonly SessionAttack[] = [
  {
    ...withTheKey,
    id: 'wrong-audience',
    title: t('Address a context to another gateway'),
    change: t('The audience in the statement, before it is signed.'),
    arm: () => ({ statement: (statement) => stating(statement, () => ({ aud: OTHER })) }),
  },
  {
    ...withTheKey,
    id: 'held-back',
    title: t('Hold a context back'),
    change: t(
      'The statement is three minutes old when it is signed and sent, which is past the 120 s that are allowed.',
    ),
    arm: () => ({
      statement: (statement) => stating(statement, ({ ts }) => ({ ts: Number(ts) - THREE_MINUTES })),
    }),
  },
  {
    ...withTheKey,
    id: 'hide-a-context',
    title: t('Leave a context out'),
    change: t('The statement skips a number, as if the one before it had been taken away.'),
    arm: () => ({ statement: (statement) => stating(statement, ({ seq }) => ({ seq: Number(seq) + 1 })) }),
  },
]

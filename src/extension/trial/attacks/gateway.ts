import type { GatewayAttack } from '../attack.ts'
import { stating } from '../edits.ts'
import { t } from '../../../support/l10n.ts'

/** Whoever answers at the gateway's address, or is the gateway: a gateway of the trial's own, run in this process. */
const asTheGateway = { on: 'gateway', attacker: 'gateway', key: 'own' } as const

const THREE_MINUTES = 180_000
const OTHER = 'A'.repeat(64)

export const GATEWAY: readonly GatewayAttack[] = [
  {
    on: 'gateway',
    attacker: 'gateway',
    key: 'strange',
    id: 'another-gateway',
    title: t('Redirect the session to another gateway'),
    change: t('Another gateway answers, with a good handshake of its own key.'),
  },
  {
    ...asTheGateway,
    id: 'answer-to-another-question',
    title: t('Answer another question'),
    change: t('The gateway’s key signs an answer that names a question which nobody asked.'),
    lie: (statement) => stating(statement, () => ({ req: OTHER })),
  },
  {
    ...asTheGateway,
    id: 'answer-of-another-session',
    title: t('Answer in somebody else’s session'),
    change: t('The gateway’s key signs an answer that belongs to another session.'),
    lie: (statement) => stating(statement, () => ({ sid: OTHER })),
  },
  {
    ...asTheGateway,
    id: 'old-answer',
    title: t('Give an old answer'),
    change: t('The gateway’s key signs an answer that is three minutes old.'),
    lie: (statement) => stating(statement, ({ ts }) => ({ ts: Number(ts) - THREE_MINUTES })),
  },
]

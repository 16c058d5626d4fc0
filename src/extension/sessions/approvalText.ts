import type { GatewaySetting } from '../../contracts/settings.ts'
import { fingerprintWords } from '../../crypto/fingerprint.ts'
import type { PeerIdentity } from '../../session/api.ts'
import type { FirstUse } from '../../trust/gatewayPins.ts'
import { CUSTODY_WORD } from '../words.ts'
import { t } from '../../support/l10n.ts'

/** What the modal says, and what it must not leave out: whose key, how to compare it, and what connecting gives away. */
export function approvalText(
  { servers, route }: GatewaySetting,
  question: FirstUse & PeerIdentity,
  self: string,
): string {
  const where = route.kind === 'websocket' ? question.address : t`${question.address} (by command)`
  const { rotation } = question
  return [
    rotation === undefined
      ? t`This is the first time you connect to it:\n${where}`
      : t`It has replaced its key, and the key that you trust signed for the new one:\n${where}\nWhoever had the old key for a minute could have done the same: ask its operator.`,
    t`Compare these words with the ones that its operator gave you:\n${fingerprintWords(question).join('  ')}`,
    [
      t`Key: ${question.algorithm}, kid ${question.kid}`,
      ...(rotation === undefined
        ? []
        : [t`Before: kid ${rotation.from} (${fingerprintWords({ kid: rotation.from }).join('  ')})`]),
      t`Calls itself: ${question.name || t('nothing')}`,
      t`Custody: ${CUSTODY_WORD[question.custody]}, as the gateway claims`,
      t`Servers: ${servers.join(', ')}`,
    ].join('\n'),
    t`Connecting tells it, and whoever may answer in its place, the identity of this editor: "${self}" and its public key. If the words differ, choose Cancel.`,
  ].join('\n\n')
}

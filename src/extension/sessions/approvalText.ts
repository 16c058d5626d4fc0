import type { GatewaySetting } from '../../contracts/settings.ts'
import { fingerprintWords } from '../../crypto/fingerprint.ts'
import type { PeerIdentity } from '../../session/api.ts'
import type { FirstUse } from '../../trust/gatewayPins.ts'

/** What the modal says, and what it must not leave out: whose key, how to compare it, and what connecting gives away. */
export function approvalText(
  { servers, route }: GatewaySetting,
  question: FirstUse & PeerIdentity,
  self: string,
): string {
  const way = route.kind === 'websocket' ? '' : ' (by command)'
  const { rotation } = question
  return [
    rotation === undefined
      ? `This is the first time you connect to it${way}:\n${question.address}`
      : `It has replaced its key, and the key that you trust signed for the new one${way}:\n${question.address}\nWhoever had the old key for a minute could have done the same: ask its operator.`,
    `Compare these words with the ones that its operator gave you:\n${fingerprintWords(question).join('  ')}`,
    [
      `Key: ${question.algorithm}, kid ${question.kid}`,
      ...(rotation === undefined
        ? []
        : [`Before: kid ${rotation.from} (${fingerprintWords({ kid: rotation.from }).join('  ')})`]),
      `Calls itself: ${question.name || 'nothing'}`,
      `Custody: ${question.custody}, as the gateway claims`,
      `Servers: ${servers.join(', ')}`,
    ].join('\n'),
    `Connecting tells it, and whoever may answer in its place, the identity of this editor: "${self}" and its public key. If the words differ, choose Cancel.`,
  ].join('\n\n')
}

import { generateHybridKey } from '../../../crypto/suite.ts'
import { RECORD } from '../../../session/channel/record.ts'
import { ELEMENT, onlyElement } from '../../../session/handshake/elements.ts'
import { encodeM1, parseM1 } from '../../../session/handshake/messages.ts'
import type { HandshakeAttack, SessionAttack } from '../attack.ts'
import { firstOf, flipped } from '../edits.ts'
import { t } from '../../../support/l10n.ts'

/** Whoever controls the network between editor and gateway: they see, change, drop and invent frames, and have no key. */
const onTheWay = { on: 'session', attacker: 'network', reaches: 'server' } as const

export const NETWORK: readonly (SessionAttack | HandshakeAttack)[] = [
  {
    ...onTheWay,
    id: 'flip-record',
    title: t('Alter one bit of a sealed record'),
    change: t('One bit of the ciphertext that carries a call.'),
    arm: () => ({ outFrame: firstOf(RECORD.Fragment, (frame) => [flipped(frame, -20)]) }),
  },
  {
    ...onTheWay,
    id: 'replay-record',
    title: t('Replay a record'),
    change: t('Before the next call, the sealed evidence of an earlier one is sent once more.'),
    arm: ({ tap }) => ({ outFrame: firstOf(RECORD.Fragment, (frame) => [...captured(tap.frames.c2s), frame]) }),
  },
  {
    ...onTheWay,
    id: 'reorder-records',
    title: t('Reorder two records'),
    change: t('The evidence of a call arrives before the call itself.'),
    arm: () => {
      let held: readonly Uint8Array[] = []
      const hold = firstOf(RECORD.Fragment, (frame) => {
        held = [frame]
        return []
      })
      const release = firstOf(RECORD.Batch, (frame) => [frame, ...held])
      return { outFrame: (frame) => (frame[0] === RECORD.Fragment ? hold(frame) : release(frame)) }
    },
  },
  {
    ...onTheWay,
    id: 'drop-last-record',
    title: t('Drop the last record'),
    change: t('The evidence of the last call is swallowed; then the editor says goodbye.'),
    goodbye: true,
    arm: () => ({ outFrame: firstOf(RECORD.Batch, () => []) }),
  },
  {
    ...onTheWay,
    id: 'reflect-record',
    title: t('Send the gateway its own record'),
    change: t('A record that the gateway sealed for the editor comes back to the gateway.'),
    arm: ({ tap }) => ({ outFrame: firstOf(RECORD.Fragment, () => captured(tap.frames.s2c)) }),
  },
  {
    ...onTheWay,
    id: 'record-of-another-session',
    title: t('Play a record of another session'),
    change: t('A record of an earlier session takes the place of this one’s.'),
    arm: ({ earlier }) => ({ outFrame: firstOf(RECORD.Batch, () => captured(earlier.frames.c2s)) }),
  },
  {
    ...onTheWay,
    id: 'flip-answer',
    title: t('Alter one bit of a sealed answer'),
    change: t('One bit of the ciphertext that carries the gateway’s answer.'),
    reaches: 'agent',
    arm: () => ({ inFrame: firstOf(RECORD.Fragment, (frame) => [flipped(frame, -20)]) }),
  },
  {
    on: 'handshake',
    attacker: 'network',
    id: 'downgrade-suite',
    title: t('Downgrade the suite in ClientHello'),
    change: t('Only the weakest suite stays in the offer, with shares that the attacker made.'),
    arm: () => ({
      outFrame: async (frame) => {
        if (frame[0] !== ELEMENT.M1) return [frame]
        const { kemKey, share } = await generateHybridKey(WEAKEST)
        return [encodeM1({ ...parseM1(onlyElement(frame, ELEMENT.M1)), suites: [WEAKEST], kemKey, share }).bytes]
      },
    }),
  },
]

const WEAKEST = 'MLKEM768_X25519_MLDSA65_AES256GCM_SHA384'

function captured(frames: ReadonlyMap<number, Uint8Array>): readonly Uint8Array[] {
  const frame = frames.get(RECORD.Batch)
  return frame === undefined ? [] : [frame]
}

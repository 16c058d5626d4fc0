import { buildTransition, parseTransition } from '../../../src/evidence/transition.ts'
import { encodeTransitionPayload, parseTransitionPayload } from '../../../src/evidence/transitionPayload.ts'
import { encodeRing, parseRing } from '../../../src/evidence/trustedKeys.ts'
import {
  encodeTransition,
  encodeTransitionAnswer,
  parseTransitionAnswer,
  parseTransitionRecord,
} from '../../../src/session/transition/messages.ts'
import { REACHES } from '../../../src/session/api.ts'
import { encodeLegs, parseLegs } from '../../../src/session/legs/messages.ts'
import { encodeKeys, parseKeys } from '../../../src/trust/keyRing.ts'
import { parseDecisions, parseRotations } from '../../../src/trust/rotationFiles.ts'
import { decodeUtf8 } from '../../../src/crypto/encoding.ts'
import { exact, must, parses, type Target } from '../engine/target.ts'
import { HASH, json, KID, PUBLIC_KEY, SIGNATURE, SIGNER, SMALL_PUBLIC_KEY, text } from './samples.ts'

const READ = ['decode', 'algorithm-unsupported', 'length'] as const
const small = { algorithm: 'ML-DSA-65', publicKey: SMALL_PUBLIC_KEY } as const
const parts = { from: { algorithm: 'ML-DSA-87', publicKey: PUBLIC_KEY }, to: small, at: 1_790_000_000_000 } as const
const signatures = { from: SIGNATURE, to: SIGNATURE.subarray(0, 3309) }
const document = buildTransition({ ...parts, signatures })
const pair = { from: KID, to: KID, at: 1 }
const life = {
  ...SIGNER,
  label: 'a',
  place: 'b',
  custody: 'hsm',
  active: 1,
  retired: 9,
  successor: KID,
  transition: '{}',
} as const

const legs = REACHES.map((reach, at) => ({ server: `s.${at}`, reach, proxied: at % 2 === 1 }))

/** Documents by which keys follow others, the files about them, and what gateways say of their servers. */
export const TRANSITIONS: readonly Target[] = [
  {
    name: 'transition',
    format: 'json',
    codes: READ,
    seeds: [document],
    run: parses((bytes) => {
      const { transition } = parseTransition(bytes)
      must(transition.from.kid !== transition.to.kid, 'takes a key that follows itself')
    }),
  },
  {
    name: 'transition-payload',
    format: 'json',
    codes: READ,
    seeds: [encodeTransitionPayload(parts)],
    run: exact(parseTransitionPayload, encodeTransitionPayload),
  },
  {
    name: 'transition-record',
    format: 'cbor',
    codes: ['decode'],
    seeds: [encodeTransition(document)],
    run: exact(parseTransitionRecord, encodeTransition),
  },
  {
    name: 'transition-answer',
    format: 'cbor',
    codes: ['decode', 'peer-protocol'],
    seeds: (['accepted', 'pending', 'refused'] as const).map((status) =>
      encodeTransitionAnswer({ digest: HASH, status }),
    ),
    run: exact(parseTransitionAnswer, encodeTransitionAnswer),
  },
  {
    name: 'legs-record',
    format: 'cbor',
    codes: ['decode', 'peer-protocol'],
    seeds: [encodeLegs(legs), encodeLegs([])],
    run: exact(parseLegs, encodeLegs),
  },
  {
    name: 'key-ring-file',
    format: 'json',
    codes: READ,
    seeds: [encodeRing([{ ...small, from: 1, until: 9, revoked: 5 }, SIGNER])],
    run: parses((bytes) => {
      for (const window of parseRing(bytes).values()) {
        must(
          window.revoked === undefined || (window.until ?? Infinity) <= window.revoked,
          'trusts a key that was revoked',
        )
      }
    }),
  },
  {
    name: 'keys-file',
    format: 'json',
    codes: ['file-unreadable', 'decode'],
    seeds: [text(encodeKeys([life]))],
    run: parses((bytes) => {
      const lives = parseKeys(decodeUtf8(bytes), 'keys.json')
      must(parseKeys(encodeKeys(lives), 'keys.json').length === lives.length, 'loses a key when it is written again')
    }),
  },
  {
    name: 'transitions-file',
    format: 'json',
    codes: ['file-unreadable', 'decode'],
    seeds: [json({ v: 1, transitions: [{ ...pair, name: 'ada', received: 2 }] })],
    run: parses((bytes) => void parseRotations(decodeUtf8(bytes), 'transitions.json')),
  },
  {
    name: 'decisions-file',
    format: 'json',
    codes: ['file-unreadable', 'decode'],
    seeds: [json({ v: 1, decisions: [{ ...pair, decision: 'confirmed', by: 'operator', decided: 2, until: 3 }] })],
    run: parses((bytes) => {
      for (const one of parseDecisions(decodeUtf8(bytes), 'decisions.json')) {
        must(
          one.decision === 'refused' || one.until !== undefined,
          'takes a confirmation without an end of the old key',
        )
      }
    }),
  },
]

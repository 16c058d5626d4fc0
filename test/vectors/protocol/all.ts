import { chainStart } from '../../../src/evidence/chain.ts'
import { encodeBase64url } from '../../../src/crypto/encoding.ts'
import { encodeReady } from '../../../src/session/contexts/messages.ts'
import { encodeLegs } from '../../../src/session/legs/messages.ts'
import { encodeAlert } from '../../../src/session/handshake/messages.ts'
import { resumeExtension } from '../../../src/session/resume/offer.ts'
import { contextsVector, TIME } from './contexts.ts'
import { handshakeVector, SUITE_NAMES } from './handshake.ts'
import { hex } from './inputs.ts'
import { rekeyVector } from './rekey.ts'
import { transitionVector } from './transition.ts'

const LEGS = [
  { server: 'files', reach: 'pipe', proxied: false },
  { server: 'tickets', reach: 'tls-mlkem', proxied: true },
] as const

/** Everything of docs/vectors.json. The same in every run. */
export function protocolVectors(): object {
  const [suite, ...others] = SUITE_NAMES
  if (suite === undefined) throw new Error('unreachable')
  const first = handshakeVector({ label: 'first', suite })
  const { conn, resumption } = first.secrets
  const position = { count: 0, head: chainStart(encodeBase64url(conn), 's2c'), sent: 0, held: 0 }
  const secrets = [{ epoch: 0, secret: resumption }]
  const resumed = handshakeVector({
    label: 'second',
    suite,
    extension: (throughSF) => resumeExtension({ sid: conn, attempt: 1, ...position }, secrets, throughSF),
  })
  const answer = { ...position, head: chainStart(encodeBase64url(conn), 'c2s') }
  return {
    about:
      'Test vectors of countersign/1 (docs/PROTOCOL.md). Bytes are lower-case hex, text is text. Made by "npm run vectors".',
    handshake: first.json,
    contexts: contextsVector(first),
    rekey: rekeyVector(first, suite),
    transition: transitionVector(first.client),
    legs: { payloads: { Legs: hex(encodeLegs(LEGS)) } },
    resume: { handshake: resumed.json, ready: hex(encodeReady({ serverTime: TIME, sid: conn, resumed: answer })) },
    retry: {
      sameSuite: handshakeVector({ label: 'under load', suite, retry: true }).json,
      otherSuite: handshakeVector({ label: 'another suite', suite, offer: [...others, suite] }).json,
    },
    otherSuites: others.map((name) => handshakeVector({ label: 'first', suite: name }).json),
    alert: { code: 42, element: hex(encodeAlert(42, '').bytes) },
  }
}

/** As it is in the file. */
export function vectorsFile(): string {
  return `${JSON.stringify(protocolVectors(), undefined, 2)}\n`
}

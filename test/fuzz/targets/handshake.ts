import { concat } from '../../../src/crypto/encoding.ts'
import type { PeerIdentity } from '../../../src/session/api.ts'
import {
  type Element,
  ELEMENT,
  element,
  ElementReader,
  type ElementType,
} from '../../../src/session/handshake/elements.ts'
import { cleartextAlert } from '../../../src/session/handshake/flights.ts'
import * as messages from '../../../src/session/handshake/messages.ts'
import { exact, mustBeBytes, parses, type Target } from '../engine/target.ts'
import { HASH, PUBLIC_KEY, SIGNATURE, SMALL_PUBLIC_KEY } from './samples.ts'

const identity: Omit<PeerIdentity, 'kid'> = {
  algorithm: 'ML-DSA-87',
  publicKey: PUBLIC_KEY,
  name: 'editor',
  custody: 'hsm',
}
const other: Omit<PeerIdentity, 'kid'> = {
  algorithm: 'ML-DSA-65',
  publicKey: SMALL_PUBLIC_KEY,
  name: 'ü',
  custody: 'unknown',
}
const extensions = [
  { name: 'resume', critical: true, data: HASH },
  { name: 'x', critical: false, data: new Uint8Array(0) },
]
const nonce = HASH.subarray(0, 32)
const suites = ['MLKEM1024_P384_MLDSA87_AES256GCM_SHA384', 'MLKEM1024_X25519_MLDSA87_AES256GCM_SHA384', 'later']
const kem = new Uint8Array(1568)
const hello = { versions: [1], suites, nonce, kemKey: kem, share: new Uint8Array(97).fill(4), extensions: [] }
const x25519 = { ...hello, suites: suites.slice(1), share: nonce, extensions }
const answer = {
  version: 1,
  suite: 'MLKEM1024_X25519_MLDSA87_AES256GCM_SHA384',
  nonce,
  ciphertext: kem,
  share: nonce,
} as const

/** A parser takes the element, the fuzzer its body: elements have a target of their own. */
const bodied = (type: ElementType, body: Uint8Array): Element => ({ type, body, bytes: body })

/** Body of one element, in deterministic CBOR: what is accepted is what the encoder makes of it. */
function body<T>(
  name: string,
  type: ElementType,
  codes: Target['codes'],
  seeds: readonly Element[],
  parse: (element: Element) => T,
  encode: (value: T) => Element,
): Target {
  const run = exact(
    (bytes) => parse(bodied(type, bytes)),
    (value) => encode(value).body,
  )
  return { name, format: 'cbor', codes, seeds: seeds.map((seed) => seed.body), run }
}

const { CI, CV, EE, M1, M2, Retry, SF, SI, SV } = ELEMENT
const READ = ['decode', 'peer-protocol'] as const
const REFUSED = [...READ, 'session-refused'] as const

export const HANDSHAKE: readonly Target[] = [
  body(
    'm1',
    M1,
    READ,
    [hello, x25519, { ...x25519, cookie: HASH }].map(messages.encodeM1),
    messages.parseM1,
    messages.encodeM1,
  ),
  body(
    'retry',
    Retry,
    REFUSED,
    [{ suite: answer.suite, cookie: HASH }].map(messages.encodeRetry),
    messages.parseRetry,
    messages.encodeRetry,
  ),
  body('m2', M2, REFUSED, [messages.encodeM2(answer)], messages.parseM2, messages.encodeM2),
  body('ee', EE, [...READ, 'limit'], [[], extensions].map(messages.encodeEE), messages.parseEE, (ee) =>
    messages.encodeEE(ee.extensions),
  ),
  body('si', SI, REFUSED, [identity, other].map(messages.encodeSI), messages.parseSI, messages.encodeSI),
  body(
    'ci',
    CI,
    REFUSED,
    [messages.encodeCI(identity, []), messages.encodeCI(other, extensions)],
    messages.parseCI,
    (ci) => messages.encodeCI(ci.identity, ci.extensions),
  ),
  {
    name: 'cleartext-alert',
    format: 'bytes',
    codes: READ,
    seeds: [messages.encodeAlert(40, 'no').bytes, messages.encodeAlert(0, '').bytes, messages.encodeM2(answer).bytes],
    run: parses(cleartextAlert),
  },
  {
    name: 'server-flight',
    format: 'bytes',
    codes: [...REFUSED, 'limit'],
    seeds: [
      flight(messages.encodeEE(extensions), messages.encodeSI(identity), element(SV, SIGNATURE), element(SF, HASH)),
    ],
    run: flightOf([EE, SI, SV, SF], ([ee, si, sv, sf]) => {
      messages.parseEE(ee)
      messages.parseSignature(sv, messages.parseSI(si))
      messages.parseFinished(sf)
    }),
  },
  {
    name: 'client-flight',
    format: 'bytes',
    codes: REFUSED,
    seeds: [flight(messages.encodeCI(identity, extensions), element(CV, SIGNATURE), element(ELEMENT.CF, HASH))],
    run: flightOf([CI, CV, ELEMENT.CF], ([ci, cv, cf]) => {
      messages.parseSignature(cv, messages.parseCI(ci).identity)
      messages.parseFinished(cf)
    }),
  },
]

function flight(...elements: readonly Element[]): Uint8Array {
  return concat(...elements.map(({ bytes }) => bytes))
}

/** A whole flight as a session reads it: exactly these elements, which together are the bytes again. */
function flightOf<const T extends readonly ElementType[]>(
  types: T,
  read: (elements: { readonly [K in keyof T]: Element }) => void,
): Target['run'] {
  return (bytes) => {
    const reader = new ElementReader(bytes)
    const elements = types.map((type) => element(type, reader.take(type).body))
    reader.end()
    mustBeBytes(flight(...elements), bytes, 'reads elements that are not the bytes that came')
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- map keeps the length, which its type does not say
    read(elements as { readonly [K in keyof T]: Element })
  }
}

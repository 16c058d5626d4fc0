import { seal } from '../../../src/crypto/aead.ts'
import { concat, encodeUtf8, u32 } from '../../../src/crypto/encoding.ts'
import { hmacSha384, sha384 } from '../../../src/crypto/hash.ts'
import { DEFAULT_SUITES, SUITES, type SuiteName } from '../../../src/crypto/suite.ts'
import { signingInput } from '../../../src/evidence/signingInput.ts'
import { type Element, ELEMENT, element, hashOfHello, helloHash } from '../../../src/session/handshake/elements.ts'
import type { Extension } from '../../../src/session/handshake/extensions.ts'
import {
  type ApplicationSecrets,
  finishedMac,
  type HandshakeKeys,
  KeySchedule,
  type TrafficKeys,
} from '../../../src/session/handshake/keySchedule.ts'
import {
  encodeCI,
  encodeEE,
  encodeM1,
  encodeM2,
  encodeRetry,
  encodeSI,
} from '../../../src/session/handshake/messages.ts'
import { Transcript } from '../../../src/session/handshake/transcript.ts'
import { type FixedIdentity, fixed, fixedAgreement, fixedIdentity, hex } from './inputs.ts'

export interface HandshakeVector {
  /** What goes into docs/vectors.json. */
  readonly json: object
  readonly client: FixedIdentity
  readonly server: FixedIdentity
  readonly secrets: ApplicationSecrets
  /** th(CF) */
  readonly transcript: Uint8Array
}

export interface HandshakeOptions {
  readonly label: string
  readonly suite: SuiteName
  /** The offer. With another first suite, or `retry`, the gateway answers with Retry. */
  readonly offer?: readonly SuiteName[]
  readonly retry?: boolean
  /** Of CI. */
  readonly extension?: (throughSF: Uint8Array) => Extension
}

/** A whole handshake, from the parts that the product sends it with. */
export function handshakeVector({
  label,
  suite,
  offer = [suite],
  retry = false,
  extension,
}: HandshakeOptions): HandshakeVector {
  const [client, server] = ['client', 'gateway'].map((name) => fixedIdentity(name, SUITES[suite].signature))
  if (client === undefined || server === undefined) throw new Error('unreachable')
  const agreement = fixedAgreement(label, suite)
  const transcript = new Transcript()
  const hashes: Record<string, string> = {}
  const add = (name: string, added: Element): Uint8Array => {
    const hash = transcript.add(added)
    hashes[`th(${name})`] = hex(hash)
    return hash
  }

  const greeting = { versions: [1], suites: offer, nonce: fixed(`${label} client nonce`, 32), extensions: [] }
  const shares = { kemKey: agreement.kemKey, share: agreement.clientShare }
  const again =
    retry || offer[0] !== suite ? retryOf(label, suite, greeting, offer[0] === suite ? shares : undefined) : undefined
  if (again !== undefined) {
    add('hash of the first M1', helloHash(again.hash))
    add('Retry', again.retry)
  }
  const m1 = encodeM1({ ...greeting, ...shares, ...(again !== undefined && { cookie: again.cookie }) })
  add('M1', m1)
  const { ciphertext, serverShare } = agreement
  const m2 = encodeM2({ version: 1, suite, nonce: fixed(`${label} server nonce`, 32), ciphertext, share: serverShare })
  const throughM2 = add('M2', m2)

  const ss = concat(agreement.kemSecret, agreement.ecdhSecret)
  const shared = hex(ss)
  const schedule = new KeySchedule(ss)
  const hs = hex(Reflect.get(schedule, 'secret'))
  const keys = schedule.handshakeKeys(throughM2)

  const [ee, si] = [encodeEE([]), encodeSI(server)]
  add('EE', ee)
  const serverInput = inputOf('server', suite, add('SI', si), server)
  const sv = element(ELEMENT.SV, server.sign(serverInput))
  const sf = element(ELEMENT.SF, finishedMac(keys.server, add('SV', sv)))
  const throughSF = add('SF', sf)
  const serverFlight = sealed(keys.server, throughM2, [ee, si, sv, sf])

  const ci = encodeCI(client, extension === undefined ? [] : [extension(throughSF)])
  const clientInput = inputOf('client', suite, add('CI', ci), client)
  const cv = element(ELEMENT.CV, client.sign(clientInput))
  const cf = element(ELEMENT.CF, finishedMac(keys.client, add('CV', cv)))
  const throughCF = add('CF', cf)
  const clientFlight = sealed(keys.client, throughSF, [ci, cv, cf])
  const handshakeKeys = { client: keysOf(keys.client), server: keysOf(keys.server) }
  const secrets = schedule.applicationSecrets(throughCF)

  const json = {
    suite,
    inputs: {
      offer,
      clientSeed: hex(client.seed),
      serverSeed: hex(server.seed),
      ...Object.fromEntries(Object.entries(agreement.inputs).map(([name, bytes]) => [name, hex(bytes)])),
      clientNonce: hex(greeting.nonce),
      serverNonce: hex(fixed(`${label} server nonce`, 32)),
    },
    identities: { client: identityOf(client), server: identityOf(server) },
    ...(again !== undefined && { retry: again.json }),
    messages: {
      ClientHello: hex(m1.bytes),
      ServerHello: hex(concat(m2.bytes, serverFlight.bytes)),
      ClientAuth: hex(clientFlight.bytes),
    },
    elements: Object.fromEntries(
      Object.entries({ EE: ee, SI: si, SV: sv, SF: sf, CI: ci, CV: cv, CF: cf }).map(([name, { bytes }]) => [
        name,
        hex(bytes),
      ]),
    ),
    transcript: hashes,
    signingInputs: { SV: hex(serverInput), CV: hex(clientInput) },
    secrets: {
      ss_mlkem: hex(agreement.kemSecret),
      ss_ecdh: hex(agreement.ecdhSecret),
      ss: shared,
      hs,
      handshakeKeys,
      ms_0: hex(secrets.master),
      res: hex(secrets.resumption),
      applicationKeys: { client: keysOf(secrets.client), server: keysOf(secrets.server) },
    },
    conn: hex(secrets.conn),
  }
  return { json, client, server, secrets, transcript: throughCF }
}

export function keysOf(keys: TrafficKeys | HandshakeKeys): object {
  const { key, iv } = keys
  return { key: hex(key), iv: hex(iv), ...('finished' in keys && { finished: hex(keys.finished) }) }
}

/** The first ClientHello, which got Retry, and the cookie that a gateway with the key below makes for this address. */
function retryOf(
  label: string,
  suite: SuiteName,
  greeting: { versions: number[]; suites: readonly SuiteName[]; nonce: Uint8Array; extensions: never[] },
  same: { kemKey: Uint8Array; share: Uint8Array } | undefined,
) {
  const [preferred = suite] = greeting.suites
  const other = fixedAgreement(`${label} first`, preferred)
  const first = encodeM1({ ...greeting, ...(same ?? { kemKey: other.kemKey, share: other.clientShare }) })
  const hash = hashOfHello(first)
  const [key, address, slot] = [fixed('cookie key', 48), '192.0.2.7', u32(29_000_000)]
  const field = (bytes: Uint8Array): Uint8Array => concat(u32(bytes.length), bytes)
  const fields = concat(field(slot), field(hash), field(encodeUtf8(suite)))
  const mac = hmacSha384(key, field(encodeUtf8('cs1 cookie')), fields, field(encodeUtf8(address)))
  const cookie = concat(fields, field(mac))
  const retry = encodeRetry({ suite, cookie })
  const json = {
    cookieKey: hex(key),
    address,
    slot: hex(slot),
    firstClientHello: hex(first.bytes),
    hashOfFirstM1: hex(hash),
    cookie: hex(cookie),
    Retry: hex(retry.bytes),
  }
  return { hash, cookie, retry, json }
}

function identityOf({ kid, algorithm, publicKey, name, custody }: FixedIdentity): object {
  return { kid, algorithm, name, custody, publicKeyHash: hex(sha384(publicKey)) }
}

function inputOf(role: 'client' | 'server', suite: SuiteName, hash: Uint8Array, signer: FixedIdentity): Uint8Array {
  return signingInput({ kind: 'handshake', role, suite, hash }, signer).bytes
}

function sealed(keys: HandshakeKeys, before: Uint8Array, elements: readonly Element[]): Element {
  return element(ELEMENT.sealed, seal(keys.key, keys.iv, before, concat(...elements.map(({ bytes }) => bytes))))
}

export const SUITE_NAMES = DEFAULT_SUITES

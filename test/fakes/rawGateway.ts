import { randomBytes } from '../../src/crypto/random.ts'
import { encapsulateHybrid, isSuiteName, type SuiteName } from '../../src/crypto/suite.ts'
import { LIMITS } from '../../src/session/handshake/messages.ts'
import { type CborValue, encodeCbor } from '../../src/contracts/cbor.ts'
import { ELEMENT, type Element, element, onlyElement } from '../../src/session/handshake/elements.ts'
import { sealFlight } from '../../src/session/handshake/flights.ts'
import { finishedMac, KeySchedule } from '../../src/session/handshake/keySchedule.ts'
import { encodeM2, encodeSI, parseM1 } from '../../src/session/handshake/messages.ts'
import { Transcript } from '../../src/session/handshake/transcript.ts'
import type { SeedSigner } from './seedSigner.ts'

/** What a gateway says otherwise than it should. */
export interface Departure {
  /** What the transcript begins with, before the ClientHello that is answered. */
  readonly before?: Uint8Array
  readonly version?: number
  readonly extensions?: CborValue
  readonly limits?: CborValue
  /** Signs instead of the key that SI names. */
  readonly signer?: SeedSigner
  /** Flips a bit of the Finished MAC. */
  readonly finished?: boolean
}

/** ServerHello in answer to a ClientHello, by the holder of a real key: right in everything but the departure. */
export async function serverHello(frame: Uint8Array, self: SeedSigner, departure: Departure = {}): Promise<Element[]> {
  const m1 = onlyElement(frame, ELEMENT.M1)
  const { suites, kemKey, share } = parseM1(m1)
  const suite = known(suites[0])
  const encapsulated = await encapsulateHybrid(suite, kemKey, share)
  const { ciphertext } = encapsulated
  const transcript = new Transcript()
  const version = departure.version ?? 1
  const m2 = encodeM2({ version, suite, nonce: randomBytes(32), ciphertext, share: encapsulated.share })
  const { before = new Uint8Array(0) } = departure
  const throughM2 = transcript.add({ type: 0, body: before, bytes: before }, m1, m2)
  const { server } = new KeySchedule(encapsulated.secret).handshakeKeys(throughM2)
  const { extensions = [], limits = LIMITS } = departure
  const ee = element(ELEMENT.EE, encodeCbor({ limits, extensions }))
  const { algorithm, publicKey, custody } = self
  const si = encodeSI({ algorithm, publicKey, custody, name: 'gateway' })
  const signer = departure.signer ?? self
  const input = { kind: 'handshake', role: 'server', suite, hash: transcript.add(ee, si) } as const
  const sv = element(ELEMENT.SV, await signer.sign(input))
  const mac = finishedMac(server, transcript.add(sv))
  if (departure.finished === true) mac[0] = (mac[0] ?? 0) ^ 1
  return [m2, sealFlight(server, throughM2, [ee, si, sv, element(ELEMENT.SF, mac)])]
}

function known(name: string | undefined): SuiteName {
  if (!isSuiteName(name)) throw new Error('the client begins with a suite that does not exist')
  return name
}

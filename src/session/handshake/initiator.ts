import { randomBytes } from '../../crypto/random.ts'
import { generateHybridKey, type HybridKey, signatureMeets, type SuiteName } from '../../crypto/suite.ts'
import type { Clock } from '../../support/clock.ts'
import { CountersignError } from '../../support/errors.ts'
import { ALERT, SessionError } from '../alerts.ts'
import type { PeerIdentity } from '../api.ts'
import { MAX_FLIGHT, PROTOCOL_VERSION } from '../limits.ts'
import type { SessionIdentity, TrustPort } from '../ports.ts'
import type { Deadline } from './deadline.ts'
import { type Element, ELEMENT, element, ElementReader, hashOfHello, helloHash, onlyElement } from './elements.ts'
import type { Established } from './established.ts'
import { windowOf } from '../standing.ts'
import { LEGS_OFFER } from '../legs/messages.ts'
import { type Answered, OFFER, readAnswer } from '../transition/extension.ts'
import { checkAnswered, type Extension, isMentioned, LEGS } from './extensions.ts'
import { type Flights, openFlight, sealFlight } from './flights.ts'
import { displayName } from './identity.ts'
import { finishedMac, type HandshakeKeys, KeySchedule, wipeKeys } from './keySchedule.ts'
import {
  type ClientHello,
  encodeCI,
  encodeM1,
  NONCE_LENGTH,
  parseEE,
  parseM2,
  parseRetry,
  parseSI,
  type ServerHello,
} from './messages.ts'
import { checkProof } from './proof.ts'
import { HandshakeRecorder, helloParts, partsOf, retryParts } from './report.ts'
import { Transcript } from './transcript.ts'

export interface InitiatorOptions {
  readonly identity: SessionIdentity
  /** In order of preference; at least one. The key shares are for the first. */
  readonly suites: readonly SuiteName[]
  readonly trust: TrustPort
  readonly clock: Clock
  /** For a session whose connection was lost: makes the extension that names it. @param transcript th(SF), 48 bytes */
  readonly resume?: (transcript: Uint8Array) => Extension
  /** For the first suite of the offer, made already; it is this handshake's from here on. */
  readonly key?: HybridKey | undefined
}

/** Only suites that the own key may authenticate are offered, so that each is one that can succeed. */
export function offerOf({ suites, identity }: Pick<InitiatorOptions, 'suites' | 'identity'>): readonly SuiteName[] {
  return suites.filter((name) => signatureMeets(name, identity.signer.algorithm))
}

/** The same for all clients. */
const OFFERS = [OFFER, LEGS_OFFER]

/** A ClientHello but for its shares: what stays the same when it is said again. */
type Greeting = Omit<ClientHello, 'kemKey' | 'share'>

/** The client's handshake. One object is one handshake; whatever it throws, there is no session and no secret left. */
export class Initiator {
  private readonly options: InitiatorOptions
  private readonly flights: Flights
  private readonly deadline: Deadline
  private readonly transcript = new Transcript()
  private readonly recorder: HandshakeRecorder
  private readonly self: PeerIdentity
  private key: HybridKey | undefined
  private schedule: KeySchedule | undefined
  private keys: { readonly client: HandshakeKeys; readonly server: HandshakeKeys } | undefined

  constructor(options: InitiatorOptions, flights: Flights, deadline: Deadline) {
    this.options = options
    this.flights = flights
    this.deadline = deadline
    this.key = options.key
    this.recorder = new HandshakeRecorder(options.clock)
    const { kid, algorithm, publicKey, custody } = options.identity.signer
    this.self = { kid, algorithm, publicKey, custody, name: displayName(options.identity.name) }
  }

  /** @throws CountersignError: SessionError for violations, else what trust port, signer or carrier threw */
  async run(): Promise<Established> {
    try {
      const { suite, frame } = await this.sayHello()
      const { peer, answered, legs } = await this.openServerHello(suite, frame)
      // A person may be asked here. Until the answer the gateway knows nothing of who is calling.
      const acceptance = await this.deadline.excluding(() => this.options.trust.checkGateway(peer, answered.document))
      const established = await this.sendClientAuth(suite, peer)
      return { ...established, window: windowOf(acceptance), transitions: answered.understood, legs }
    } finally {
      this.key?.wipe()
      this.schedule?.wipe()
      if (this.keys !== undefined) [this.keys.client, this.keys.server].forEach(wipeKeys)
    }
  }

  /** Says hello, and once more if the gateway asks for it. Returns the suite of the shares, and what came that is no Retry. */
  private async sayHello(): Promise<{ readonly suite: SuiteName; readonly frame: Uint8Array }> {
    const offer = offerOf(this.options)
    const [first] = offer
    if (first === undefined) {
      throw new CountersignError(
        'algorithm-unsupported',
        'The identity key is too weak for every suite that is allowed.',
      )
    }
    const key = (this.key ??= await generateHybridKey(first))
    const hello = { versions: [PROTOCOL_VERSION], suites: offer, nonce: randomBytes(NONCE_LENGTH), extensions: OFFERS }
    const m1 = await this.sendClientHello(hello, key)
    const frame = await this.flights.receive(MAX_FLIGHT)
    if (frame[0] === ELEMENT.Retry) return await this.sayHelloAgain(hello, m1, onlyElement(frame, ELEMENT.Retry))
    this.transcript.add(m1)
    return { suite: first, frame }
  }

  /** Nothing of Retry is proven yet. That both transcripts hold it, and the hash of the first M1, is what SV and CV show. */
  private async sayHelloAgain(
    hello: Greeting,
    m1: Element,
    retry: Element,
  ): Promise<{ readonly suite: SuiteName; readonly frame: Uint8Array }> {
    const { suite, cookie } = parseRetry(retry)
    this.recorder.message('Retry', 'server', retry.bytes.length, retryParts(retry, cookie))
    if (!hello.suites.includes(suite)) {
      throw new SessionError(ALERT.noCommonSuite, 'The gateway asks for a suite that was not offered.')
    }
    let key = this.key
    if (key?.suite !== suite) {
      key?.wipe()
      key = this.key = await generateHybridKey(suite)
    }
    const again = await this.sendClientHello({ ...hello, cookie }, key)
    this.transcript.add(helloHash(hashOfHello(m1)), retry, again)
    // Another Retry is no ServerHello, and is refused as whatever else would be (alert 10).
    return { suite, frame: await this.flights.receive(MAX_FLIGHT) }
  }

  private async sendClientHello(greeting: Greeting, { kemKey, share }: HybridKey): Promise<Element> {
    const hello = { ...greeting, kemKey, share }
    const m1 = encodeM1(hello)
    const bytes = await this.flights.send(m1)
    this.recorder.message('ClientHello', 'client', bytes, helloParts(hello, bytes))
    return m1
  }

  private async openServerHello(
    suite: SuiteName,
    frame: Uint8Array,
  ): Promise<{ readonly peer: PeerIdentity; readonly answered: Answered; readonly legs: boolean }> {
    const at = this.recorder.elapsed()
    const message = new ElementReader(frame)
    const [m2, sealed] = [message.take(ELEMENT.M2), message.take(ELEMENT.sealed)]
    message.end()
    const hello = parseM2(m2)
    if (hello.version !== PROTOCOL_VERSION) throw new SessionError(ALERT.version, 'The gateway chose another version.')
    // The shares were for this suite. A gateway that wants another one has to say so with Retry, once.
    if (hello.suite !== suite) throw new SessionError(ALERT.noCommonSuite, 'The gateway chose a suite without shares.')
    const throughM2 = this.transcript.add(m2)
    const keys = await this.deriveKeys(hello, throughM2)

    const flight = new ElementReader(openFlight(keys.server, throughM2, sealed))
    const [ee, si] = [flight.take(ELEMENT.EE), flight.take(ELEMENT.SI)]
    const [sv, sf] = [flight.take(ELEMENT.SV), flight.take(ELEMENT.SF)]
    flight.end()
    const { extensions } = parseEE(ee)
    checkAnswered(extensions, OFFERS)
    const peer = parseSI(si)
    const signed = this.transcript.add(ee, si)
    const transcript = this.transcript.add(sv)
    const proof = { peer, ownKid: this.self.kid, signature: sv, signed, finished: sf, transcript, keys: keys.server }
    await this.recorder.step('verify', 'client', () => checkProof({ role: 'server', suite, ...proof }))
    this.transcript.add(sf)
    const parts = [
      { label: 'ML-KEM ciphertext', bytes: hello.ciphertext.length, sealed: false },
      { label: 'ECDH share', bytes: hello.share.length, sealed: false },
      ...partsOf(['limits', 'identity', 'signature', 'finished'], [ee, si, sv, sf], true),
    ]
    this.recorder.message('ServerHello', 'server', frame.length, parts, at)
    return { peer, answered: readAnswer(extensions, peer), legs: isMentioned(extensions, LEGS) }
  }

  private async deriveKeys(
    hello: ServerHello,
    throughM2: Uint8Array,
  ): Promise<{ client: HandshakeKeys; server: HandshakeKeys }> {
    const key = this.key
    if (key === undefined) throw new SessionError(ALERT.internal, 'The handshake has no key.')
    this.schedule = new KeySchedule(await key.combine(hello.ciphertext, hello.share))
    this.keys = this.schedule.handshakeKeys(throughM2)
    return this.keys
  }

  private async sendClientAuth(
    suite: SuiteName,
    peer: PeerIdentity,
  ): Promise<Omit<Established, 'window' | 'transitions' | 'legs'>> {
    const { schedule, keys, deadline } = this
    if (schedule === undefined || keys === undefined)
      throw new SessionError(ALERT.internal, 'The handshake has no keys.')
    const before = this.transcript.current()
    const { resume } = this.options
    const ci = encodeCI(this.self, resume === undefined ? [] : [resume(before)])
    const input = { kind: 'handshake', role: 'client', suite, hash: this.transcript.add(ci) } as const
    const signature = await this.recorder.step('sign', 'client', () =>
      this.options.identity.batches.sign(input, deadline.signal),
    )
    const cv = element(ELEMENT.CV, signature)
    const cf = element(ELEMENT.CF, finishedMac(keys.client, this.transcript.add(cv)))
    const transcript = this.transcript.add(cf)
    const bytes = await this.flights.send(sealFlight(keys.client, before, [ci, cv, cf]))
    const parts = partsOf(['identity', 'signature', 'finished'], [ci, cv, cf], true)
    this.recorder.message('ClientAuth', 'client', bytes, parts)
    // Now and not before: the gateway is busy with the signature anyway.
    const secrets = schedule.applicationSecrets(transcript)
    return { suite, self: this.self, peer, secrets, transcript, recorder: this.recorder }
  }
}

import { constantTimeEqual } from '../../crypto/hash.ts'
import { randomBytes } from '../../crypto/random.ts'
import { encapsulateHybrid, isSuiteName, signatureMeets, type SuiteName } from '../../crypto/suite.ts'
import type { Clock } from '../../support/clock.ts'
import { ALERT, SessionError } from '../alerts.ts'
import type { PeerIdentity } from '../api.ts'
import { MAX_FLIGHT, MAX_HELLO, PROTOCOL_VERSION } from '../limits.ts'
import type { ClientPort, SessionIdentity } from '../ports.ts'
import type { Admission } from './admission.ts'
import { Cookies } from './cookie.ts'
import type { Deadline } from './deadline.ts'
import { type Element, ELEMENT, element, ElementReader, hashOfHello, helloHash, onlyElement } from './elements.ts'
import type { Established } from './established.ts'
import { windowOf } from '../standing.ts'
import { LEGS_OFFER } from '../legs/messages.ts'
import { answer, isOffered } from '../transition/extension.ts'
import { checkOffered, type Extension, isMentioned, LEGS, TRANSITION } from './extensions.ts'
import { type Flights, openFlight, sealFlight } from './flights.ts'
import { displayName } from './identity.ts'
import { finishedMac, type HandshakeKeys, KeySchedule, wipeKeys } from './keySchedule.ts'
import {
  checkShares,
  type ClientHello,
  encodeEE,
  encodeM1,
  encodeM2,
  encodeRetry,
  encodeSI,
  NONCE_LENGTH,
  parseCI,
  parseM1,
} from './messages.ts'
import { parseResume, RESUME } from '../resume/offer.ts'
import { checkProof } from './proof.ts'
import { HandshakeRecorder, helloParts, partsOf, retryParts } from './report.ts'
import { Transcript } from './transcript.ts'

export interface ResponderOptions {
  readonly identity: SessionIdentity
  /** What this gateway allows. */
  readonly suites: readonly SuiteName[]
  readonly clients: ClientPort
  readonly where: { readonly address: string; readonly loopback: boolean }
  readonly clock: Clock
  /** The document by which this gateway's key follows another one, exact bytes: shown to clients that understand it. */
  readonly transition?: Uint8Array | undefined
  /** Whether this gateway tells its clients how it reaches its servers. */
  readonly legs?: boolean
  /**
   * The limits of the gateway. Left out where only whoever started this process can be on the other end (stdio): then
   * nobody waits, and Retry names another suite or is not sent.
   */
  readonly admission?: Admission | undefined
}

interface Said {
  readonly m1: Element
  readonly hello: ClientHello
}

interface Agreed {
  readonly suite: SuiteName
  readonly keys: { readonly client: HandshakeKeys; readonly server: HandshakeKeys }
}

interface ClientProof extends Pick<Established, 'resume'> {
  readonly peer: PeerIdentity
  /** th(CF) */
  readonly transcript: Uint8Array
}

/** The gateway's handshake. One object is one handshake; whatever it throws, there is no session and no secret left. */
export class Responder {
  private readonly options: ResponderOptions
  private readonly flights: Flights
  private readonly deadline: Deadline
  private readonly transcript = new Transcript()
  private readonly recorder: HandshakeRecorder
  private readonly cookies: Cookies
  private readonly self: PeerIdentity
  private schedule: KeySchedule | undefined
  private agreed: Agreed | undefined

  constructor(options: ResponderOptions, flights: Flights, deadline: Deadline) {
    this.options = options
    this.flights = flights
    this.deadline = deadline
    this.recorder = new HandshakeRecorder(options.clock)
    this.cookies = options.admission?.cookies ?? new Cookies(options.clock)
    const { kid, algorithm, publicKey, custody } = options.identity.signer
    this.self = { kid, algorithm, publicKey, custody, name: displayName(options.identity.name) }
  }

  /** @throws CountersignError: SessionError for violations, else what client port, signer or carrier threw */
  async run(): Promise<Established> {
    try {
      const { hello, suite } = await this.admit()
      const agreed = await this.sendServerHello(hello, suite)
      const { peer, transcript, resume } = await this.receiveClientAuth(agreed)
      // Only now: an enrolment before the proof would let anybody write any key into the list.
      const acceptance = await this.options.clients.checkClient(peer, this.options.where)
      const established = this.establish(agreed.suite, peer, transcript)
      const terms = {
        window: windowOf(acceptance),
        transitions: isOffered(hello.extensions),
        legs: this.tellsLegs(hello),
      }
      return { ...established, ...terms, ...(resume !== undefined && { resume }) }
    } finally {
      this.schedule?.wipe()
      if (this.agreed !== undefined) [this.agreed.keys.client, this.agreed.keys.server].forEach(wipeKeys)
    }
  }

  /** Ends with a ClientHello that may cost a key encapsulation and a signature, and with the suite of its shares. */
  private async admit(): Promise<{ readonly hello: ClientHello; readonly suite: SuiteName }> {
    const { admission, where } = this.options
    const said = await this.receiveClientHello()
    const { hello, m1 } = said
    if (hello.cookie !== undefined) return await this.admitWithCookie(said)
    const suite = this.chooseSuite(hello.suites)
    if (suite === hello.suites[0] && admission?.tryTurn(where.address) !== false) {
      this.transcript.add(m1)
      return { hello, suite }
    }
    const cookie = this.cookies.issue({ hello: hashOfHello(m1), suite }, where.address)
    const retry = encodeRetry({ suite, cookie })
    const bytes = await this.flights.send(retry)
    this.recorder.message('Retry', 'server', bytes, retryParts(retry, cookie))
    return await this.admitWithCookie(await this.receiveClientHello())
  }

  /** Everything about the first ClientHello is taken from the cookie, also where this connection has seen it. */
  private async admitWithCookie({ m1, hello }: Said): Promise<{ hello: ClientHello; suite: SuiteName }> {
    const { cookie, ...first } = hello
    if (cookie === undefined) throw new SessionError(ALERT.cookieRequired, 'A ClientHello came without its cookie.')
    const { admission, where } = this.options
    const remembered = this.cookies.open(cookie, where.address)
    // Chosen from the offer again. To take the suite that the shares are for would let somebody on the way choose it.
    const suite = this.chooseSuite(hello.suites)
    if (suite !== remembered.suite) {
      throw new SessionError(ALERT.noCommonSuite, 'The client was asked for another suite than its offer gives now.')
    }
    checkShares(hello, suite)
    // Where the shares stay, nothing changes but the cookie. Where they do not, only the transcript can show the rest.
    if (suite === hello.suites[0] && !constantTimeEqual(hashOfHello(encodeM1(first)), remembered.hello)) {
      throw new SessionError(ALERT.cookieRequired, 'A ClientHello came with the cookie of another one.')
    }
    this.transcript.add(helloHash(remembered.hello), encodeRetry({ suite, cookie }), m1)
    await admission?.turn(where.address, this.deadline.signal)
    return { hello, suite }
  }

  private async receiveClientHello(): Promise<Said> {
    const frame = await this.flights.receive(MAX_HELLO)
    const m1 = onlyElement(frame, ELEMENT.M1)
    const hello = parseM1(m1)
    if (!hello.versions.includes(PROTOCOL_VERSION)) {
      throw new SessionError(ALERT.version, 'The client does not speak this version of the protocol.')
    }
    checkOffered(hello.extensions, [TRANSITION, LEGS])
    isOffered(hello.extensions)
    this.recorder.message('ClientHello', 'client', frame.length, helloParts(hello, frame.length))
    return { m1, hello }
  }

  /** The client's order decides. @throws SessionError alert 40 */
  private chooseSuite(offer: readonly string[]): SuiteName {
    const { suites } = this.options
    const allowed = (name: string): name is SuiteName => isSuiteName(name) && suites.includes(name)
    const suite = offer.filter(allowed).find((name) => signatureMeets(name, this.self.algorithm))
    if (suite === undefined)
      throw new SessionError(ALERT.noCommonSuite, 'The client offers no suite that is allowed here.')
    return suite
  }

  private async sendServerHello(hello: ClientHello, suite: SuiteName): Promise<Agreed> {
    const { ciphertext, share, secret } = await this.recorder.step('encapsulate', 'server', () =>
      encapsulateHybrid(suite, hello.kemKey, hello.share),
    )
    const m2 = encodeM2({ version: PROTOCOL_VERSION, suite, nonce: randomBytes(NONCE_LENGTH), ciphertext, share })
    const throughM2 = this.transcript.add(m2)
    this.schedule = new KeySchedule(secret)
    const keys = this.schedule.handshakeKeys(throughM2)
    this.agreed = { suite, keys }

    const [ee, si] = [encodeEE(this.answers(hello)), encodeSI(this.self)]
    const input = { kind: 'handshake', role: 'server', suite, hash: this.transcript.add(ee, si) } as const
    const { batches } = this.options.identity
    const signature = await this.recorder.step('sign', 'server', () => batches.sign(input, this.deadline.signal))
    const sv = element(ELEMENT.SV, signature)
    const sf = element(ELEMENT.SF, finishedMac(keys.server, this.transcript.add(sv)))
    this.transcript.add(sf)
    const bytes = await this.flights.send(m2, sealFlight(keys.server, throughM2, [ee, si, sv, sf]))
    this.recorder.message('ServerHello', 'server', bytes, [
      { label: 'ML-KEM ciphertext', bytes: ciphertext.length, sealed: false },
      { label: 'ECDH share', bytes: share.length, sealed: false },
      ...partsOf(['limits', 'identity', 'signature', 'finished'], [ee, si, sv, sf], true),
    ])
    return this.agreed
  }

  private answers(hello: ClientHello): Extension[] {
    const transition = isOffered(hello.extensions) ? [answer(this.options.transition)] : []
    return this.tellsLegs(hello) ? [...transition, LEGS_OFFER] : transition
  }

  private tellsLegs({ extensions }: ClientHello): boolean {
    return isMentioned(extensions, LEGS) && this.options.legs === true
  }

  private async receiveClientAuth({ suite, keys }: Agreed): Promise<ClientProof> {
    const before = this.transcript.current()
    const frame = await this.flights.receive(MAX_FLIGHT)
    const at = this.recorder.elapsed()
    const sealed = onlyElement(frame, ELEMENT.sealed)
    const flight = new ElementReader(openFlight(keys.client, before, sealed))
    const [ci, cv, cf] = [flight.take(ELEMENT.CI), flight.take(ELEMENT.CV), flight.take(ELEMENT.CF)]
    flight.end()
    const { identity: peer, extensions } = parseCI(ci)
    checkOffered(extensions, [RESUME])
    const offer = parseResume(extensions)
    const signed = this.transcript.add(ci)
    const transcript = this.transcript.add(cv)
    const proof = { peer, ownKid: this.self.kid, signature: cv, signed, finished: cf, transcript, keys: keys.client }
    await this.recorder.step('verify', 'server', () => checkProof({ role: 'client', suite, ...proof }))
    const parts = partsOf(['identity', 'signature', 'finished'], [ci, cv, cf], true)
    this.recorder.message('ClientAuth', 'client', frame.length, parts, at)
    return {
      peer,
      transcript: this.transcript.add(cf),
      ...(offer !== undefined && { resume: { offer, transcript: before } }),
    }
  }

  private establish(
    suite: SuiteName,
    peer: PeerIdentity,
    transcript: Uint8Array,
  ): Omit<Established, 'window' | 'transitions' | 'legs'> {
    if (this.schedule === undefined) throw new SessionError(ALERT.internal, 'The handshake has no keys.')
    const secrets = this.schedule.applicationSecrets(transcript)
    return { suite, self: this.self, peer, secrets, transcript, recorder: this.recorder }
  }
}

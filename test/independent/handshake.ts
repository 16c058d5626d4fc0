// PROTOCOL.md, "Carriers and frames" and "Handshake": from a socket to application secrets.
import { randomBytes } from 'node:crypto'
import { WebSocket } from 'ws'
import { asBytes, asList, asMap, asNumber, asText, type Cbor, decode, encode, must, Told } from './cbor.ts'
import * as P from './primitives.ts'

const NOTHING = Buffer.alloc(0)

export interface Identity {
  readonly alg: P.Algorithm
  readonly pub: Uint8Array
  readonly kid: string
  /** The CBOR map, as it is in SI or CI. */
  readonly bytes: Buffer
}

/** Our own key, in memory: nothing is signed here that is worth more than a test. */
export class OwnKey implements Identity {
  readonly alg: P.Algorithm
  readonly pub: Uint8Array
  readonly kid: string
  readonly map: Cbor
  readonly bytes: Buffer
  private readonly key: Uint8Array

  constructor(alg: P.Algorithm = 'ML-DSA-87') {
    const { publicKey, secretKey } = P.newKey(alg)
    this.alg = alg
    this.pub = publicKey
    this.key = secretKey
    this.kid = P.kidOf(alg, publicKey)
    this.map = { alg, pub: publicKey, name: 'a stranger', custody: 'software' }
    this.bytes = encode(this.map)
  }

  sign(text: Uint8Array): Uint8Array {
    return P.sign(this.alg, this.key, text)
  }
}

/** "WebSocket: subprotocol countersign.v1, one binary message a frame, no permessage-deflate." */
export class Frames {
  private readonly socket: WebSocket
  private readonly waiting: Buffer[] = []
  private over = false
  private wake = (): void => {}

  private constructor(socket: WebSocket) {
    this.socket = socket
    socket.on('message', (data: Buffer, binary) => {
      if (binary) this.waiting.push(data)
      else socket.terminate()
      this.wake()
    })
    socket.on('error', () => socket.terminate())
    socket.on('close', () => {
      this.over = true
      this.wake()
    })
  }

  static async open(url: string): Promise<Frames> {
    const options = { perMessageDeflate: false, maxPayload: 262_161, followRedirects: false }
    const socket = new WebSocket(url, 'countersign.v1', options)
    const frames = new Frames(socket)
    await new Promise((resolve, reject) => socket.once('open', resolve).once('error', reject))
    return frames
  }

  send(frame: Uint8Array): void {
    this.socket.send(frame)
  }

  /** The next frame, or undefined when the connection ended. */
  async next(): Promise<Buffer | undefined> {
    while (this.waiting.length === 0 && !this.over) await new Promise<void>((resolve) => (this.wake = resolve))
    return this.waiting.shift()
  }

  close(): void {
    this.socket.close()
  }

  /** As if the network broke: no close frame, nothing that was still in flight arrives. */
  cut(): void {
    this.waiting.length = 0
    this.socket.terminate()
  }
}

/** "An element is type u8 ‖ length u32 ‖ bytes." */
const element = (type: number, bytes: Uint8Array): Buffer =>
  Buffer.concat([Buffer.of(type), P.uint(32, bytes.length), bytes])

/** A flight of exactly these elements: their contents, and each with its five bytes. */
function split(flight: Buffer, types: readonly number[]): { readonly content: Buffer; readonly whole: Buffer }[] {
  const parts: { readonly content: Buffer; readonly whole: Buffer }[] = []
  let at = 0
  for (const type of types) {
    must(at + 5 <= flight.length, 21, 'a flight is cut')
    const end = at + 5 + flight.readUInt32BE(at + 1)
    must(end <= flight.length, 21, 'an element is cut')
    must(flight[at] === type, 10, `element ${flight[at]} where ${type} belongs`)
    parts.push({ content: flight.subarray(at + 5, end), whole: flight.subarray(at, end) })
    at = end
  }
  must(at === flight.length, 21, 'bytes left over')
  return parts
}

/** What the other end says instead of going on: a cleartext alert element. */
export function throwAlert(frame: Buffer): void {
  if (frame[0] !== 0x0f) return
  const [code, text] = asList(decode(frame.subarray(5)), 2)
  throw new Told(asNumber(code), asText(text))
}

async function flightOf(frames: Frames): Promise<Buffer> {
  const frame = await frames.next()
  if (frame === undefined) throw new Error('the connection ended in the handshake')
  throwAlert(frame)
  must(frame.length <= 65_536, 22, 'a long flight')
  return frame
}

/** What the handshake leaves: secrets of epoch 0, and what names the connection. */
export interface Established {
  readonly suite: P.Suite
  readonly gateway: Identity
  readonly conn: Buffer
  readonly retried: boolean
  /** Both ends have the extension `legs`. */
  readonly legs: boolean
  /** th(CF): th_0 of a rekey. */
  readonly th: Buffer
  readonly ms: Buffer
  readonly c_ap: Buffer
  readonly s_ap: Buffer
  readonly res: Buffer
}

export interface HandshakeOptions {
  readonly suites: readonly P.Suite[]
  /** The kid of the gateway: an explicit pin. */
  readonly pin: string
  /** Offer the extension `legs`. */
  readonly legs?: boolean | undefined
  /** Data of the extension `resume`, made with th(SF) of this handshake. */
  readonly resume?: ((thSF: Buffer) => Cbor) | undefined
  /** What a hostile client would say otherwise: members that replace those of M1, and another CI. */
  readonly m1?: { readonly [name: string]: Cbor }
  readonly ci?: (bytes: Buffer) => Buffer
}

export async function handshake(frames: Frames, own: OwnKey, options: HandshakeOptions): Promise<Established> {
  const elements: Buffer[] = []
  const th = (): Buffer => P.H(...elements)
  let [suite] = options.suites
  must(suite !== undefined && options.suites.every((offered) => P.meets(offered, own.alg)), 40, 'suites of our key')

  // ClientHello
  let shares = P.freshShares(suite)
  const offered: Cbor[] = options.legs === true ? [['legs', false, NOTHING]] : []
  const offer = { versions: [1], suites: options.suites, nonce: randomBytes(32), extensions: offered }
  const hello = (more: { readonly [name: string]: Cbor }): Buffer =>
    element(0x01, encode({ ...offer, kem: shares.kem, share: shares.share, ...more, ...options.m1 }))
  let m1 = hello({})
  frames.send(m1)
  let answer = await flightOf(frames)

  // "Retry": once, and the transcript then begins with the hash of the first M1.
  const retried = answer[0] === 0x0a
  if (retried) {
    const [retry] = split(answer, [0x0a])
    const { suite: named, cookie } = asMap(decode(retry?.content ?? NOTHING), ['suite', 'cookie'])
    const taken = options.suites.find((offered) => offered === named)
    must(taken !== undefined, 40, 'a suite that was not offered')
    must(asBytes(cookie).length > 0 && asBytes(cookie).length <= 512, 21, 'length of a cookie')
    elements.push(element(0xfe, P.H(m1)), retry?.whole ?? NOTHING)
    if (taken !== suite) shares = P.freshShares(taken)
    suite = taken
    m1 = hello({ cookie: asBytes(cookie) })
    frames.send(m1)
    answer = await flightOf(frames)
  }
  elements.push(m1)

  // ServerHello
  const [plain, sealed] = split(answer, [0x02, 0x0b])
  const m2 = asMap(decode(plain?.content ?? NOTHING), ['version', 'suite', 'nonce', 'kem', 'share'])
  must(m2['version'] === 1, 70, 'version')
  must(m2['suite'] === suite, 40, 'another suite')
  asBytes(m2['nonce'], 32)
  const ss = shares.secret(asBytes(m2['kem']), asBytes(m2['share']))
  elements.push(plain?.whole ?? NOTHING)

  // "Key schedule"
  const early = P.extract(P.ZERO, P.ZERO)
  const hs = P.extract(P.expandLabel(early, 'derived', P.H(NOTHING), 48), ss)
  const client = P.trafficKeys(P.expandLabel(hs, 'c hs', th(), 48))
  const server = P.trafficKeys(P.expandLabel(hs, 's hs', th(), 48))
  const ms = P.extract(P.expandLabel(hs, 'derived', P.H(NOTHING), 48), P.ZERO)

  const flight = P.aeadOpen(server.key, server.iv, th(), sealed?.content ?? NOTHING)
  const [ee, si, sv, sf] = split(flight, [0x03, 0x04, 0x05, 0x06])
  const { limits, extensions } = asMap(decode(ee?.content ?? NOTHING), ['limits', 'extensions'])
  const legs = asList(extensions).length > 0
  // With nothing else offered, the answer can only be the offer itself: not critical, without data.
  must(!legs || encode(extensions ?? null).equals(encode(offered)), 43, 'an extension that M1 did not offer')
  const LIMITS = { record: 262_144, fragment: 196_608, context: 16_777_216, exchange: 1_048_576, session: 67_108_864 }
  must(encode(limits ?? null).equals(encode(LIMITS)), 115, 'other limits')
  const gateway = identityOf(si?.content ?? NOTHING)

  // In this order: kid, suite, SV, SF; then the pin.
  must(gateway.kid !== own.kid, 42, 'our own key')
  must(P.meets(suite, gateway.alg), 42, 'a key too weak for the suite')
  elements.push(ee?.whole ?? NOTHING, si?.whole ?? NOTHING)
  const signed = P.signingInput('countersign/1 server CertificateVerify', suite, th())
  P.verified(gateway.alg, gateway.pub, signed, sv?.content ?? NOTHING, 'SV')
  elements.push(sv?.whole ?? NOTHING)
  must(P.mac(server.finished, th()).equals(sf?.content ?? NOTHING), 51, 'SF')
  must(gateway.kid === options.pin, 42, 'not the pinned key')
  elements.push(sf?.whole ?? NOTHING)

  // ClientAuth
  const thSF = th()
  const asked: Cbor = options.resume === undefined ? [] : [['resume', true, encode(options.resume(thSF))]]
  const ci = (pad: number): Buffer => encode({ identity: own.map, extensions: asked, pad: Buffer.alloc(pad) })
  // The header of a byte string of 256 to 65535 bytes is always three bytes: what is missing to 8192 is pad.
  const padded = ci(4096 + 8192 - ci(4096).length)
  elements.push(element(0x07, options.ci?.(padded) ?? padded))
  const cv = own.sign(P.signingInput('countersign/1 client CertificateVerify', suite, th()))
  elements.push(element(0x08, cv))
  elements.push(element(0x09, P.mac(client.finished, th())))
  frames.send(element(0x0b, P.aeadSeal(client.key, client.iv, thSF, Buffer.concat(elements.slice(-3)))))

  const secret = (label: string): Buffer => P.expandLabel(ms, label, th(), 48)
  const conn = P.H(Buffer.from('cs1 conn'), th())
  const secrets = { ms, c_ap: secret('c ap'), s_ap: secret('s ap'), res: secret('res') }
  return { suite, gateway, conn, retried, legs, th: th(), ...secrets }
}

function identityOf(bytes: Buffer): Identity {
  const map = asMap(decode(bytes), ['alg', 'pub', 'name', 'custody'])
  const alg = P.algorithm(asText(map['alg']))
  const pub = asBytes(map['pub'])
  must(/^[^\p{Cc}\p{Cf}\p{Zl}\p{Zp}]{1,128}$/u.test(asText(map['name'])), 21, 'name')
  must(['hsm', 'software', 'unknown'].includes(asText(map['custody'])), 21, 'custody')
  return { alg, pub, kid: P.kidOf(alg, pub), bytes }
}

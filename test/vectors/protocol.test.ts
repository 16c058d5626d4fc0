import { createDecipheriv, createHash, createHmac } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { ml_dsa65, ml_dsa87 } from '@noble/post-quantum/ml-dsa.js'
import { ml_kem768, ml_kem1024 } from '@noble/post-quantum/ml-kem.js'
import { describe, expect, it } from 'vitest'
import { vectorsFile } from './protocol/all.ts'

/**
 * docs/vectors.json is what the product sends (the generator uses its encoders and its key schedule), and it is what
 * docs/PROTOCOL.md says: here all of it is computed once more with nothing but node:crypto and noble.
 */
const file = readFileSync(new URL('../../docs/vectors.json', import.meta.url), 'utf8')

/** A member of the file, by its path. */
class Node {
  private readonly value: unknown
  constructor(value: unknown) {
    this.value = value
  }
  at(...path: (string | number)[]): Node {
    let value = this.value
    for (const name of path) {
      if (typeof value !== 'object' || value === null) throw new Error(`no member ${path.join('.')}`)
      value = Reflect.get(value, name)
    }
    return new Node(value)
  }
  get there(): boolean {
    return this.value !== undefined
  }
  get text(): string {
    if (typeof this.value !== 'string') throw new Error('not a text')
    return this.value
  }
  get bytes(): Buffer {
    return Buffer.from(this.text, 'hex')
  }
  get list(): Node[] {
    if (!Array.isArray(this.value)) throw new Error('not a list')
    return this.value.map((item) => new Node(item))
  }
}

const vectors = new Node(JSON.parse(file))
const H = (...parts: Uint8Array[]): Buffer => createHash('sha384').update(Buffer.concat(parts)).digest()
const hmac = (key: Uint8Array, ...parts: Uint8Array[]): Buffer =>
  createHmac('sha384', key).update(Buffer.concat(parts)).digest()
const u16 = (value: number): Buffer => Buffer.from([value >> 8, value & 255])
const u32 = (value: number): Buffer => Buffer.from([value >>> 24, (value >> 16) & 255, (value >> 8) & 255, value & 255])
const lp = (bytes: Uint8Array): Buffer => Buffer.concat([u32(bytes.length), bytes])
const utf8 = (text: string): Buffer => Buffer.from(text, 'utf8')
const ZERO = Buffer.alloc(48)

function expandLabel(secret: Uint8Array, label: string, context: Uint8Array, length = 48): Buffer {
  const name = utf8(`cs1 ${label}`)
  const info = Buffer.concat([u16(length), Buffer.from([name.length]), name, Buffer.from([context.length]), context])
  return hmac(secret, info, Buffer.from([1])).subarray(0, length)
}

function checkKeys(secret: Buffer, keys: Node): void {
  expect(keys.at('key').bytes).toEqual(expandLabel(secret, 'key', Buffer.alloc(0), 32))
  expect(keys.at('iv').bytes).toEqual(expandLabel(secret, 'iv', Buffer.alloc(0), 12))
}

function unseal(keys: Node, nonce: Buffer, aad: Buffer, sealed: Buffer): Buffer {
  const decipher = createDecipheriv('aes-256-gcm', keys.at('key').bytes, nonce)
  decipher.setAAD(aad)
  decipher.setAuthTag(sealed.subarray(-16))
  return Buffer.concat([decipher.update(sealed.subarray(0, -16)), decipher.final()])
}

/** th through one element after the other. */
function hashes(elements: readonly Buffer[]): Buffer[] {
  return elements.map((_, index) => H(...elements.slice(0, index + 1)))
}

function checkHandshake(vector: Node): void {
  const [kem, dsa] = vector.at('suite').text.includes('MLKEM1024') ? [ml_kem1024, ml_dsa87] : [ml_kem768, ml_dsa65]
  const [hello, reply, auth] = ['ClientHello', 'ServerHello', 'ClientAuth'].map(
    (name) => vector.at('messages', name).bytes,
  )
  if (hello === undefined || reply === undefined || auth === undefined) throw new Error('a message is missing')
  const m2 = reply.subarray(0, 5 + reply.readUInt32BE(1))
  const element = (name: string): Buffer => vector.at('elements', name).bytes
  const names = ['EE', 'SI', 'SV', 'SF', 'CI', 'CV', 'CF']
  const retry = vector.at('retry')
  const before = retry.there
    ? [Buffer.concat([Buffer.from([0xfe]), lp(H(retry.at('firstClientHello').bytes))]), retry.at('Retry').bytes]
    : []
  const all = [...before, hello, m2, ...names.map(element)]
  const th = hashes(all).slice(before.length)
  const thOf = (name: string): Buffer => th[['M1', 'M2', ...names].indexOf(name)] ?? ZERO
  for (const name of ['M1', 'M2', ...names]) expect(vector.at('transcript', `th(${name})`).bytes).toEqual(thOf(name))

  // Secrets.
  const { secretKey, publicKey } = kem.keygen(vector.at('inputs', 'kemSeed').bytes)
  expect(hello.includes(Buffer.from(publicKey))).toBe(true)
  const { cipherText, sharedSecret } = kem.encapsulate(publicKey, vector.at('inputs', 'kemMessage').bytes)
  expect(m2.includes(Buffer.from(cipherText))).toBe(true)
  expect(Buffer.from(kem.decapsulate(cipherText, secretKey))).toEqual(vector.at('secrets', 'ss_mlkem').bytes)
  expect(Buffer.from(sharedSecret)).toEqual(vector.at('secrets', 'ss_mlkem').bytes)
  const ss = Buffer.concat([vector.at('secrets', 'ss_mlkem').bytes, vector.at('secrets', 'ss_ecdh').bytes])
  expect(vector.at('secrets', 'ss').bytes).toEqual(ss)
  const hs = hmac(expandLabel(hmac(ZERO, ZERO), 'derived', H()), ss)
  expect(vector.at('secrets', 'hs').bytes).toEqual(hs)
  const ms = hmac(expandLabel(hs, 'derived', H()), ZERO)
  expect(vector.at('secrets', 'ms_0').bytes).toEqual(ms)
  expect(vector.at('secrets', 'res').bytes).toEqual(expandLabel(ms, 'res', thOf('CF')))
  expect(vector.at('conn').bytes).toEqual(H(utf8('cs1 conn'), thOf('CF')))
  for (const [role, label] of [
    ['client', 'c'],
    ['server', 's'],
  ] as const) {
    const secret = expandLabel(hs, `${label} hs`, thOf('M2'))
    const keys = vector.at('secrets', 'handshakeKeys', role)
    checkKeys(secret, keys)
    expect(keys.at('finished').bytes).toEqual(expandLabel(secret, 'finished', Buffer.alloc(0)))
    checkKeys(expandLabel(ms, `${label} ap`, thOf('CF')), vector.at('secrets', 'applicationKeys', role))
    // Flights.
    const [frame, aad, parts] =
      role === 'server'
        ? [reply.subarray(m2.length), thOf('M2'), names.slice(0, 4)]
        : [auth, thOf('SF'), names.slice(4)]
    expect(frame[0]).toBe(0x0b)
    expect(unseal(keys, keys.at('iv').bytes, aad, frame.subarray(5))).toEqual(Buffer.concat(parts.map(element)))
    // Proofs.
    const [identity, signature, finished] = role === 'server' ? ['SI', 'SV', 'SF'] : ['CI', 'CV', 'CF']
    const input = Buffer.concat([
      Buffer.alloc(64, 0x20),
      utf8(`countersign/1 ${role} CertificateVerify`),
      Buffer.from([0]),
      utf8(vector.at('suite').text),
      Buffer.from([0]),
      thOf(identity),
    ])
    expect(vector.at('signingInputs', signature).bytes).toEqual(input)
    const key = dsa.keygen(vector.at('inputs', `${role}Seed`).bytes).publicKey
    expect(dsa.verify(element(signature).subarray(5), input, key)).toBe(true)
    expect(element(finished).subarray(5)).toEqual(hmac(keys.at('finished').bytes, thOf(signature)))
  }
}

describe('docs/vectors.json', () => {
  it('is what the product makes', () => {
    expect(vectorsFile() === file, 'say "npm run vectors", and look at what changed').toBe(true)
  })

  const handshakes = [
    vectors.at('handshake'),
    vectors.at('resume', 'handshake'),
    vectors.at('retry', 'sameSuite'),
    vectors.at('retry', 'otherSuite'),
    ...vectors.at('otherSuites').list,
  ]
  it.each(handshakes.map((vector, index) => [index, vector] as const))(
    'handshake %i is what PROTOCOL.md says',
    (_, vector) => {
      checkHandshake(vector)
    },
  )
  it('has all suites', () => {
    expect(new Set(handshakes.map((vector) => vector.at('suite').text)).size).toBe(3)
  })

  it('records open, and carry the payloads', () => {
    for (const role of ['client', 'server'] as const) {
      const keys = vectors.at('handshake', 'secrets', 'applicationKeys', role)
      for (const [sequence, record] of vectors.at('contexts', 'records', role).list.entries()) {
        const frame = record.at('frame').bytes
        const nonce = keys.at('iv').bytes
        nonce.writeUInt32BE((nonce.readUInt32BE(8) ^ sequence) >>> 0, 8)
        expect(frame.readBigUInt64BE(5)).toBe(BigInt(sequence))
        expect(unseal(keys, nonce, frame.subarray(0, 17), frame.subarray(17))).toEqual(record.at('payload').bytes)
      }
    }
  })

  it('batches verify, and chains follow', () => {
    const contexts = vectors.at('contexts')
    const sid = Buffer.from(contexts.at('sid').text, 'base64url')
    const start = H(lp(utf8('cs1 chain')), lp(sid), lp(utf8('c2s')))
    expect(contexts.at('chains', 'c2s').bytes).toEqual(start)
    const statement = utf8(contexts.at('request', 'statement').text)
    expect(contexts.at('chains', 'c2s after the request').bytes).toEqual(H(start, statement))
    for (const [name, seed] of [
      ['request', 'clientSeed'],
      ['answer', 'serverSeed'],
      ['threeLeaves', 'clientSeed'],
    ] as const) {
      const batch = name === 'threeLeaves' ? contexts.at(name) : contexts.at(name, 'batch')
      const jws: { protected: string; payload: string; signature: string } = JSON.parse(batch.at('jws').text)
      const key = ml_dsa87.keygen(vectors.at('handshake', 'inputs', seed).bytes).publicKey
      const signature = Buffer.from(jws.signature, 'base64url')
      expect(ml_dsa87.verify(signature, utf8(`${jws.protected}.${jws.payload}`), key)).toBe(true)
      const payload: { root: string; n: number } = JSON.parse(Buffer.from(jws.payload, 'base64url').toString())
      const leaves = batch.at('leaves').list.map(({ bytes }) => bytes)
      expect(payload.n).toBe(leaves.length)
      expect(Buffer.from(payload.root, 'base64url')).toEqual(rootOf(leaves))
    }
    expect(contexts.at('request', 'batch', 'leaves', 0).bytes).toEqual(H(Buffer.from([0]), statement))
  })

  it('the rekey is what PROTOCOL.md says', () => {
    const rekey = vectors.at('rekey')
    const conn = vectors.at('handshake', 'conn').bytes
    const suite = utf8(vectors.at('handshake', 'suite').text)
    const ack = rekey.at('payloads', 'RekeyAck').bytes
    // An array of three (0x83) without its last item, as an array of two (0x82).
    const signature = 4627
    const unsigned = Buffer.concat([Buffer.from([0x82]), ack.subarray(1, ack.length - signature - 3)])
    const init = rekey.at('payloads', 'RekeyInit').bytes
    const th = vectors.at('handshake', 'transcript', 'th(CF)').bytes
    const rk = H(...[conn, conn, th, u32(1), suite, init, unsigned].map(lp))
    expect(rekey.at('rk').bytes).toEqual(rk)
    const ms = hmac(
      expandLabel(vectors.at('handshake', 'secrets', 'ms_0').bytes, 'rekey', rk),
      rekey.at('secrets', 'ss').bytes,
    )
    expect(rekey.at('secrets', 'ms_1').bytes).toEqual(ms)
    expect(rekey.at('secrets', 'res').bytes).toEqual(expandLabel(ms, 'res', rk))
    checkKeys(expandLabel(ms, 'c ap', rk), rekey.at('secrets', 'applicationKeys', 'client'))
    checkKeys(expandLabel(ms, 's ap', rk), rekey.at('secrets', 'applicationKeys', 'server'))
    const gateway = vectors.at('handshake', 'elements', 'SI').bytes.subarray(5)
    const input = Buffer.concat([
      Buffer.alloc(64, 0x20),
      utf8('countersign/1 server rekey'),
      Buffer.from([0]),
      suite,
      Buffer.from([0]),
      H(lp(rk), lp(gateway)),
    ])
    expect(rekey.at('signingInputs', 'sigS').bytes).toEqual(input)
    const sigS = ack.subarray(ack.length - signature)
    const key = ml_dsa87.keygen(vectors.at('handshake', 'inputs', 'serverSeed').bytes).publicKey
    expect(ml_dsa87.verify(sigS, input, key)).toBe(true)
  })

  it('the transition is what PROTOCOL.md says', () => {
    const vector = vectors.at('transition')
    const document = vector.at('document').text
    const parsed = new Node(JSON.parse(document))
    const b64u = (bytes: Uint8Array): string => Buffer.from(bytes).toString('base64url')
    const sides = (['from', 'to'] as const).map((side, index) => {
      const [scheme, alg] = side === 'from' ? ([ml_dsa87, 'ML-DSA-87'] as const) : ([ml_dsa65, 'ML-DSA-65'] as const)
      const { publicKey } = scheme.keygen(vector.at('seeds', side).bytes)
      const pub = b64u(publicKey)
      const kid = createHash('sha256').update(`{"alg":"${alg}","kty":"AKP","pub":"${pub}"}`).digest('base64url')
      expect(vector.at('kids', side).text).toBe(kid)
      const header = b64u(utf8(`{"alg":"${alg}","typ":"countersign-transition","kid":"${kid}"}`))
      const input = utf8(`${header}.${parsed.at('payload').text}`)
      expect(vector.at('signingInputs', side).bytes).toEqual(input)
      const signature = parsed.at('signatures', index, 'signature').text
      expect(scheme.verify(Buffer.from(signature, 'base64url'), input, publicKey)).toBe(true)
      return { party: `{"kid":"${kid}","jwk":{"kty":"AKP","alg":"${alg}","pub":"${pub}"}}`, header, signature }
    })
    const [from, to] = sides
    if (from === undefined || to === undefined) throw new Error('a transition has two sides')
    const payload = vector.at('payload').text
    expect(payload).toMatch(/,"at":1\d{12}\}$/)
    const at = payload.slice(payload.lastIndexOf(':') + 1, -1)
    const typ = '"v":1,"typ":"countersign-transition"'
    expect(payload).toBe(`{${typ},"from":${from.party},"to":${to.party},"at":${at}}`)
    const signed = sides
      .map(({ header, signature }) => `{"protected":"${header}","signature":"${signature}"}`)
      .join(',')
    expect(document).toBe(`{${typ},"payload":"${b64u(utf8(payload))}","signatures":[${signed}]}`)
    const bytes = utf8(document)
    // CBOR: an array of one byte string with a length of two bytes; of 48 bytes and a text of seven.
    const record = Buffer.concat([Buffer.from([0x81, 0x59]), u16(bytes.length), bytes])
    expect(vector.at('payloads', 'Transition').bytes).toEqual(record)
    const answer = Buffer.concat([Buffer.from([0x82, 0x58, 48]), H(bytes), Buffer.from([0x67]), utf8('pending')])
    expect(vector.at('payloads', 'TransitionAnswer').bytes).toEqual(answer)
  })

  it('the legs are what PROTOCOL.md says', () => {
    const text = (value: string): Buffer => Buffer.concat([Buffer.from([0x60 + value.length]), utf8(value)])
    const leg = (server: string, reach: string, proxied: number): Buffer =>
      Buffer.concat([Buffer.from([0x83]), text(server), text(reach), Buffer.from([proxied])])
    const legs = [Buffer.from([0x82]), leg('files', 'pipe', 0xf4), leg('tickets', 'tls-mlkem', 0xf5)]
    expect(vectors.at('legs', 'payloads', 'Legs').bytes).toEqual(Buffer.concat(legs))
  })

  it('the binder of the resume is made with res of the first connection', () => {
    const throughSF = vectors.at('resume', 'handshake', 'transcript', 'th(SF)').bytes
    const binder = hmac(vectors.at('handshake', 'secrets', 'res').bytes, throughSF)
    expect(vectors.at('resume', 'handshake', 'elements', 'CI').bytes.includes(binder)).toBe(true)
  })

  it('the cookie is made as PROTOCOL.md says', () => {
    for (const name of ['sameSuite', 'otherSuite']) {
      const retry = vectors.at('retry', name, 'retry')
      const suite = utf8(vectors.at('retry', name, 'suite').text)
      const fields = Buffer.concat([retry.at('slot').bytes, retry.at('hashOfFirstM1').bytes, suite].map(lp))
      const mac = hmac(retry.at('cookieKey').bytes, lp(utf8('cs1 cookie')), fields, lp(utf8(retry.at('address').text)))
      expect(retry.at('cookie').bytes).toEqual(Buffer.concat([fields, lp(mac)]))
    }
  })
})

/** RFC 9162, section 2.1.1. */
function rootOf(leaves: readonly Buffer[]): Buffer {
  const [only] = leaves
  if (leaves.length === 1 && only !== undefined) return only
  let split = 1
  while (split * 2 < leaves.length) split *= 2
  return H(Buffer.from([1]), rootOf(leaves.slice(0, split)), rootOf(leaves.slice(split)))
}

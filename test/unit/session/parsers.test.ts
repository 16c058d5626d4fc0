import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { asMap, type CborValue, decodeCbor, encodeCbor } from '../../../src/contracts/cbor.ts'
import { concat, u32 } from '../../../src/crypto/encoding.ts'
import { randomBytes } from 'node:crypto'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { FrameSplitter } from '../../../src/session/carrier/stdio.ts'
import { encodeHeader, HEADER_LENGTH, MAX_FRAME, parseFrame } from '../../../src/session/channel/record.ts'
import * as records from '../../../src/session/contexts/messages.ts'
import { Reassembly } from '../../../src/session/contexts/reassembly.ts'
import { ELEMENT, element, ElementReader, type ElementType } from '../../../src/session/handshake/elements.ts'
import { displayName, encodeIdentity, parseIdentity } from '../../../src/session/handshake/identity.ts'
import * as messages from '../../../src/session/handshake/messages.ts'
import { CountersignError } from '../../../src/support/errors.ts'

const hex = (text: string): Uint8Array => new Uint8Array(Buffer.from(text.replaceAll(' ', ''), 'hex'))
const RUNS = { numRuns: 300 }

const PARSERS: Readonly<Record<string, (bytes: Uint8Array) => unknown>> = {
  cbor: (bytes) => decodeCbor(bytes, { bytes: 1024 }),
  frame: parseFrame,
  element: (bytes) => new ElementReader(bytes).take(ELEMENT.M1),
  m1: (body) => messages.parseM1({ type: 1, body, bytes: body }),
  retry: (body) => messages.parseRetry({ type: 10, body, bytes: body }),
  m2: (body) => messages.parseM2({ type: 2, body, bytes: body }),
  ee: (body) => messages.parseEE({ type: 3, body, bytes: body }),
  si: (body) => messages.parseSI({ type: 4, body, bytes: body }),
  ci: (body) => messages.parseCI({ type: 7, body, bytes: body }),
  alert: (body) => messages.parseAlert({ type: 15, body, bytes: body }),
  fragment: records.parseFragment,
  batch: records.parseBatch,
  ack: records.parseAck,
  windows: records.parseWindows,
  abort: records.parseAbort,
  ping: records.parsePing,
  alertRecord: records.parseAlertRecord,
  ready: records.parseReady,
}

/** Whatever comes, a parser returns or throws an error of ours: never a TypeError, never out of memory or stack. */
function survives(parse: (bytes: Uint8Array) => unknown, bytes: Uint8Array): void {
  try {
    parse(bytes)
  } catch (error) {
    expect(error).toBeInstanceOf(CountersignError)
  }
}

const value: fc.Arbitrary<CborValue> = fc.letrec<{ value: CborValue }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 4 },
    fc.constant(null),
    fc.boolean(),
    fc.maxSafeInteger(),
    fc.string(),
    fc.uint8Array(),
    fc.array(tie('value'), { maxLength: 4 }),
    fc.dictionary(fc.string(), tie('value'), { maxKeys: 4, noNullPrototype: true }),
  ),
})).value

for (const [name, parse] of Object.entries(PARSERS)) {
  it(`survives noise: ${name}`, () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => survives(parse, bytes)),
      RUNS,
    )
  })
  it(`survives well formed CBOR of the wrong shape: ${name}`, () => {
    fc.assert(
      fc.property(value, (document) => survives(parse, encodeCbor(document))),
      RUNS,
    )
  })
}

describe('deterministic CBOR', () => {
  it('reads what it wrote, and writes it the same', () => {
    fc.assert(
      fc.property(value, (document) => {
        const bytes = encodeCbor(document)
        expect(encodeCbor(decodeCbor(bytes, { bytes: bytes.length }))).toEqual(bytes)
      }),
      RUNS,
    )
  })

  it('sorts the keys of a map by their encoding (RFC 8949, section 4.2.1)', () => {
    expect(encodeCbor({ aa: 1, b: 2, '': 0 })).toEqual(hex('a3 60 00 61 62 02 62 61 61 01'))
  })

  const REFUSED: Readonly<Record<string, string>> = {
    nothing: '',
    'bytes left over': '01 00',
    'an integer that is longer than needed': '18 01',
    'a length that is longer than needed': '58 01 00',
    'keys out of order': 'a2 61 62 01 61 61 02',
    'a key twice': 'a2 61 61 01 61 61 02',
    'a key that is no text': 'a1 01 02',
    'an indefinite array': '9f 01 ff',
    'an indefinite string': '7f 61 61 ff',
    'a tag': 'c1 01',
    'a float': 'f9 3c 00',
    'a float that is no integer': 'fb 3f f8 00 00 00 00 00 00',
    'not a number': 'f9 7e 00',
    undefined: 'f7',
    'a simple value': 'f0',
    'a break': 'ff',
    'an integer past 2^53': '1b 00 20 00 00 00 00 00 00',
    'a negative integer past 2^53': '3b 00 20 00 00 00 00 00 00',
    'text that is not UTF-8': '61 ff',
    'half of a surrogate pair': '63 ed a0 80',
    'a string that is cut off': '44 01 02',
    'an array that is cut off': '82 01',
    'an array that announces 2^32 items': '9a ff ff ff ff 01',
    'a map that is cut off': 'a1 61 61',
    'deep nesting': '81'.repeat(17) + '00',
    'nesting that would exhaust the stack': '81'.repeat(100_000),
  }
  for (const [name, bytes] of Object.entries(REFUSED)) {
    it(`refuses ${name}`, () => {
      expect(() => decodeCbor(hex(bytes), { bytes: 200_000 })).toThrow(CountersignError)
    })
  }

  it('keeps __proto__ a member like any other', () => {
    const decoded = decodeCbor(hex('a1 69 5f5f70726f746f5f5f 01'), { bytes: 100 })
    expect(Object.keys(asMap(decoded, 'It', ['__proto__']))).toEqual(['__proto__'])
    expect(Object.getPrototypeOf(decoded)).toBe(Object.prototype)
  })

  it('gives copies of byte strings', () => {
    const bytes = hex('43 01 02 03')
    const decoded = decodeCbor(bytes, { bytes: 10 })
    bytes.fill(0)
    expect(decoded).toEqual(Uint8Array.of(1, 2, 3))
  })
})

describe('elements', () => {
  it('are type, length and bytes, and hashed as sent', () => {
    const { bytes } = element(ELEMENT.SF, Uint8Array.of(7, 8))
    expect(bytes).toEqual(hex('06 00000002 07 08'))
  })
  it('are refused out of turn, cut off, or with bytes left over', () => {
    const take = (text: string, type: ElementType): unknown => {
      const reader = new ElementReader(hex(text))
      const taken = reader.take(type)
      reader.end()
      return taken
    }
    expect(() => take('06 00000002 07 08', ELEMENT.SV)).toThrow(expect.objectContaining({ alert: 10 }))
    expect(() => take('06 00000003 07 08', ELEMENT.SF)).toThrow(expect.objectContaining({ alert: 21 }))
    expect(() => take('06 00000001 07 08', ELEMENT.SF)).toThrow(expect.objectContaining({ alert: 21 }))
    expect(() => take('06 ffffffff 07 08', ELEMENT.SF)).toThrow(expect.objectContaining({ alert: 21 }))
    expect(() => take('06 0000', ELEMENT.SF)).toThrow(expect.objectContaining({ alert: 21 }))
  })
})

describe('a ClientHello', () => {
  const suite = 'MLKEM1024_X25519_MLDSA87_AES256GCM_SHA384'
  const hello = {
    versions: [1],
    suites: [suite],
    nonce: new Uint8Array(32),
    kemKey: new Uint8Array(1568),
    share: new Uint8Array(32),
    extensions: [{ name: 'x', critical: false, data: new Uint8Array(3) }],
  }
  it('comes back as it was, with and without a cookie, and gives the same bytes again', () => {
    const cookie = fc.option(fc.uint8Array({ maxLength: 512 }), { nil: undefined })
    fc.assert(
      fc.property(cookie, (given) => {
        const said = { ...hello, ...(given !== undefined && { cookie: given }) }
        const m1 = messages.encodeM1(said)
        expect(messages.parseM1(m1)).toEqual(said)
        expect(messages.encodeM1(messages.parseM1(m1)).bytes).toEqual(m1.bytes)
      }),
      RUNS,
    )
  })
  it('has shares of its first suite, or of the one that the cookie turns out to name', () => {
    const short = { ...hello, share: new Uint8Array(31) }
    expect(() => messages.parseM1(messages.encodeM1(short))).toThrow(CountersignError)
    const later = messages.parseM1(messages.encodeM1({ ...short, cookie: Uint8Array.of(1) }))
    expect(() => messages.checkShares(later, suite)).toThrow(expect.objectContaining({ code: 'decode' }))
    expect(() => messages.checkShares(hello, suite)).not.toThrow()
    expect(() => messages.checkShares(hello, 'MLKEM768_X25519_MLDSA65_AES256GCM_SHA384')).toThrow(CountersignError)
  })
  it('has a cookie of at most 512 bytes', () => {
    const long = { ...hello, cookie: new Uint8Array(513) }
    expect(() => messages.parseM1(messages.encodeM1(long))).toThrow(CountersignError)
  })
})

describe('record headers', () => {
  it('are 17 bytes: type, epoch, sequence, length', () => {
    const header = encodeHeader({ type: 0x42, epoch: 1, sequence: 0x1_0000_0002, length: 16 })
    expect(header).toEqual(hex('42 00000001 0000000100000002 00000010'))
    const frame = new Uint8Array(HEADER_LENGTH + 16)
    frame.set(header)
    expect(parseFrame(frame).header).toEqual({ type: 0x42, epoch: 1, sequence: 0x1_0000_0002, length: 16 })
  })
})

describe('identities', () => {
  const key = new Uint8Array(1952).fill(1)
  const identity = { algorithm: 'ML-DSA-65', publicKey: key, name: 'editor', custody: 'hsm' } as const
  it('come back with the kid computed', () => {
    expect(parseIdentity(encodeIdentity(identity))).toMatchObject({
      ...identity,
      kid: expect.stringMatching(/^[\w-]{43}$/),
    })
  })
  it('with a name that could deceive a person are refused', () => {
    for (const name of ['', 'a\u0000b', 'a\u202eb', 'a\nb', 'a\u200bb', 'x'.repeat(129)]) {
      expect(() => parseIdentity(encodeIdentity({ ...identity, name }))).toThrow(CountersignError)
    }
    expect(displayName(' a\u202e\nb ')).toBe('ab')
    expect(displayName('\u0000')).toBe('unnamed')
  })
  it('with a key of another length or algorithm are refused with alert 42', () => {
    const alert = expect.objectContaining({ alert: 42 })
    expect(() => parseIdentity(encodeIdentity({ ...identity, algorithm: 'ML-DSA-87' }))).toThrow(alert)
    expect(() => parseIdentity({ alg: 'Ed25519', pub: key, name: 'x', custody: 'hsm' })).toThrow(alert)
  })
})

describe('frames of a stream', () => {
  it('come out as they went in, however the stream is cut', () => {
    const frames = fc.array(fc.uint8Array({ maxLength: 40 }), { maxLength: 8 })
    fc.assert(
      fc.property(frames, fc.integer({ min: 1, max: 13 }), (sent, cut) => {
        const stream = Buffer.concat(sent.flatMap((frame) => [hex(frame.length.toString(16).padStart(8, '0')), frame]))
        const splitter = new FrameSplitter()
        const received: Uint8Array[] = []
        for (let at = 0; at < stream.length; at += cut) {
          received.push(...splitter.push(new Uint8Array(stream.subarray(at, at + cut))))
        }
        expect(received).toEqual(sent)
        expect(splitter.empty).toBe(true)
      }),
      RUNS,
    )
  })
  it('puts a frame together from single bytes', () => {
    const splitter = new FrameSplitter()
    const frame = new Uint8Array(MAX_FRAME).fill(7)
    const frames: Uint8Array[] = []
    for (const byte of concat(u32(frame.length), frame)) frames.push(...splitter.push(Uint8Array.of(byte)))
    expect(frames).toHaveLength(1)
    expect(Buffer.compare(frames[0] ?? new Uint8Array(0), frame)).toBe(0)
    const bodies = new Reassembly()
    const body = new Uint8Array(randomBytes(200_000))
    for (const [offset, byte] of body.entries()) {
      bodies.add({ exchange: 1, transfer: 0, offset, total: body.length, bytes: Uint8Array.of(byte) })
    }
    expect(Buffer.compare(bodies.take(0).body, body)).toBe(0)
  })

  it('take the memory of their bytes and not that of each piece, however small', () => {
    setFlagsFromString('--expose-gc')
    const collect: () => void = runInNewContext('gc')
    const used = (): number => {
      collect()
      const { heapUsed, arrayBuffers } = process.memoryUsage()
      return heapUsed + arrayBuffers
    }
    const bodies = new Reassembly()
    const before = used()
    const total = 16 * 1024 * 1024
    for (let offset = 0; offset < 200_000; offset += 1) {
      bodies.add({ exchange: 1, transfer: 0, offset, total, bytes: Uint8Array.of(1) })
    }
    // Twice what came is 0.4 MB; an object for each piece would be more than 40.
    expect(used() - before).toBeLessThan(8_000_000)
    expect(bodies.abort(0).received).toBe(200_000)
  })

  it('are refused by their announced length, before any of it is kept', () => {
    expect(() => new FrameSplitter().push(hex('00 04 00 12'))).toThrow(expect.objectContaining({ code: 'limit' }))
  })
})

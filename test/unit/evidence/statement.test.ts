import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { decodeBase64url, encodeBase64url, encodeUtf8 } from '../../../src/crypto/encoding.ts'
import { sha384 } from '../../../src/crypto/hash.ts'
import { chainNext, chainStart, SentChain } from '../../../src/evidence/chain.ts'
import { encodeStatement, parseStatement, type StatementFields } from '../../../src/evidence/statement.ts'
import { digestOf, fields, SID } from './build.ts'

const refusal = expect.objectContaining({ code: 'statement-invalid', alert: 110 })
const DIGEST = digestOf(encodeUtf8('x'))
const answer: Partial<StatementFields> = { dir: 's2c', kind: 'response', req: DIGEST }

/** A statement with raw JSON values: `undefined` removes a member. */
function raw(changes: Record<string, unknown>, base: Partial<StatementFields> = {}): Uint8Array {
  const statement: object = JSON.parse(Buffer.from(encodeStatement(fields(base))).toString())
  return encodeUtf8(JSON.stringify({ ...statement, ...changes }))
}

describe('a statement', () => {
  it('has the members of the protocol in their order', () => {
    const bytes = encodeStatement(
      fields({ dir: 's2c', kind: 'response', method: 'm', id: '1', req: DIGEST, ack: { seq: 1, head: DIGEST } }),
    )
    const statement: object = JSON.parse(Buffer.from(bytes).toString())
    expect(Object.keys(statement).join(' ')).toBe(
      'v typ sid dir seq kind server exchange head method id ts aud salt ctx prev req ack',
    )
  })

  it('is read back as it was written, for every kind', () => {
    const kinds: Partial<StatementFields>[] = [
      { kind: 'request', method: 'tools/call', id: '"é\\""' },
      { kind: 'cancel' },
      { kind: 'cancel', req: DIGEST },
      { kind: 'close', server: '-', exchange: 0 },
      { dir: 's2c', kind: 'close', server: '-', exchange: 0 },
      { ...answer, kind: 'head' },
      { ...answer, id: '7' },
      { ...answer, kind: 'event', method: 'notifications/progress' },
      { ...answer, kind: 'end', end: { events: 4, reason: 'complete' } },
    ]
    for (const kind of kinds) {
      const written = fields(kind)
      expect(parseStatement(encodeStatement(written))).toEqual({ v: 1, typ: 'countersign-statement', ...written })
    }
  })

  it('does not survive without any of its members, or with one more', () => {
    const members = Object.keys(fields()).concat('v', 'typ')
    expect(members.length).toBeGreaterThan(14)
    for (const member of members) expect(() => parseStatement(raw({ [member]: undefined }))).toThrow(refusal)
    expect(() => parseStatement(raw({ extra: 1 }))).toThrow(refusal)
    for (const changes of [{ ctx: { ...fields().ctx, extra: 1 } }, { ack: { ...fields().ack, extra: 1 } }]) {
      expect(() => parseStatement(raw(changes))).toThrow(refusal)
    }
  })

  const digests: [string, unknown][] = ['sid', 'head', 'prev'].flatMap((name): [string, unknown][] => [
    [name, DIGEST.slice(1)],
    [name, `${DIGEST}A`],
    [name, `${DIGEST.slice(1)}=`],
    [name, `${DIGEST.slice(1)}+`],
    [name, null],
  ])
  const keys: [string, unknown][] = ['aud', 'salt'].flatMap((name): [string, unknown][] => [
    [name, 'A'.repeat(42)],
    [name, 'A'.repeat(44)],
    // The last character carries four bits; B would set an unused one.
    [name, `${'A'.repeat(42)}B`],
  ])
  const counts: [string, unknown][] = ['seq', 'exchange', 'ts'].flatMap((name) =>
    [-1, 1.5, 2 ** 53, '1', null, true].map((value): [string, unknown] => [name, value]),
  )
  it.each<[string, unknown]>([
    ...digests,
    ...keys,
    ...counts,
    ['v', 2],
    ['v', '1'],
    ['typ', 'countersign-batch'],
    ['dir', 'c2c'],
    ['dir', 's2c'],
    ['kind', 'constructor'],
    ['kind', 'answer'],
    ['server', ''],
    ['server', 'a'.repeat(65)],
    ['server', 'a b'],
    ['server', 'a\n'],
    ['method', 1],
    ['method', 'm'.repeat(257)],
    ['id', 1],
    ['id', '1 '],
    ['id', '{}'],
    ['id', `"${'i'.repeat(255)}"`],
    ['ctx', { alg: 'sha-256', digest: DIGEST, length: 1 }],
    ['ctx', { alg: 'sha-384', digest: 'AAAA', length: 1 }],
    ['ctx', { alg: 'sha-384', digest: DIGEST, length: 16 * 1024 * 1024 + 1 }],
    ['ctx', null],
    ['ctx', []],
    ['ack', { seq: -1, head: DIGEST }],
    ['ack', { seq: 0, head: '' }],
    ['req', DIGEST],
    ['end', { events: 1, reason: 'complete' }],
  ])('of a request is refused with %s %j', (member, value) => {
    expect(() => parseStatement(raw({ [member]: value }))).toThrow(refusal)
  })

  it.each<[string, Partial<StatementFields>, Record<string, unknown>]>([
    ['an answer without its question', answer, { req: undefined }],
    ['an answer to something else than a digest', answer, { req: 'AAAA' }],
    ['an answer that travels to the gateway', answer, { dir: 'c2s' }],
    ['an end without its count', { ...answer, kind: 'end', end: { events: 0, reason: 'x' } }, { end: undefined }],
    ['an end with a method', { ...answer, kind: 'end', end: { events: 0, reason: 'x' } }, { method: 'm' }],
    [
      'an end for no reason',
      { ...answer, kind: 'end', end: { events: 0, reason: 'x' } },
      { end: { events: 0, reason: '' } },
    ],
    ['a head with an id', { ...answer, kind: 'head' }, { id: '1' }],
    ['a close that names a server', { kind: 'close', server: '-', exchange: 0 }, { server: 'files' }],
    ['a close of an exchange', { kind: 'close', server: '-', exchange: 0 }, { exchange: 3 }],
    ['a request of no exchange', {}, { exchange: 0 }],
    ['a close of a request', { kind: 'close', server: '-', exchange: 0 }, { req: DIGEST }],
  ])('is refused for %s', (_, base, changes) => {
    expect(() => parseStatement(raw(changes, base))).toThrow(refusal)
  })

  it('is refused with a member twice, half a surrogate pair, bytes around it, or too many bytes', () => {
    const text = Buffer.from(encodeStatement(fields({ method: 'mm' }))).toString()
    const hostile = [
      text.replace('"seq":0', '"seq":0,"seq":1'),
      text.replace('"seq":0', '"seq":0,"\\u0073eq":1'),
      text.replace('"mm"', '"\\ud800"'),
      `${text}x`,
      `\ufeff${text}`,
      `${text}${' '.repeat(4096)}`,
    ]
    for (const bytes of hostile) expect(() => parseStatement(Buffer.from(bytes))).toThrow(refusal)
    expect(parseStatement(Buffer.from(text)).method).toBe('mm')
  })

  it('is never written so that it could not be read', () => {
    for (const wrong of [{ seq: -1 }, { server: 'a/b' }, { method: '\ud800' }, { salt: 'AAAA' }, { req: DIGEST }]) {
      expect(() => encodeStatement(fields(wrong))).toThrow(refusal)
    }
  })

  it('is read or refused whatever the bytes', () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.uint8Array(),
          fc.json().map((json) => Buffer.from(json)),
        ),
        (bytes) => {
          expect(() => parseStatement(bytes)).toThrow(refusal)
        },
      ),
    )
    const good = encodeStatement(fields())
    fc.assert(
      fc.property(fc.nat(good.length - 1), fc.integer({ min: 1, max: 255 }), (at, flip) => {
        const changed = Buffer.from(good)
        changed.writeUInt8(changed.readUInt8(at) ^ flip, at)
        try {
          // What is still a statement says something else, or the same by another spelling of its bytes.
          expect(Buffer.from(changed).equals(good)).toBe(false)
          parseStatement(changed)
        } catch (thrown) {
          expect(thrown).toEqual(refusal)
        }
      }),
    )
  })
})

describe('the chain', () => {
  it('starts with label, session and direction, each behind its length', () => {
    const input = Buffer.concat([
      Buffer.from('00000009', 'hex'),
      Buffer.from('cs1 chain'),
      Buffer.from('00000030', 'hex'),
      decodeBase64url(SID),
      Buffer.from('00000003', 'hex'),
      Buffer.from('c2s'),
    ])
    expect(chainStart(SID, 'c2s')).toEqual(sha384(input))
    expect(chainStart(SID, 's2c')).not.toEqual(chainStart(SID, 'c2s'))
    expect(() => chainStart(encodeBase64url(new Uint8Array(47)), 'c2s')).toThrow(refusal)
  })

  it('remembers its heads, takes back what was not signed, and forgets what was acknowledged', () => {
    const chain = new SentChain(SID, 'c2s')
    const heads = [chain.head]
    for (let n = 0; n < 5; n++) {
      chain.append(Uint8Array.of(n))
      heads.push(chain.head)
      expect(chain.head).toEqual(chainNext(heads[n] ?? new Uint8Array(), Uint8Array.of(n)))
    }
    chain.rollback()
    expect([chain.seq, chain.head]).toEqual([4, heads[4]])
    chain.forgetBefore(2)
    expect([0, 1, 2, 3, 4, 5].map((n) => chain.headAt(n))).toEqual([
      undefined,
      undefined,
      heads[2],
      heads[3],
      heads[4],
      undefined,
    ])
    chain.forgetBefore(99)
    expect([chain.seq, chain.headAt(4)]).toEqual([4, heads[4]])
    expect(() => chain.rollback()).toThrow(refusal)
  })
})

import { beforeAll, describe, expect, it } from 'vitest'
import { encodeBase64url } from '../../../src/crypto/encoding.ts'
import { exportJwk } from '../../../src/crypto/jwk.ts'
import {
  buildTransition,
  MAX_TRANSITION_BYTES,
  parseTransition,
  readTransition,
} from '../../../src/evidence/transition.ts'
import { extended, parseRing, encodeRing } from '../../../src/evidence/trustedKeys.ts'
import { SeedSigner } from '../../fakes/seedSigner.ts'
import { type Alterable, altered, alteredPayload, publicOf, transitionOf } from '../../fakes/transition.ts'

const AT = 1_790_000_000_000
let old: SeedSigner
let next: SeedSigner
let third: SeedSigner
let document: Uint8Array

beforeAll(async () => {
  ;[old, next, third] = await Promise.all([
    SeedSigner.create(1),
    SeedSigner.create(2, 'ML-DSA-65'),
    SeedSigner.create(3),
  ])
  document = await transitionOf(old, next, AT)
})

describe('a transition document', () => {
  it('says what both keys signed, and has the documented bytes', async () => {
    const { from, to, at } = await readTransition(document)
    expect([from.kid, from.algorithm, to.kid, to.algorithm, at]).toEqual([
      old.kid,
      'ML-DSA-87',
      next.kid,
      'ML-DSA-65',
      AT,
    ])
    const { v, typ, payload, signatures }: Alterable = JSON.parse(Buffer.from(document).toString())
    expect([v, typ, signatures.length]).toEqual([1, 'countersign-transition', 2])
    const key = ({ kid, algorithm, publicKey }: SeedSigner) =>
      JSON.stringify({ kid, jwk: exportJwk(algorithm, publicKey) })
    expect(Buffer.from(payload, 'base64url').toString()).toBe(
      `{"v":1,"typ":"countersign-transition","from":${key(old)},"to":${key(next)},"at":${AT}}`,
    )
    const headers = signatures.map((one) => Buffer.from(one.protected, 'base64url').toString())
    expect(headers).toEqual([
      `{"alg":"ML-DSA-87","typ":"countersign-transition","kid":"${old.kid}"}`,
      `{"alg":"ML-DSA-65","typ":"countersign-transition","kid":"${next.kid}"}`,
    ])
    expect(document.length).toBeLessThan(MAX_TRANSITION_BYTES)
  })

  const UNREADABLE: Readonly<Record<string, (value: Alterable) => unknown>> = {
    'a member that is not known': (value) => ({ ...value, more: 1 }),
    'another version': (value) => ({ ...value, v: 2 }),
    'another type': (value) => ({ ...value, typ: 'countersign-batch' }),
    'one signature': (value) => ({ ...value, signatures: value.signatures.slice(0, 1) }),
    'three signatures': (value) => ({ ...value, signatures: [...value.signatures, value.signatures[0]] }),
    'a signature with an unprotected header': (value) => ({
      ...value,
      signatures: value.signatures.map((one) => ({ ...one, header: { kid: old.kid } })),
    }),
    'a payload that is spelled otherwise': (value) => ({
      ...value,
      payload: alteredPayload(value.payload, ({ at, ...rest }) => ({ at, ...rest })),
    }),
    'a payload with one more member': (value) => ({
      ...value,
      payload: alteredPayload(value.payload, (payload) => ({ ...payload, until: 1 })),
    }),
    'a time before 1970': (value) => ({
      ...value,
      payload: alteredPayload(value.payload, (payload) => ({ ...payload, at: -1 })),
    }),
    'a kid of another key': (value) => ({
      ...value,
      payload: alteredPayload(value.payload, (payload) => ({
        ...payload,
        to: { ...Object(payload['to']), kid: old.kid },
      })),
    }),
    'a key that follows itself': (value) => ({
      ...value,
      payload: alteredPayload(value.payload, (payload) => ({ ...payload, to: payload['from'] })),
    }),
  }
  for (const [what, change] of Object.entries(UNREADABLE)) {
    it(`cannot be read with ${what}`, () => {
      expect(() => parseTransition(altered(document, change))).toThrow(expect.objectContaining({ code: 'decode' }))
    })
  }

  it('does not hold with swapped signatures, a later time, or a signature of one key in both places', async () => {
    const other = await transitionOf(old, next, AT + 1)
    const FALSE: Readonly<Record<string, Uint8Array>> = {
      swapped: altered(document, (value) => ({ ...value, signatures: value.signatures.toReversed() })),
      later: altered(document, (value) => ({
        ...value,
        payload: alteredPayload(value.payload, (payload) => ({ ...payload, at: AT + 1 })),
      })),
      'of another document': altered(document, (value) => {
        const [, second]: Alterable['signatures'] = JSON.parse(Buffer.from(other).toString()).signatures
        return { ...value, signatures: [value.signatures[0], second] }
      }),
    }
    for (const [what, bytes] of Object.entries(FALSE)) {
      await expect(readTransition(bytes), what).rejects.toMatchObject({ code: 'signature-invalid' })
    }
  })

  it('does not hold where one key signed for both, or the new key alone wants to', async () => {
    const input = { kind: 'transition', from: old, to: next, at: AT } as const
    const [byOld, byNext] = [await old.sign(input), await next.sign(input)]
    const forged = [
      { from: byOld, to: byOld.subarray(0, byNext.length) },
      { from: new Uint8Array(byOld.length), to: byNext },
    ]
    for (const signatures of forged) {
      const bytes = buildTransition({ from: old, to: next, at: AT, signatures })
      await expect(readTransition(bytes)).rejects.toMatchObject({ code: 'signature-invalid' })
    }
  })
})

describe('trust that goes on', () => {
  const link = (from: SeedSigner, to: SeedSigner, at: number) => ({ from, to, at })

  it('leads along a chain in any order, from the time of each transition', () => {
    const { trusted, unused } = extended(new Map([[old.kid, {}]]), [link(next, third, AT + 5), link(old, next, AT)])
    expect(Object.fromEntries(trusted)).toEqual({
      [old.kid]: {},
      [next.kid]: { from: AT },
      [third.kid]: { from: AT + 5 },
    })
    expect(unused).toEqual([])
  })

  it('does not begin outside the window of the old key, at a revoked one, or at one that is not trusted', () => {
    for (const window of [{ until: AT }, { from: AT + 1 }, { until: AT + 9, revoked: AT + 9 }]) {
      const { trusted, unused } = extended(new Map([[old.kid, window]]), [link(old, next, AT)])
      expect([trusted.has(next.kid), unused.length]).toEqual([false, 1])
    }
    expect(extended(new Map([[third.kid, {}]]), [link(old, next, AT)]).trusted.has(next.kid)).toBe(false)
  })
})

describe('a key ring for others', () => {
  it('gives back the windows, and a revoked key ends where it was revoked', () => {
    const ring = encodeRing([{ ...publicOf(old), from: 1, until: 9, revoked: 5 }, next])
    expect(Object.fromEntries(parseRing(ring))).toEqual({
      [old.kid]: { from: 1, until: 5, revoked: 5 },
      [next.kid]: {},
    })
  })

  it('of a key that comes twice takes the narrower time', () => {
    const ring = encodeRing([
      { ...publicOf(old), from: 1, until: 9 },
      { ...publicOf(old), from: 3, until: 20 },
    ])
    expect(parseRing(ring).get(old.kid)).toEqual({ from: 3, until: 9 })
  })

  it('is refused with members that are not known, or with the kid of another key', () => {
    const jwk = exportJwk(old.algorithm, old.publicKey)
    const of = (key: object) => Buffer.from(JSON.stringify({ v: 1, typ: 'countersign-keys', keys: [key] }))
    for (const key of [
      { kid: next.kid, jwk },
      { kid: old.kid, jwk, name: 'x' },
      { kid: old.kid, jwk, until: 1.5 },
      { jwk },
    ]) {
      expect(() => parseRing(of(key)), JSON.stringify(Object.keys(key))).toThrow(
        expect.objectContaining({ code: 'decode' }),
      )
    }
    expect(encodeBase64url(old.publicKey)).toBe(jwk.pub)
  })
})

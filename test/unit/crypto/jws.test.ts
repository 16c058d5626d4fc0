import * as fc from 'fast-check'
import { beforeAll, describe, expect, test } from 'vitest'
import { encodeBase64url, encodeUtf8 } from '../../../src/crypto/encoding.ts'
import { exportJwk, isKid, parseJwk, thumbprint } from '../../../src/crypto/jwk.ts'
import { buildJws, encodeHeader, parseJws, signingInput, verifyJws } from '../../../src/crypto/jws.ts'
import { SeedSigner } from '../../../src/crypto/signature.ts'

const typ = 'countersign-batch'
const algorithm = 'ML-DSA-87'
const payload = encodeUtf8('{"v":1}')
const decode = expect.objectContaining({ code: 'decode' })
const invalid = expect.objectContaining({ code: 'signature-invalid' })
let signer: SeedSigner
let kid: string

beforeAll(async () => {
  signer = await SeedSigner.create(algorithm, new Uint8Array(32).fill(1))
  kid = thumbprint(algorithm, signer.publicKey)
})

/** A JWS that is correctly signed over whatever the header says. */
function signed(header: string, signedPayload = payload): string {
  const bytes = encodeUtf8(header)
  return buildJws(bytes, signedPayload, signer.sign(signingInput(bytes, signedPayload)))
}

function verify(text: string, expected: Partial<Parameters<typeof verifyJws>[0]> = {}) {
  return verifyJws({ jws: parseJws(text), publicKey: signer.publicKey, algorithm, kid, typ, ...expected })
}

describe('JWS', () => {
  test('what is signed verifies, and begins with eyJ', async () => {
    const header = encodeHeader({ alg: algorithm, typ, kid })
    const text = buildJws(header, payload, signer.sign(signingInput(header, payload)))
    expect(await verify(text)).toEqual(payload)
    expect(Buffer.from(signingInput(header, payload)).toString()).toMatch(/^eyJ/)
    expect(parseJws(encodeUtf8(text)).header).toEqual({ alg: algorithm, typ, kid })
  })

  test('a header is compared, not obeyed', async () => {
    await expect(verify(signed(`{"alg":"none","typ":"${typ}","kid":"${kid}"}`))).rejects.toThrow(invalid)
    await expect(verify(signed(`{"alg":"ML-DSA-65","typ":"${typ}","kid":"${kid}"}`))).rejects.toThrow(invalid)
    await expect(verify(signed(`{"alg":"${algorithm}","typ":"other","kid":"${kid}"}`))).rejects.toThrow(invalid)
    await expect(verify(signed(`{"alg":"${algorithm}","typ":"${typ}","kid":"other"}`))).rejects.toThrow(invalid)
  })

  test.each([
    ['jwk', ',"jwk":{"kty":"AKP"}'],
    ['crit', ',"crit":["b64"],"b64":false'],
    ['b64', ',"b64":false'],
    ['a second kid', ',"kid":"x"'],
    ['a number', ',"x":1'],
  ])('a header with %s is refused, although it is signed', (_what, more) => {
    const text = signed(`{"alg":"${algorithm}","typ":"${typ}","kid":"k"${more}}`)
    expect(() => parseJws(text)).toThrow(decode)
  })

  test.each([
    ['an unprotected header', (jws: object) => ({ ...jws, header: { kid: 'x' } })],
    ['signatures', (jws: object) => ({ ...jws, signatures: [] })],
    ['no payload', (jws: object) => ({ ...jws, payload: undefined })],
    ['a payload that is no string', (jws: object) => ({ ...jws, payload: 1 })],
    ['padding', (jws: object) => ({ ...jws, payload: 'AA==' })],
    ['another spelling of the payload', (jws: object) => ({ ...jws, payload: 'AB' })],
    ['a list', (jws: object) => [jws]],
  ])('a JWS with %s is refused', (_what, change) => {
    const jws = Object(JSON.parse(signed(`{"alg":"${algorithm}","typ":"${typ}","kid":"k"}`)))
    expect(() => parseJws(JSON.stringify(change(jws)))).toThrow(decode)
  })

  test('a duplicate member is refused', () => {
    expect(() => parseJws('{"protected":"e30","payload":"e30","payload":"e30","signature":""}')).toThrow(decode)
  })

  test('no change of a single character verifies', async () => {
    const text = signed(`{"alg":"${algorithm}","typ":"${typ}","kid":"${kid}"}`)
    await fc.assert(
      fc.asyncProperty(fc.nat(text.length - 1), fc.constantFrom(...Array.from('AZaz09-_{"')), async (at, character) => {
        fc.pre(text[at] !== character)
        const changed = text.slice(0, at) + character + text.slice(at + 1)
        await expect((async () => verify(changed))()).rejects.toThrow(
          expect.objectContaining({ name: 'CountersignError' }),
        )
      }),
      { numRuns: 150 },
    )
  })

  test('garbage is refused with a code', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 60 }), (bytes) => {
        expect(() => parseJws(bytes)).toThrow(decode)
      }),
    )
  })
})

describe('AKP JWK', () => {
  test('survives, and its thumbprint is over alg, kty, pub', () => {
    const jwk = exportJwk(algorithm, signer.publicKey)
    expect(parseJwk(JSON.parse(JSON.stringify(jwk)))).toEqual({ algorithm, publicKey: signer.publicKey })
    expect(kid).toMatch(/^[A-Za-z0-9_-]{43}$/)
    expect(isKid(kid)).toBe(true)
    for (const bad of [kid.slice(1), `${kid}A`, `${kid.slice(1)}=`, 7, null, `${kid.slice(0, 42)}B`])
      expect(isKid(bad)).toBe(false)
  })

  test('refuses what is not exactly that', () => {
    const jwk = exportJwk(algorithm, signer.publicKey)
    const short = encodeBase64url(signer.publicKey.slice(1))
    for (const bad of [
      null,
      [],
      'x',
      {},
      { ...jwk, priv: 'AA' },
      { ...jwk, kid: 'x' },
      { ...jwk, kty: 'OKP' },
      { ...jwk, pub: 1 },
    ]) {
      expect(() => parseJwk(bad)).toThrow(decode)
    }
    expect(() => parseJwk({ ...jwk, pub: `${jwk.pub}=` })).toThrow(decode)
    expect(() => parseJwk({ ...jwk, alg: 'ML-DSA-44' })).toThrow(
      expect.objectContaining({ code: 'algorithm-unsupported' }),
    )
    for (const bad of [
      { ...jwk, pub: short },
      { ...jwk, alg: 'ML-DSA-65' },
    ]) {
      expect(() => parseJwk(bad)).toThrow(expect.objectContaining({ code: 'length' }))
    }
  })
})

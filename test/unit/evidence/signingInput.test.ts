import * as fc from 'fast-check'
import { beforeAll, describe, expect, it } from 'vitest'
import type { SignInput } from '../../../src/contracts/signInput.ts'
import { thumbprint } from '../../../src/crypto/jwk.ts'
import { isSuiteName, SUITES } from '../../../src/crypto/suite.ts'
import { parseBatch, verifyBatchJws } from '../../../src/evidence/batch.ts'
import { type SigningKey, signingInput } from '../../../src/evidence/signingInput.ts'
import { encodeStatement } from '../../../src/evidence/statement.ts'
import type { VerificationKey } from '../../../src/evidence/types.ts'
import { CountersignError } from '../../../src/support/errors.ts'
import { SeedSigner } from '../../fakes/seedSigner.ts'
import { ANSWER, End, fields, QUESTION } from './build.ts'

type Parts = Record<string, string>

const KID = thumbprint('ML-DSA-87', new Uint8Array(2592).fill(1))
const signer: SigningKey = { kid: KID, algorithm: 'ML-DSA-87', custody: 'hsm' }
const suite = fc.constantFrom(...Object.keys(SUITES).filter(isSuiteName))
const role = fc.constantFrom('client', 'server')
const hash = fc.uint8Array({ minLength: 48, maxLength: 48 })
const labelled = fc.record({ kind: fc.constantFrom('handshake', 'rekey'), role, suite, hash })
const keyOf = (fill: number, algorithm: 'ML-DSA-87' | 'ML-DSA-65' = 'ML-DSA-87') => ({
  algorithm,
  publicKey: new Uint8Array(algorithm === 'ML-DSA-87' ? 2592 : 1952).fill(fill),
})
const OWN = keyOf(1)
const other = fc.tuple(fc.integer({ min: 2, max: 255 }), fc.constantFrom('ML-DSA-87', 'ML-DSA-65'))
const transition = fc.tuple(other, fc.boolean(), fc.maxSafeNat()).map(([[fill, algorithm], first, at]): SignInput => {
  const [from, to] = first ? [OWN, keyOf(fill, algorithm)] : [keyOf(fill, algorithm), OWN]
  return { kind: 'transition', from, to, at }
})
const batch = fc.array(fc.nat(), { minLength: 1, maxLength: 4 }).map(
  (numbers): SignInput => ({
    kind: 'batch',
    statements: numbers.map((seq) => encodeStatement(fields({ seq }))),
  }),
)

const manifest = fc
  .tuple(fc.maxSafeNat(), fc.nat(), fc.nat(), fc.nat(), hash)
  .map(([at, redacted, more, others, digest]): SignInput => {
    const records = redacted + more
    return { kind: 'manifest', at, lines: records + others, records, redacted, digest }
  })

const MANIFEST = { kind: 'manifest', at: 1, lines: 3, records: 2, redacted: 1, digest: new Uint8Array(48) } as const

/** Kind and role: two inputs that differ here must never share their bytes. */
function sort(input: SignInput): string {
  return 'role' in input ? `${input.kind} ${input.role}` : input.kind
}

function text(input: SignInput): string {
  return Buffer.from(signingInput(input, signer).bytes).toString('latin1')
}

describe('what a key signs', () => {
  it('is never the same for two kinds or roles, whatever suite and hash', () => {
    fc.assert(
      fc.property(
        fc.array(fc.oneof(labelled, batch, transition, manifest), { minLength: 2, maxLength: 12 }),
        (inputs) => {
          const sorts = new Map<string, string>()
          for (const input of inputs) {
            const known = sorts.get(text(input))
            expect(known === undefined || known === sort(input)).toBe(true)
            sorts.set(text(input), sort(input))
          }
        },
      ),
    )
  })

  it('begins so that no label is a prefix of another and no JWS is a label', () => {
    const hash = new Uint8Array(48)
    const heads = (['handshake', 'rekey'] as const).flatMap((kind) =>
      (['client', 'server'] as const).map((role) => {
        const bytes = text({ kind, role, suite: 'MLKEM1024_X25519_MLDSA87_AES256GCM_SHA384', hash })
        return bytes.slice(0, bytes.indexOf('\0') + 1)
      }),
    )
    const jws = text({ kind: 'batch', statements: [encodeStatement(fields())] })
    expect(jws.startsWith('eyJ')).toBe(true)
    expect(new Set(heads).size).toBe(4)
    for (const head of heads) {
      expect(head.startsWith(' '.repeat(64))).toBe(true)
      expect([...heads, jws].filter((other) => other.startsWith(head))).toEqual([head])
    }
  })

  it('is the padded label, the suite and the hash, to the byte', () => {
    const bytes = text({
      kind: 'rekey',
      role: 'server',
      suite: 'MLKEM1024_P384_MLDSA87_AES256GCM_SHA384',
      hash: new Uint8Array(48).fill(0x41),
    })
    expect(bytes).toBe(
      `${' '.repeat(64)}countersign/1 server rekey\0MLKEM1024_P384_MLDSA87_AES256GCM_SHA384\0${'A'.repeat(48)}`,
    )
  })

  it('is of a transition the JWS over both keys, the same payload for both of them', () => {
    const [from, to] = [OWN, keyOf(2, 'ML-DSA-65')]
    const kid = thumbprint(to.algorithm, to.publicKey)
    const input: SignInput = { kind: 'transition', from, to, at: 1_790_000_000_000 }
    const [head = '', payload = '', ...more] = text(input).split('.')
    const [newHead, samePayload] = Buffer.from(signingInput(input, { ...signer, ...to, kid }).bytes)
      .toString()
      .split('.')
    const jwk = (key: typeof from) => ({
      kty: 'AKP',
      alg: key.algorithm,
      pub: Buffer.from(key.publicKey).toString('base64url'),
    })
    expect(more).toEqual([])
    expect(plain(head)).toBe(`{"alg":"ML-DSA-87","typ":"countersign-transition","kid":"${KID}"}`)
    expect(plain(newHead)).toBe(`{"alg":"ML-DSA-65","typ":"countersign-transition","kid":"${kid}"}`)
    expect(samePayload).toBe(payload)
    expect(plain(payload)).toBe(
      JSON.stringify({
        v: 1,
        typ: 'countersign-transition',
        from: { kid: KID, jwk: jwk(from) },
        to: { kid, jwk: jwk(to) },
        at: 1_790_000_000_000,
      }),
    )
  })

  it('is of a manifest the JWS over the digest and the counts of a bundle, to the byte', () => {
    const [head, payload, ...more] = text({ ...MANIFEST, digest: new Uint8Array(48).fill(1) }).split('.')
    expect(more).toEqual([])
    expect(plain(head)).toBe(`{"alg":"ML-DSA-87","typ":"countersign-manifest","kid":"${KID}"}`)
    expect(plain(payload)).toBe(
      `{"v":1,"typ":"countersign-manifest","alg":"sha-384","digest":"${'AQEB'.repeat(16)}","lines":3,"records":2,"redacted":1,"at":1,"custody":"hsm"}`,
    )
  })

  it.each([
    ['an unknown suite', { kind: 'handshake', role: 'client', suite: 'constructor', hash: new Uint8Array(48) }],
    ['a short hash', { kind: 'handshake', role: 'client', suite: Object.keys(SUITES)[0], hash: new Uint8Array(47) }],
    ['a long hash', { kind: 'rekey', role: 'client', suite: Object.keys(SUITES)[0], hash: new Uint8Array(49) }],
    ['an unknown role', { kind: 'rekey', role: 'toString', suite: Object.keys(SUITES)[0], hash: new Uint8Array(48) }],
    ['an unknown kind', { kind: 'raw', bytes: new Uint8Array(48) }],
    ['a transition of two other keys', { kind: 'transition', from: keyOf(2), to: keyOf(3), at: 1 }],
    ['a transition to itself', { kind: 'transition', from: OWN, to: OWN, at: 1 }],
    ['a transition at no time', { kind: 'transition', from: OWN, to: keyOf(2), at: -1 }],
    ['a key of no suite', { kind: 'transition', from: OWN, to: small(), at: 1 }],
    ['a key of another length', { kind: 'transition', from: OWN, to: { ...OWN, algorithm: 'ML-DSA-65' }, at: 1 }],
    ['a manifest of a short digest', { ...MANIFEST, digest: new Uint8Array(47) }],
    ['a manifest of a long digest', { ...MANIFEST, digest: new Uint8Array(49) }],
    ['a manifest with more records than lines', { ...MANIFEST, records: 4 }],
    ['a manifest with more redactions than records', { ...MANIFEST, redacted: 3 }],
    ['a manifest of no time', { ...MANIFEST, at: -1 }],
    ['a manifest with a count that is none', { ...MANIFEST, lines: 1.5 }],
    ['no statement', { kind: 'batch', statements: [] }],
    ['65 statements', { kind: 'batch', statements: Array.from({ length: 65 }, () => encodeStatement(fields())) }],
    ['a leaf that is no statement', { kind: 'batch', statements: [encodeStatement(fields()), QUESTION] }],
  ])('refuses %s', (_, input) => {
    expect(() => signingInput(hostile(input), signer)).toThrow(CountersignError)
  })
})

describe('the JWS of a batch', () => {
  let one: SeedSigner
  let other: SeedSigner
  let jws: string

  beforeAll(async () => {
    one = await SeedSigner.create(1)
    other = await SeedSigner.create(2)
    const end = new End('c2s', one, other.kid)
    const [evidence] = await end.batch([end.statement(QUESTION), end.statement(ANSWER)], [QUESTION, ANSWER])
    jws = Buffer.from(evidence?.jws ?? []).toString()
  })

  it('has exactly the header and payload of the protocol', async () => {
    const { protected: header, payload } = members(jws)
    expect(Buffer.from(header ?? '', 'base64url').toString()).toBe(
      `{"alg":"ML-DSA-87","typ":"countersign-batch","kid":"${one.kid}"}`,
    )
    expect(await verifyBatchJws(Buffer.from(jws), one)).toEqual({
      v: 1,
      typ: 'countersign-batch',
      alg: 'sha-384',
      n: 2,
      root: expect.stringMatching(/^[\w-]{64}$/),
      custody: 'software',
    })
    expect(Object.keys(JSON.parse(Buffer.from(payload ?? '', 'base64url').toString()))).toHaveLength(6)
  })

  it('does not verify under another key, also when that key claims the kid', async () => {
    await expect(verifyBatchJws(Buffer.from(jws), other)).rejects.toMatchObject({
      code: 'signature-invalid',
      alert: 51,
    })
    await expect(verifyBatchJws(Buffer.from(jws), key(one, { publicKey: other.publicKey }))).rejects.toMatchObject({
      code: 'signature-invalid',
    })
    await expect(verifyBatchJws(Buffer.from(jws), key(one, { algorithm: 'ML-DSA-65' }))).rejects.toMatchObject({
      code: 'signature-invalid',
    })
  })

  it.each(['protected', 'payload', 'signature'])('does not survive any one changed bit of its %s', async (member) => {
    const parts = members(jws)
    const bytes = Buffer.from(parts[member] ?? '', 'base64url')
    for (const at of [0, bytes.length >> 1, bytes.length - 1]) {
      const changed = Buffer.from(bytes)
      changed.writeUInt8(changed.readUInt8(at) ^ 1, at)
      const forged = JSON.stringify({ ...parts, [member]: changed.toString('base64url') })
      await expect(verifyBatchJws(Buffer.from(forged), one)).rejects.toThrow()
    }
  })

  it.each([
    ['an unprotected header', (m: Parts) => ({ ...m, header: { kid: 'x' } })],
    ['padding', (m: Parts) => ({ ...m, payload: `${m['payload']}=` })],
    ['a jwk in its header', (m: Parts) => ({ ...m, protected: edit(m['protected'], { jwk: {} }) })],
    ['crit', (m: Parts) => ({ ...m, protected: edit(m['protected'], { crit: [] }) })],
    ['another typ', (m: Parts) => ({ ...m, protected: edit(m['protected'], { typ: 'JWT' }) })],
    ['n 0', (m: Parts) => ({ ...m, payload: edit(m['payload'], { n: 0 }) })],
    ['n 65', (m: Parts) => ({ ...m, payload: edit(m['payload'], { n: 65 }) })],
    ['a short root', (m: Parts) => ({ ...m, payload: edit(m['payload'], { root: 'AAAA' }) })],
    ['an unknown custody', (m: Parts) => ({ ...m, payload: edit(m['payload'], { custody: 'tpm' }) })],
    ['one more member', (m: Parts) => ({ ...m, payload: edit(m['payload'], { x: 1 }) })],
  ])('is refused with %s', (_, change) => {
    const forged = JSON.stringify(change(members(jws)))
    expect(() => parseBatch(Buffer.from(forged))).toThrow(
      expect.objectContaining({ code: 'batch-invalid', alert: 110 }),
    )
  })

  it('is read or refused, never anything else', () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.uint8Array(),
          fc.json().map((json) => Buffer.from(json)),
        ),
        (bytes) => {
          expect(() => parseBatch(bytes)).toThrow(expect.objectContaining({ code: 'batch-invalid' }))
        },
      ),
    )
  })
})

function key(of: VerificationKey, changes: Partial<VerificationKey>): VerificationKey {
  return { kid: of.kid, algorithm: of.algorithm, publicKey: of.publicKey, ...changes }
}

function plain(encoded: string | undefined): string {
  return Buffer.from(encoded ?? '', 'base64url').toString()
}

/** A key that has a JWK and that no suite takes. */
function small(): object {
  return { algorithm: 'ML-DSA-44', publicKey: new Uint8Array(1312) }
}

/** What another process may send although the types exclude it. */
function hostile(input: object): SignInput {
  return Object.assign(Object.create(null), input)
}

function members(json: string): Record<string, string> {
  return JSON.parse(json)
}

/** base64url JSON with members replaced. */
function edit(encoded: string | undefined, changes: Record<string, unknown>): string {
  const object = members(Buffer.from(encoded ?? '', 'base64url').toString())
  return Buffer.from(JSON.stringify({ ...object, ...changes })).toString('base64url')
}

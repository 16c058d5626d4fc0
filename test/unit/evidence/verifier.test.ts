import { beforeAll, describe, expect, it } from 'vitest'
import { encodeBase64url, encodeUtf8 } from '../../../src/crypto/encoding.ts'
import { chainStart } from '../../../src/evidence/chain.ts'
import type { Expectations, SessionExpectations } from '../../../src/evidence/expectations.ts'
import type { StatementFields } from '../../../src/evidence/statement.ts'
import type { Evidence, VerificationKey } from '../../../src/evidence/types.ts'
import { CHECKS, type CheckName } from '../../../src/evidence/verdict.ts'
import { EvidenceVerifier } from '../../../src/evidence/verifier.ts'
import { SeedSigner } from '../../fakes/seedSigner.ts'
import { ANSWER, digestOf, End, NOW, QUESTION, SID } from './build.ts'

let client: SeedSigner
let gateway: SeedSigner
/** A question, its answer, and five more questions that share a batch. */
let question: Evidence
let answer: Evidence
let batch: Evidence[]

beforeAll(async () => {
  client = await SeedSigner.create(1)
  gateway = await SeedSigner.create(2)
  const c2s = new End('c2s', client, gateway.kid)
  const s2c = new End('s2c', gateway, client.kid)
  question = await c2s.one(QUESTION, { method: 'tools/call', id: '41' })
  const ack = { seq: 1, head: encodeBase64url(c2s.chain.head) }
  answer = await s2c.one(ANSWER, { kind: 'response', id: '41', req: digestOf(question.statement), ack })
  const statements = Array.from({ length: 5 }, () => c2s.statement(QUESTION, { method: 'tools/call', id: '41' }))
  batch = await c2s.batch(statements, Array(5).fill(QUESTION))
})

/** What the receiver of the question expects. */
function expected(changes: Partial<SessionExpectations> = {}): Expectations {
  const position = { seq: 0, head: chainStart(SID, 'c2s') }
  const headAt = (seq: number) => (seq === 0 ? chainStart(SID, 's2c') : undefined)
  const session = { sid: SID, dir: 'c2s', aud: gateway.kid, position, now: NOW, headAt, ...changes } as const
  return { trusts: (kid) => kid === client.kid, session }
}

async function outcome(evidence: Evidence, expect?: Expectations) {
  const verdict = await new EvidenceVerifier(0).verify(evidence, expect)
  return { verdict, failed: verdict.checks.find(({ ok }) => ok === false)?.name }
}

/** The statement of the question, signed anew with other fields by the same key. */
async function forged(changes: Partial<StatementFields>, context = QUESTION, by = client): Promise<Evidence> {
  return await new End('c2s', by, gateway.kid).one(context, { method: 'tools/call', id: '41', ...changes })
}

describe('evidence that holds', () => {
  it('passes every check that is asked, in order', async () => {
    const { verdict } = await outcome(question, expected())
    expect(verdict).toMatchObject({ ok: true, statement: { seq: 0 }, batch: { custody: 'software', n: 1 } })
    expect(verdict.checks.map(({ name }) => name)).toEqual(CHECKS)
    expect(verdict.checks.map(({ ok }) => ok)).toEqual([true, true, true, true, true, true, 'not asked'])
  })

  it('is bound to its question', async () => {
    const made = digestOf(question.statement)
    const ask = (digest: string) => (digest === made ? { server: 'files', exchange: 3 } : undefined)
    expect((await outcome(answer, { question: ask })).verdict.checks.at(-1)?.ok).toBe(true)
    for (const other of [
      () => undefined,
      () => ({ server: 'other', exchange: 3 }),
      () => ({ server: 'files', exchange: 4 }),
    ]) {
      expect((await outcome(answer, { question: other })).failed).toBe('bound to this question')
    }
  })

  it('says what it was compared with nothing for', async () => {
    const { verdict } = await outcome({ ...answer, context: undefined })
    expect(verdict.ok).toBe(true)
    expect(verdict.checks.slice(3).map(({ ok }) => ok)).toEqual(['not asked', 'not asked', 'not asked', 'not asked'])
    expect(String(verdict.checks[3]?.detail)).toContain('compared with nothing')
  })

  it('holds for each leaf of a batch, whose signature is verified once', async () => {
    const verifier = new EvidenceVerifier()
    for (const evidence of batch) expect(await verifier.verify(evidence)).toMatchObject({ ok: true })
    const [first] = batch
    if (first === undefined) throw new Error('no batch')
    // The remembered verdict is that of the right key: another one under its kid gains nothing from it.
    const liar: VerificationKey = { kid: client.kid, algorithm: client.algorithm, publicKey: gateway.publicKey }
    expect(await verifier.verify({ ...first, signer: liar })).toMatchObject({ ok: false })
    expect(await verifier.verify({ ...first, index: 1 })).toMatchObject({ ok: false })
    expect(await verifier.verify(first)).toMatchObject({ ok: true })
  })
})

describe('evidence that was changed', () => {
  const flip = (bytes: Uint8Array) => bytes.map((byte, at) => (at === bytes.length >> 1 ? byte ^ 1 : byte))

  it.each<[string, CheckName, (e: Evidence) => Evidence]>([
    ['its statement cut short', 'statement well formed', (e) => ({ ...e, statement: e.statement.slice(1) })],
    [
      'another statement',
      'proof leads to the root',
      (e) => ({ ...e, statement: batch[1]?.statement ?? flip(e.statement) }),
    ],
    ['another index', 'proof leads to the root', (e) => ({ ...e, index: 1 })],
    ['an index past the batch', 'proof leads to the root', (e) => ({ ...e, index: 5 })],
    ['a negative index', 'proof leads to the root', (e) => ({ ...e, index: -1 })],
    ['a fraction for an index', 'proof leads to the root', (e) => ({ ...e, index: 0.5 })],
    ['a shorter proof', 'proof leads to the root', (e) => ({ ...e, proof: e.proof.slice(1) })],
    ['a longer proof', 'proof leads to the root', (e) => ({ ...e, proof: [...e.proof, new Uint8Array(48)] })],
    [
      'an endless proof',
      'proof leads to the root',
      (e) => ({ ...e, proof: Array.from({ length: 9999 }, () => new Uint8Array(48)) }),
    ],
    ['a changed proof', 'proof leads to the root', (e) => ({ ...e, proof: e.proof.map(flip) })],
    ['the batch of others', 'proof leads to the root', (e) => ({ ...e, jws: question.jws })],
    ['a JWS that is none', 'proof leads to the root', (e) => ({ ...e, jws: encodeUtf8('{}') })],
    ['another signer', 'signature on the root', (e) => ({ ...e, signer: gateway })],
    ['a changed head', 'context is as stated', (e) => ({ ...e, head: flip(e.head) })],
    ['a changed context', 'context is as stated', (e) => ({ ...e, context: flip(QUESTION) })],
    [
      'a longer context',
      'context is as stated',
      (e) => ({ ...e, context: Buffer.concat([QUESTION, Buffer.from(' ')]) }),
    ],
    ['an empty context', 'context is as stated', (e) => ({ ...e, context: new Uint8Array() })],
  ])('with %s fails at "%s" and is not looked at further', async (_, name, change) => {
    const [first] = batch
    if (first === undefined) throw new Error('no batch')
    const { verdict, failed } = await outcome(change(first), { trusts: () => true })
    expect(failed).toBe(name)
    expect(verdict).toMatchObject({ ok: false, error: { name: 'EvidenceError' } })
    const after = verdict.checks.slice(CHECKS.indexOf(name) + 1)
    expect(after.every(({ ok }) => ok === 'not reached')).toBe(true)
  })

  it('does not hold with a signature that covers something else', async () => {
    const [changed] = await new End('c2s', gateway, client.kid).batch([question.statement], [QUESTION])
    // The root is right and well signed, by a key that is not the one named.
    const { failed } = await outcome({ ...question, jws: changed?.jws ?? question.jws })
    expect(failed).toBe('signature on the root')
  })
})

describe('evidence of somebody else or another time', () => {
  const session: CheckName = 'session, audience, sequence'

  it.each<[string, number, Partial<StatementFields>]>([
    ['another session', 110, { sid: encodeBase64url(new Uint8Array(48)) }],
    ['another audience', 110, { aud: encodeBase64url(new Uint8Array(32)) }],
    ['a sequence to come', 110, { seq: 1 }],
    ['another past', 110, { prev: digestOf(QUESTION) }],
    ['a clock that is fast', 112, { ts: NOW + 120_001 }],
    ['a clock that is slow', 112, { ts: NOW - 120_001 }],
    ['an acknowledgement of what was not sent', 110, { ack: { seq: 1, head: digestOf(QUESTION) } }],
    ['an acknowledgement of something else', 110, { ack: { seq: 0, head: digestOf(QUESTION) } }],
  ])('is refused for %s, alert %i', async (_, alert, changes) => {
    const { failed, verdict } = await outcome(await forged(changes), expected())
    expect(failed).toBe(session)
    expect(verdict.error).toMatchObject({ alert })
  })

  it('is a replay when its sequence was used', async () => {
    const { verdict } = await outcome(question, expected({ position: { seq: 1, head: chainStart(SID, 'c2s') } }))
    expect(verdict.error).toMatchObject({ code: 'replay', alert: 111 })
  })

  it('is refused in the other direction, for another server, and from another key', async () => {
    expect((await outcome(question, expected({ dir: 's2c' }))).failed).toBe(session)
    expect((await outcome(question, expected({ server: 'other' }))).failed).toBe(session)
    expect((await outcome(await forged({}, QUESTION, gateway), expected())).failed).toBe('key active at that time')
    expect((await outcome(await forged({ aud: client.kid }))).failed).toBe(session)
  })

  it('is accepted at the edge of the allowed skew', async () => {
    for (const ts of [NOW + 120_000, NOW - 120_000]) {
      expect((await outcome(await forged({ ts }), expected())).verdict.ok).toBe(true)
    }
  })

  it.each<[string, Partial<StatementFields>]>([
    ['another method', { method: 'tools/list' }],
    ['another id', { id: '42' }],
    ['the same id in another spelling', { id: '"41"' }],
  ])('is refused when the statement names %s than the context', async (_, changes) => {
    expect((await outcome(await forged(changes), expected())).failed).toBe('context is as stated')
  })

  it('is refused for a request that can be read in two ways', async () => {
    const twice = encodeUtf8('{"id":41,"method":"tools/call","method":"ping"}')
    const { verdict } = await outcome(await forged({}, twice), expected())
    expect(verdict.error).toMatchObject({ code: 'context-refused', alert: 110 })
  })
})

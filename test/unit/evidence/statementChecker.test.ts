import { beforeAll, describe, expect, it } from 'vitest'
import { encodeBase64url, encodeUtf8 } from '../../../src/crypto/encoding.ts'
import type { StatementFields } from '../../../src/evidence/statement.ts'
import { StatementChecker } from '../../../src/evidence/statementChecker.ts'
import type { Evidence } from '../../../src/evidence/types.ts'
import { EvidenceVerifier } from '../../../src/evidence/verifier.ts'
import { SeedSigner } from '../../fakes/seedSigner.ts'
import { ANSWER, digestOf, End, NOW, QUESTION, SID } from './build.ts'

let client: SeedSigner
let gateway: SeedSigner
/** A question, and five more that share a batch. */
let question: Evidence
let batch: Evidence[]
const said: Partial<StatementFields> = { method: 'tools/call', id: '41' }

beforeAll(async () => {
  client = await SeedSigner.create(1)
  gateway = await SeedSigner.create(2)
  const end = new End('c2s', client, gateway.kid)
  question = await end.one(QUESTION, said)
  const statements = Array.from({ length: 5 }, () => end.statement(QUESTION, said))
  batch = await end.batch(statements, Array(5).fill(QUESTION))
})

/** The statement of the question, signed anew with other fields. */
async function forged(changes: Partial<StatementFields>, by = client): Promise<Evidence> {
  return await new End('c2s', by, gateway.kid).one(QUESTION, { ...said, ...changes })
}

describe('the receiving end of a direction', () => {
  const verifier = new EvidenceVerifier()
  const receiver = () => ({ kid: client.kid, aud: gateway.kid })

  it('advances with each statement, also when a batch is handed over at once', async () => {
    const checker = new StatementChecker(SID, 'c2s')
    const all = await Promise.all(
      [question, ...batch].map((evidence) => checker.accept(verifier, evidence, receiver())),
    )
    expect(all.map(({ statement }) => statement.seq)).toEqual([0, 1, 2, 3, 4, 5])
    expect(checker.position.seq).toBe(6)
    expect(all[0]).toMatchObject({ digest: digestOf(question.statement) })
  })

  it('stays where it was when a statement is refused, and then takes the right one', async () => {
    const checker = new StatementChecker(SID, 'c2s')
    const start = checker.position
    const wrong: [Evidence, object][] = [
      [{ ...question, context: ANSWER }, { alert: 110 }],
      [batch[0] ?? question, { alert: 110 }],
      [await forged({}, gateway), { alert: 51 }],
      [await forged({ aud: encodeBase64url(new Uint8Array(32)) }), { alert: 110 }],
      [{ ...question, signer: gateway }, { alert: 51 }],
    ]
    for (const [evidence, error] of wrong) {
      await expect(checker.accept(verifier, evidence, receiver())).rejects.toMatchObject(error)
      expect(checker.position).toEqual(start)
    }
    expect(() => checker.check(encodeUtf8('{}'), receiver())).toThrow(expect.objectContaining({ alert: 110 }))
    await checker.accept(verifier, question, receiver())
    expect(checker.position.seq).toBe(1)
  })

  it('refuses what it has seen, the same and another statement of its sequence', async () => {
    const checker = new StatementChecker(SID, 'c2s')
    await checker.accept(verifier, question, receiver())
    const after = checker.position
    await expect(checker.accept(verifier, question, receiver())).rejects.toMatchObject({ code: 'replay', alert: 111 })
    await expect(checker.accept(verifier, await forged({ ts: NOW + 1 }), receiver())).rejects.toMatchObject({
      alert: 111,
    })
    expect(checker.position).toEqual(after)
  })

  it('refuses an acknowledgement that goes back', () => {
    const end = new End('c2s', client, gateway.kid)
    const checker = new StatementChecker(SID, 'c2s')
    checker.check(end.statement(QUESTION, { ack: { seq: 2, head: digestOf(ANSWER) } }), receiver())
    expect(() => checker.check(end.statement(QUESTION), receiver())).toThrow(expect.objectContaining({ alert: 110 }))
    expect(checker.position.seq).toBe(1)
  })
})

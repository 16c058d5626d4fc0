import { expect, it } from 'vitest'
import { StatementChecker } from '../../../src/evidence/statementChecker.ts'
import { EvidenceVerifier } from '../../../src/evidence/verifier.ts'
import { Exchanges } from '../../../src/session/contexts/exchanges.ts'
import { encodeBatch } from '../../../src/session/contexts/messages.ts'
import { ReceiveCredits } from '../../../src/session/contexts/receiveCredit.ts'
import { Receiver } from '../../../src/session/contexts/receiver.ts'
import { SeedSigner } from '../../fakes/seedSigner.ts'
import { digestOf, End, NOW, SID } from '../evidence/build.ts'

const NONE = new Uint8Array()

it('releases nothing of a batch behind a context whose release ended the session', async () => {
  const [client, gateway] = [await SeedSigner.create(1), await SeedSigner.create(2)]
  const { kid, algorithm, publicKey, custody } = client
  const end = new End('c2s', client, gateway.kid)
  const statements = [1, 2, 3].map((exchange) => end.statement(NONE, { exchange, head: digestOf(NONE) }))
  const evidence = await end.batch(statements, [])
  const entries = evidence.map(({ statement, index, proof }) => ({
    statement,
    index,
    proof,
    transfer: null,
    head: NONE,
  }))
  const released: number[] = []
  const receiver = new Receiver({
    peer: { kid, algorithm, publicKey, custody, name: 'editor' },
    ownKid: gateway.kid,
    verifier: new EvidenceVerifier(),
    checker: new StatementChecker(SID, 'c2s'),
    headAt: (seq) => new End('s2c', gateway, client.kid).chain.headAt(seq),
    exchanges: new Exchanges(),
    answers: false,
    credits: new ReceiveCredits(1_000_000, 1_000_000, () => {}),
    sink: { append: async () => {} },
    now: () => NOW,
    window: () => ({}),
    release: ({ statement }) => {
      released.push(statement.exchange)
      if (statement.exchange === 2) receiver.end()
    },
    fail: (error) => expect.unreachable(String(error)),
    hold: () => {},
    counted: () => {},
  })
  receiver.onBatch(encodeBatch({ jws: evidence[0]?.jws ?? NONE, entries }))
  await receiver.idle()
  expect(released).toEqual([1, 2])
})

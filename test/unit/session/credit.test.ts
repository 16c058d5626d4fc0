import { expect, it } from 'vitest'
import { Exchanges } from '../../../src/session/contexts/exchanges.ts'
import { ReceiveCredits } from '../../../src/session/contexts/receiveCredit.ts'
import { SendCredit, SendCredits } from '../../../src/session/contexts/sendCredit.ts'
import type { Statement } from '../../../src/evidence/types.ts'

it('serves takers in their order, the large one before the small one behind it', async () => {
  const credit = new SendCredit(10)
  await credit.take(8)
  const order: string[] = []
  const large = credit.take(9).then(() => order.push('large'))
  const small = credit.take(1).then(() => order.push('small'))
  credit.give(7)
  await Promise.resolve()
  expect(order).toEqual([])
  credit.give(1)
  await Promise.all([large, small])
  expect(order).toEqual(['large', 'small'])
})

it('lets a waiting taker leave, and serves the one behind it', async () => {
  const credit = new SendCredit(10)
  await credit.take(8)
  const cancel = new AbortController()
  const large = credit.take(9, cancel.signal)
  const small = credit.take(2)
  cancel.abort()
  await expect(large).rejects.toMatchObject({ code: 'cancelled' })
  await small
  await expect(credit.take(11)).rejects.toMatchObject({ code: 'limit' })
  expect(() => credit.give(11)).toThrow(expect.objectContaining({ alert: 115 }))
  const waiting = credit.take(5)
  credit.end(new Error('over'))
  await expect(waiting).rejects.toThrow('over')
})

it('forgets an exchange that owes nothing', async () => {
  const credits = new SendCredits(100, 10)
  await credits.take(1, 5)
  credits.give(1, 5)
  expect(() => credits.give(1, 5)).toThrow(expect.objectContaining({ alert: 115 }))
})

it('gives exchange credit back on arrival while the consumer keeps up, and later while it does not', () => {
  let urgent = 0
  const credits = new ReceiveCredits(1000, 100, () => (urgent += 1))
  credits.charge(1, 60)
  expect(urgent).toBe(1)
  expect(credits.windows(9)).toEqual([{ exchange: 1, bytes: 60 }])
  credits.queued(1, 120)
  credits.charge(1, 90)
  expect(credits.windows(9)).toEqual([])
  expect(() => credits.charge(1, 11)).toThrow(expect.objectContaining({ alert: 115 }))
  credits.delivered(1, 120)
  expect(credits.windows(9)).toContainEqual({ exchange: 0, bytes: 120 })
})

const digest = 'A'.repeat(64)
const BASE: Statement = {
  v: 1,
  typ: 'countersign-statement',
  sid: digest,
  dir: 'c2s',
  seq: 0,
  kind: 'request',
  server: 's',
  exchange: 1,
  head: digest,
  ts: 0,
  aud: 'a',
  salt: 's',
  ctx: { alg: 'sha-384', digest, length: 0 },
  prev: digest,
  ack: { seq: 0, head: digest },
}
const statement = (fields: Partial<Statement>): Statement => ({ ...BASE, ...fields })

it('holds an exchange to one request, answers that name it, and one end', () => {
  const exchanges = new Exchanges()
  const refused = expect.objectContaining({ alert: 110 })
  exchanges.received(statement({ kind: 'request', exchange: 1 }), 'd1')
  expect(exchanges.question('d1')).toEqual({ server: 's', exchange: 1 })
  expect(() => exchanges.received(statement({ kind: 'request', exchange: 1 }), 'd2')).toThrow(refused)
  expect(() => exchanges.received(statement({ kind: 'event', exchange: 1, req: 'd9' }), 'x')).toThrow(refused)
  exchanges.received(statement({ kind: 'event', exchange: 1, req: 'd1' }), 'x')
  exchanges.received(statement({ kind: 'end', exchange: 1, req: 'd1' }), 'x')
  expect(() => exchanges.received(statement({ kind: 'event', exchange: 1, req: 'd1' }), 'x')).toThrow(refused)
  exchanges.received(statement({ kind: 'cancel', exchange: 1, req: 'd1' }), 'x')
  expect(() => exchanges.received(statement({ kind: 'cancel', exchange: 2 }), 'x')).toThrow(refused)
  expect(() => exchanges.received(statement({ kind: 'request', exchange: 0 }), 'x')).toThrow(refused)
})

it('remembers a bounded past, however far a peer jumps', () => {
  const exchanges = new Exchanges()
  for (const exchange of [1, 2, 70_000, 2 ** 52]) exchanges.request(exchange, 's', `d${exchange}`)
  expect(() => exchanges.request(70_001, 's', 'd')).toThrow(expect.objectContaining({ alert: 110 }))
  exchanges.request(2 ** 52 - 5, 's', 'd')
})

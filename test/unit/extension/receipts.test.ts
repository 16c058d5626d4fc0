import { describe, expect, it } from 'vitest'
import { encodeBase64url, encodeUtf8 } from '../../../src/crypto/encoding.ts'
import { sha384 } from '../../../src/crypto/hash.ts'
import { chainNext, chainStart } from '../../../src/evidence/chain.ts'
import { Receipts } from '../../../src/extension/evidence/receipts.ts'

const sid = encodeBase64url(sha384(encodeUtf8('a session')))
const begin = chainStart(sid, 'c2s')
const heads = [0, 1, 2].map((seq) => chainNext(begin, encodeUtf8(`${seq}`)))
const none = { seq: 0, head: encodeBase64url(chainStart(sid, 's2c')) }
const ack = (seq: number, head = heads[seq - 1] ?? begin) => ({ seq, head: encodeBase64url(head) })

function sent(receipts: Receipts): void {
  heads.forEach((head, seq) => receipts.verified({ sid, dir: 'c2s', seq, ack: none }, head))
}

describe('receipts', () => {
  it('say what the other side has acknowledged, up to where', () => {
    const receipts = new Receipts()
    sent(receipts)
    expect(receipts.state(sid, 'c2s', 0)).toBeUndefined()
    receipts.verified({ sid, dir: 's2c', seq: 0, ack: ack(2) }, new Uint8Array(48))
    expect([0, 1, 2].map((seq) => receipts.state(sid, 'c2s', seq))).toEqual(['acknowledged', 'acknowledged', undefined])
    expect(receipts.take()).toEqual([{ sid, c2s: 2, s2c: 0, over: false }])
    expect(receipts.take()).toEqual([])
  })

  it('count only where the chain head is the one that was computed here', () => {
    const receipts = new Receipts()
    sent(receipts)
    receipts.verified({ sid, dir: 's2c', seq: 0, ack: ack(2, heads[2]) }, new Uint8Array(48))
    receipts.verified({ sid, dir: 's2c', seq: 1, ack: ack(9) }, new Uint8Array(48))
    expect(receipts.state(sid, 'c2s', 0)).toBeUndefined()
  })

  it('never come back, and never come after the end', () => {
    const receipts = new Receipts()
    sent(receipts)
    receipts.verified({ sid, dir: 's2c', seq: 0, ack: ack(2) }, new Uint8Array(48))
    receipts.verified({ sid, dir: 's2c', seq: 1, ack: ack(1) }, new Uint8Array(48))
    receipts.ended(sid)
    expect([1, 2].map((seq) => receipts.state(sid, 'c2s', seq))).toEqual(['acknowledged', 'never'])
    expect(receipts.state('another', 'c2s', 0)).toBeUndefined()
  })
})

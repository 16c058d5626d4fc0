import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { encodeBase64url } from '../../../src/crypto/encoding.ts'
import { SentChain } from '../../../src/evidence/chain.ts'
import { parseStatement } from '../../../src/evidence/statement.ts'
import { BatchSigner } from '../../../src/keys/batchSigner.ts'
import { SID } from '../evidence/build.ts'
import { HANDSHAKE, idle, Sender, signerOf, turns } from './sender.ts'

type Step = { readonly do: 'add' | 'cancel' | 'single' | 'wait'; readonly lane: number }

describe('whatever happens', () => {
  const step: fc.Arbitrary<Step> = fc.record({
    do: fc.constantFrom('add', 'add', 'add', 'add', 'cancel', 'single', 'wait'),
    lane: fc.nat(3),
  })

  it('no item is lost, signed twice, or out of order, and every chain is whole', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(step, { maxLength: 40 }),
        fc.array(fc.boolean(), { maxLength: 12 }),
        fc.integer({ min: 1, max: 8 }),
        run,
      ),
      { numRuns: 60 },
    )
  })

  async function run(steps: readonly Step[], failures: readonly boolean[], limit: number): Promise<void> {
    const left = [...failures]
    const signer = signerOf(async () => {
      const fails = left.shift() === true
      await new Promise((resolve) => setImmediate(resolve))
      if (fails) throw new Error('CKR_FUNCTION_FAILED')
    })
    const batches = new BatchSigner(signer, { limit })
    const senders = [0, 1, 2, 3].map((lane) => new Sender(String(lane)))
    const aborts: AbortController[] = []
    const singles: Promise<unknown>[] = []
    let added = 0
    for (const { do: what, lane } of steps) {
      const sender = senders[lane]
      if (what === 'add' && sender !== undefined) {
        const abort = new AbortController()
        aborts.push(abort)
        batches.enqueue(sender.item(), abort.signal)
        added++
      }
      if (what === 'cancel') aborts[aborts.length - 1 - lane]?.abort()
      if (what === 'single') singles.push(batches.sign(HANDSHAKE).catch(() => {}))
      if (what === 'wait') await new Promise((resolve) => setImmediate(resolve))
    }
    await idle(batches, senders, added)
    await Promise.all(singles)
    for (const sender of senders) check(sender)
    expect(turns(signer).every((turn) => typeof turn === 'string' || turn <= limit)).toBe(true)
  }

  function check(sender: Sender): void {
    const histories = new Set(Array.from({ length: sender.log.length }, (_, n) => sender.events(n).join(' ')))
    const allowed = ['', 'close signed', 'close rollback failed signer-unavailable', 'failed cancelled']
    expect(allowed).toEqual(expect.arrayContaining([...histories]))
    const chain = new SentChain(SID, 'c2s')
    let last = -1
    for (const bytes of sender.signed) {
      const { seq, prev, exchange } = parseStatement(bytes)
      // `exchange` counts the items as they were queued: signed in that order, and chained without a gap.
      expect([seq, prev]).toEqual([chain.seq, encodeBase64url(chain.head)])
      expect(exchange).toBeGreaterThan(last)
      last = exchange
      chain.append(bytes)
    }
    expect(sender.chain.head).toEqual(chain.head)
  }
})

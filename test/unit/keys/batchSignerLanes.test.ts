import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { encodeBase64url } from '../../../src/crypto/encoding.ts'
import { SentChain } from '../../../src/evidence/chain.ts'
import { parseStatement } from '../../../src/evidence/statement.ts'
import { ObservedSigner } from '../../../src/extension/identity/observedSigner.ts'
import { BatchSigner } from '../../../src/keys/batchSigner.ts'
import { systemClock } from '../../../src/support/clock.ts'
import { SID } from '../evidence/build.ts'
import { gate, HANDSHAKE, idle, Sender, settle, signerOf, turns } from './sender.ts'

describe('lanes', () => {
  it('sign different sessions at the same time, and one session never twice at once', async () => {
    const { before, open } = gate()
    const signer = signerOf(before)
    const batches = new BatchSigner(signer, { lanes: 2 })
    const [a, b, c] = [new Sender('a'), new Sender('b'), new Sender('c')]
    batches.enqueue(a.item())
    await settle()
    batches.enqueue(a.item())
    batches.enqueue(b.item())
    await settle()
    // The second of `a` names the first, which is not signed yet: it waits, although a lane was free.
    expect(turns(signer)).toEqual([1, 1])
    expect(a.events(1)).toEqual([])
    expect(b.events(0)).toEqual(['close'])
    batches.enqueue(c.item())
    await settle()
    expect(turns(signer)).toEqual([1, 1])
    for (let turn = 0; turn < 4; turn++) await open()
    await idle(batches, [a, b, c], 4)
    expect(a.signed.map((bytes) => parseStatement(bytes).seq)).toEqual([0, 1])
  })

  it('share the sessions out evenly, so that each has its part of the load', async () => {
    const { before } = gate()
    const signer = signerOf(before)
    const batches = new BatchSigner(signer, { lanes: 4 })
    for (let n = 0; n < 32; n++) batches.enqueue(new Sender(`s${n}`).item())
    await settle()
    expect(turns(signer)).toEqual([8, 8, 8, 8])
    batches.dispose()
  })

  it('have one bound for all of them', async () => {
    const { before } = gate()
    const batches = new BatchSigner(signerOf(before), { lanes: 3, queue: 2 })
    const senders = ['a', 'b', 'c'].map((name) => new Sender(name))
    for (const sender of senders) batches.enqueue(sender.item())
    await settle()
    expect(senders.map((sender) => sender.events(0))).toEqual([['close'], ['close'], ['failed limit']])
    batches.dispose()
  })

  it('take back and fail only what was in the lane whose signature failed', async () => {
    const { before, open } = gate()
    let calls = 0
    const signer = signerOf(async (input) => {
      const turn = calls++
      await before(input)
      if (turn === 0 || turn === 2) throw new Error('CKR_DEVICE_ERROR')
    })
    const batches = new BatchSigner(signer, { lanes: 2 })
    const [a, b] = [new Sender('a'), new Sender('b')]
    batches.enqueue(a.item())
    batches.enqueue(b.item())
    await settle()
    for (let turn = 0; turn < 3; turn++) await open()
    await idle(batches, [a, b], 2)
    expect(a.events(0)).toEqual(['close', 'rollback', 'failed signer-unavailable'])
    expect(b.events(0)).toEqual(['close', 'signed'])
    // The second try is of the same root.
    expect(signer.inputs[0]).toEqual(signer.inputs[2])
  })

  it('sign a handshake beside a batch, and in each at most one turn in four', async () => {
    const { before, open } = gate()
    const signer = signerOf(before)
    const batches = new BatchSigner(signer, { lanes: 2, limit: 1 })
    const sender = new Sender('a')
    for (let n = 0; n < 8; n++) batches.enqueue(sender.item())
    await settle()
    const singles = Array.from({ length: 3 }, () => batches.sign(HANDSHAKE))
    await settle()
    expect(turns(signer)).toEqual([1, 'handshake'])
    for (let turn = 0; turn < 11; turn++) await open()
    await Promise.all(singles)
    await idle(batches, [sender], 8)
  })

  it('are 1 to 16', () => {
    for (const lanes of [0, 17, 1.5]) {
      expect(() => new BatchSigner(signerOf(), { lanes })).toThrow('A key signs in 1 to 16 lanes.')
    }
  })

  it('are counted right: roots, the contexts that they cover, and what failed', async () => {
    let failures = 3
    const signer = signerOf(async () => {
      await settle()
      if (failures-- > 0) throw new Error('CKR_DEVICE_ERROR')
    })
    const ends: unknown[] = []
    const observed = new ObservedSigner(signer, systemClock, (error) => ends.push(error?.code))
    const batches = new BatchSigner(observed, { lanes: 3 })
    const senders = ['a', 'b', 'c', 'd', 'e'].map((name) => new Sender(name))
    for (let n = 0; n < 20; n++) for (const sender of senders) batches.enqueue(sender.item())
    await idle(batches, senders, 100)
    const roots = senders.flatMap((sender) => sender.batches)
    const contexts = senders.flatMap(({ signed }) => signed)
    expect(observed.figures).toMatchObject({ roots: new Set(roots).size, contexts: contexts.length, failed: 3 })
    expect(observed.figures.took).toHaveLength(observed.figures.roots)
    expect(ends).toHaveLength(observed.figures.roots + 3)
  })
})

describe('whatever happens in several lanes', () => {
  it('no item is lost, every chain is whole, and no session is in two batches at once', async () => {
    const step = fc.record({
      do: fc.constantFrom('add', 'add', 'add', 'cancel', 'single', 'wait'),
      session: fc.nat(5),
      server: fc.nat(1),
    })
    await fc.assert(
      fc.asyncProperty(
        fc.array(step, { maxLength: 60 }),
        fc.array(fc.boolean(), { maxLength: 12 }),
        fc.integer({ min: 1, max: 6 }),
        fc.integer({ min: 2, max: 4 }),
        async (steps, failures, limit, lanes) => {
          const left = [...failures]
          const signing = new Set<string>()
          const overlaps: string[] = []
          const signer = signerOf(async (input) => {
            if (input.kind !== 'batch') return
            const own = new Set(input.statements.map((bytes) => parseStatement(bytes).server))
            // Thrown here it would be one more signature that failed.
            for (const session of own) if (signing.has(session)) overlaps.push(session)
            for (const session of own) signing.add(session)
            const fails = left.shift() === true
            for (let turn = left.length % 3; turn >= 0; turn--) await new Promise((resolve) => setImmediate(resolve))
            for (const session of own) signing.delete(session)
            if (fails) throw new Error('CKR_FUNCTION_FAILED')
          })
          const batches = new BatchSigner(signer, { limit, lanes })
          const senders = Array.from({ length: 6 }, (_, n) => new Sender(`session${n}`))
          const aborts: AbortController[] = []
          const singles: Promise<unknown>[] = []
          let added = 0
          for (const { do: what, session, server } of steps) {
            const sender = senders[session]
            if (what === 'add' && sender !== undefined) {
              const abort = new AbortController()
              aborts.push(abort)
              batches.enqueue(sender.item({ server: `server${server}` }), abort.signal)
              added++
            }
            if (what === 'cancel') aborts[aborts.length - 1 - session]?.abort()
            if (what === 'single') singles.push(batches.sign(HANDSHAKE).catch(() => {}))
            if (what === 'wait') await new Promise((resolve) => setImmediate(resolve))
          }
          await idle(batches, senders, added)
          await Promise.all(singles)
          expect(overlaps).toEqual([])
          for (const sender of senders) checkChain(sender)
        },
      ),
      { numRuns: 60 },
    )
  })
})

function checkChain(sender: Sender): void {
  const chain = new SentChain(SID, 'c2s')
  for (const bytes of sender.signed) {
    const { seq, prev } = parseStatement(bytes)
    expect([seq, prev]).toEqual([chain.seq, encodeBase64url(chain.head)])
    chain.append(bytes)
  }
  expect(sender.chain.head).toEqual(chain.head)
}

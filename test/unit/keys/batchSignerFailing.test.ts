import { describe, expect, it } from 'vitest'
import { parseStatement } from '../../../src/evidence/statement.ts'
import { BatchSigner } from '../../../src/keys/batchSigner.ts'
import { gate, HANDSHAKE, idle, Sender, settle, signerOf, turns } from './sender.ts'

describe('a signature that fails', () => {
  it('is tried once more over the same root', async () => {
    let failures = 1
    const signer = signerOf(() => {
      if (failures-- > 0) throw new Error('CKR_DEVICE_ERROR')
    })
    const batches = new BatchSigner(signer)
    const sender = new Sender('a')
    batches.enqueue(sender.item())
    batches.enqueue(sender.item())
    await idle(batches, [sender], 2)
    expect(sender.events(0)).toEqual(['close', 'signed'])
    expect(signer.inputs[0]).toEqual(signer.inputs[1])
  })

  it('twice rolls the batch back in reverse, fails each item, and the next batch begins where this one did', async () => {
    let failures = 2
    const signer = signerOf(() => {
      if (failures-- > 0) throw new Error('CKR_DEVICE_ERROR')
    })
    const batches = new BatchSigner(signer, { limit: 3 })
    const sender = new Sender('a')
    for (let n = 0; n < 5; n++) batches.enqueue(sender.item())
    await idle(batches, [sender], 5)
    expect(sender.log.filter(({ event }) => event === 'rollback').map(({ n }) => n)).toEqual([2, 1, 0])
    expect(sender.events(0)).toEqual(['close', 'rollback', 'failed signer-unavailable'])
    expect(sender.signed.map((bytes) => parseStatement(bytes)).map(({ seq, exchange }) => [seq, exchange])).toEqual([
      [0, 4],
      [1, 5],
    ])
  })

  it('by not answering ends at the deadline, and the signal tells the signer', async () => {
    const aborted: unknown[] = []
    const signer = signerOf((_, signal) => {
      signal?.addEventListener('abort', () => aborted.push(signal.reason))
      return new Promise(() => {})
    })
    const batches = new BatchSigner(signer, { deadline: 10 })
    const sender = new Sender('a')
    batches.enqueue(sender.item())
    await expect(batches.sign(HANDSHAKE)).rejects.toMatchObject({ code: 'signer-unavailable' })
    await new Promise((resolve) => setTimeout(resolve, 60))
    expect(sender.events(0)).toEqual(['close', 'rollback', 'failed signer-unavailable'])
    expect(aborted).toHaveLength(3)
    expect(aborted[0]).toMatchObject({ code: 'signer-timeout' })
  })

  it('by its length is not passed on', async () => {
    const signer = signerOf()
    signer.sign = async () => new Uint8Array(3308)
    await expect(new BatchSigner(signer).sign(HANDSHAKE)).rejects.toMatchObject({ code: 'signer-unavailable' })
  })
})

describe('cancelling', () => {
  it('before the batch closes leaves no trace', async () => {
    const { before, open } = gate()
    const signer = signerOf(before)
    const batches = new BatchSigner(signer)
    const sender = new Sender('a')
    const [early, late] = [new AbortController(), new AbortController()]
    batches.enqueue(sender.item(), late.signal)
    await settle()
    batches.enqueue(sender.item(), early.signal)
    batches.enqueue(sender.item())
    early.abort()
    late.abort()
    expect(sender.events(1)).toEqual(['failed cancelled'])
    await open()
    await open()
    await idle(batches, [sender], 3)
    // The aborted item never had a sequence; the one whose batch was closed is signed as if nothing had happened.
    expect(sender.signed.map((bytes) => parseStatement(bytes)).map(({ seq, exchange }) => [seq, exchange])).toEqual([
      [0, 1],
      [1, 3],
    ])
  })

  it('before it is queued is told later, not at once', async () => {
    const batches = new BatchSigner(signerOf())
    const sender = new Sender('a')
    batches.enqueue(sender.item(), AbortSignal.abort())
    expect(sender.log).toEqual([])
    await settle()
    expect(sender.events(0)).toEqual(['failed cancelled'])
    await expect(batches.sign(HANDSHAKE, AbortSignal.abort())).rejects.toMatchObject({ code: 'cancelled' })
  })

  it('by disposing fails everything and rolls back what is being signed', async () => {
    const { before } = gate()
    const signer = signerOf(before)
    const batches = new BatchSigner(signer)
    const sender = new Sender('a')
    batches.enqueue(sender.item())
    await settle()
    batches.enqueue(sender.item())
    const single = batches.sign(HANDSHAKE)
    batches.dispose()
    batches.dispose()
    batches.enqueue(sender.item())
    await expect(single).rejects.toMatchObject({ code: 'signer-unavailable' })
    await idle(batches, [sender], 3)
    expect(sender.events(0)).toEqual(['close', 'rollback', 'failed signer-unavailable'])
    expect(sender.chain.seq).toBe(0)
    // No second try: nobody waits for it.
    expect(turns(signer)).toEqual([1])
  })
})

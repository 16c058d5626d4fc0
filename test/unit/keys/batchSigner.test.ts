import { describe, expect, it } from 'vitest'
import { encodeBase64url } from '../../../src/crypto/encoding.ts'
import { verifyInclusion } from '../../../src/crypto/merkle.ts'
import { verifySignature } from '../../../src/crypto/signature.ts'
import { verifyBatchJws } from '../../../src/evidence/batch.ts'
import { signingInput } from '../../../src/evidence/signingInput.ts'
import { parseStatement } from '../../../src/evidence/statement.ts'
import { BatchSigner } from '../../../src/keys/batchSigner.ts'
import { gate, HANDSHAKE, idle, key, Sender, settle, signerOf, turns } from './sender.ts'

describe('group commit', () => {
  it('signs what is queued in one turn together, and what queued meanwhile next', async () => {
    const { before, open } = gate()
    const signer = signerOf(before)
    const batches = new BatchSigner(signer)
    const sender = new Sender('a')
    for (let n = 0; n < 3; n++) batches.enqueue(sender.item())
    await settle()
    for (let n = 0; n < 5; n++) batches.enqueue(sender.item())
    await settle()
    expect(turns(signer)).toEqual([3])
    expect(sender.events(3)).toEqual([])
    await open()
    expect(turns(signer)).toEqual([3, 5])
    await open()
    await idle(batches, [sender], 8)
    expect(sender.signed.map((bytes) => parseStatement(bytes).seq)).toEqual([0, 1, 2, 3, 4, 5, 6, 7])
  })

  it('gives each item a batch that verifies', async () => {
    const batches = new BatchSigner(signerOf())
    const sender = new Sender('a')
    for (let n = 0; n < 5; n++) batches.enqueue(sender.item())
    await idle(batches, [sender], 5)
    const [batch] = sender.batches
    if (batch === undefined) throw new Error('no batch')
    expect(await verifyBatchJws(batch.jws, key)).toMatchObject({ n: 5, root: encodeBase64url(batch.root) })
    for (const [index, statement] of batch.statements.entries()) {
      expect(verifyInclusion(statement, index, batch.size, batch.proofs[index] ?? [], batch.root)).toBe(true)
    }
  })

  it('never has two signatures in flight and never more than the limit in a batch', async () => {
    let inFlight = 0
    const signer = signerOf(async () => {
      expect(++inFlight).toBe(1)
      await settle()
      inFlight--
    })
    const batches = new BatchSigner(signer, { limit: 4 })
    const sender = new Sender('a')
    for (let n = 0; n < 10; n++) batches.enqueue(sender.item())
    const single = batches.sign(HANDSHAKE)
    await idle(batches, [sender], 10)
    await single
    expect(turns(signer).filter((turn) => typeof turn === 'number')).toEqual([4, 4, 2])
  })

  it('serves sessions in turn: a busy one does not make the others wait', async () => {
    const { before, open } = gate()
    const signer = signerOf(before)
    const batches = new BatchSigner(signer, { limit: 4 })
    const [busy, calm] = [new Sender('busy'), new Sender('calm')]
    for (let n = 0; n < 40; n++) batches.enqueue(busy.item())
    batches.enqueue(calm.item())
    batches.enqueue(calm.item())
    await settle()
    await open()
    expect(calm.signed).toHaveLength(2)
    expect(busy.signed).toHaveLength(2)
    batches.dispose()
  })

  it('has a bounded queue and tells so through the item', async () => {
    const { before } = gate()
    const batches = new BatchSigner(signerOf(before), { queue: 2 })
    const sender = new Sender('a')
    for (let n = 0; n < 3; n++) batches.enqueue(sender.item())
    expect(sender.events(2)).toEqual([])
    await settle()
    expect(sender.events(2)).toEqual(['failed limit'])
    expect(sender.events(1)).toEqual(['close'])
    batches.dispose()
  })

  it('costs a bad statement its own item only, with its counters taken back', async () => {
    const batches = new BatchSigner(signerOf())
    const sender = new Sender('a')
    const events: string[] = []
    batches.enqueue(sender.item())
    batches.enqueue(
      sender.item({
        close: () => new TextEncoder().encode('{"any":"bytes"}'),
        rollback: () => void events.push('rollback'),
      }),
    )
    batches.enqueue(
      sender.item({
        close: () => {
          throw new Error('no')
        },
        rollback: () => void events.push('never'),
      }),
    )
    batches.enqueue(sender.item())
    await idle(batches, [sender], 4)
    expect(events).toEqual(['rollback'])
    expect([1, 2].map((n) => sender.events(n))).toEqual([['failed statement-invalid'], ['failed internal']])
    expect(sender.signed.map((bytes) => parseStatement(bytes).seq)).toEqual([0, 1])
  })
})

describe('handshakes and rekeys', () => {
  it('are signed over exactly their input', async () => {
    const signature = await new BatchSigner(signerOf()).sign(HANDSHAKE)
    const { bytes } = signingInput(HANDSHAKE, key)
    expect(await verifySignature('ML-DSA-65', key.publicKey, bytes, signature)).toBe(true)
  })

  it('go at once when no batch waits, and take one turn in four when batches do', async () => {
    const { before, open } = gate()
    const signer = signerOf(before)
    const batches = new BatchSigner(signer, { limit: 1 })
    const sender = new Sender('a')
    const singles = Array.from({ length: 5 }, () => batches.sign(HANDSHAKE))
    await settle()
    for (let n = 0; n < 9; n++) batches.enqueue(sender.item())
    for (let turn = 0; turn < 14; turn++) await open()
    await Promise.all(singles)
    const h = 'handshake'
    expect(turns(signer)).toEqual([h, 1, 1, 1, h, 1, 1, 1, h, 1, 1, 1, h, h])
  })

  it('are refused when too many wait', async () => {
    const { before } = gate()
    const batches = new BatchSigner(signerOf(before))
    const results = Array.from({ length: 258 }, () => batches.sign(HANDSHAKE).catch((error: unknown) => error))
    expect(await results[256]).toMatchObject({ code: 'limit' })
    batches.dispose()
    expect(await results[0]).toMatchObject({ code: 'signer-unavailable' })
  })
})

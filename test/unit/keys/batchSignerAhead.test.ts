import { describe, expect, it } from 'vitest'
import { parseStatement } from '../../../src/evidence/statement.ts'
import { BatchSigner } from '../../../src/keys/batchSigner.ts'
import { gate, HANDSHAKE, idle, Sender, settle, signerOf, turns } from './sender.ts'

/** Two batches of two and a rest, of which the first is at the key. */
async function started(before = gate()) {
  const signer = signerOf(before.before)
  const batches = new BatchSigner(signer, { limit: 2 })
  const sender = new Sender('a')
  for (let n = 0; n < 5; n++) batches.enqueue(sender.item())
  await settle()
  return { signer, batches, sender, open: before.open }
}

describe('a batch that is full while the one before is signed', () => {
  it('is closed meanwhile, goes to the key afterwards, and no other is closed behind it', async () => {
    const { signer, batches, sender, open } = await started()
    expect(turns(signer)).toEqual([2])
    expect([2, 3, 4].map((n) => sender.events(n))).toEqual([['close'], ['close'], []])
    await open()
    expect(turns(signer)).toEqual([2, 2])
    await open()
    await open()
    await idle(batches, [sender], 5)
    expect(turns(signer)).toEqual([2, 2, 1])
    expect(sender.signed.map((bytes) => parseStatement(bytes).seq)).toEqual([0, 1, 2, 3, 4])
  })

  it('is taken back with the one before, last first, and what waits goes on from there', async () => {
    let failing = true
    const held = gate()
    const before = async () => {
      await held.before({ kind: 'batch', statements: [] })
      if (failing) throw new Error('no signature')
    }
    const { batches, sender, open } = await started({ before, open: held.open })
    await open()
    await open()
    failing = false
    await open()
    await idle(batches, [sender], 5)
    expect(sender.log.filter(({ event }) => event === 'rollback').map(({ n }) => n)).toEqual([3, 2, 1, 0])
    for (const n of [0, 1, 2, 3]) {
      expect(sender.events(n)).toEqual(['close', 'rollback', 'failed signer-unavailable'])
    }
    expect(sender.signed.map((bytes) => parseStatement(bytes).seq)).toEqual([0])
  })

  it('cannot be cancelled any more, as any batch that is closed', async () => {
    const before = gate()
    const batches = new BatchSigner(signerOf(before.before), { limit: 1 })
    const sender = new Sender('a')
    const [first, second, abort] = [sender.item(), sender.item(), new AbortController()]
    batches.enqueue(first)
    batches.enqueue(second, abort.signal)
    await settle()
    abort.abort()
    expect(batches.withdraw(second)).toBe(false)
    await before.open()
    await before.open()
    await idle(batches, [sender], 2)
    expect(sender.events(1)).toEqual(['close', 'signed'])
  })

  it('waits for a handshake whose turn it is', async () => {
    const { signer, batches, sender, open } = await started()
    const single = batches.sign(HANDSHAKE)
    for (let turn = 0; turn < 4; turn++) await open()
    await single
    await idle(batches, [sender], 5)
    expect(turns(signer)).toEqual([2, 'handshake', 2, 1])
  })

  it('is taken back when the signer is disposed', async () => {
    const { batches, sender, signer } = await started()
    batches.dispose()
    await settle()
    expect(sender.log.filter(({ event }) => event === 'rollback').map(({ n }) => n)).toEqual([3, 2, 1, 0])
    expect(sender.events(4)).toEqual(['failed signer-unavailable'])
    expect(turns(signer)).toEqual([2])
    expect(sender.chain.seq).toBe(0)
  })
})

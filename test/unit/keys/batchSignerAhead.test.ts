import { afterEach, describe, expect, it, vi } from 'vitest'
import type { SignInput } from '../../../src/contracts/signInput.ts'
import { merkleRoot } from '../../../src/crypto/merkle.ts'
import { parseStatement } from '../../../src/evidence/statement.ts'
import { BatchSigner } from '../../../src/keys/batchSigner.ts'
import type { SeedSigner } from '../../fakes/seedSigner.ts'
import { gate, HANDSHAKE, idle, Sender, settle, signerOf, turns } from './sender.ts'

/** Two batches of two and a rest, of which the first is at the key. */
async function started(before = gate()) {
  const signer = signerOf(before.before)
  const asked = spied(signer)
  const batches = new BatchSigner(signer, { limit: 2 })
  const sender = new Sender('a')
  for (let n = 0; n < 5; n++) batches.enqueue(sender.item())
  await settle()
  return { signer, asked, batches, sender, open: before.open }
}

/** Roots that batches are to be signed behind, in the order in which the signer is asked. */
function spied(signer: SeedSigner): (Uint8Array | undefined)[] {
  const asked: (Uint8Array | undefined)[] = []
  const sign = signer.sign.bind(signer)
  signer.sign = (input, signal, batch) => {
    asked.push(batch?.behind?.root)
    return sign(input, signal, batch)
  }
  return asked
}

function rootOf(input: SignInput | undefined): Uint8Array {
  return input?.kind === 'batch' ? merkleRoot(input.statements) : expect.fail('no batch')
}

const seqs = (input: SignInput | undefined) =>
  input?.kind === 'batch' ? input.statements.map((bytes) => parseStatement(bytes).seq) : []

describe('a batch that is full while the one before is signed', () => {
  afterEach(() => void vi.useRealTimers())

  it('is closed and asked for meanwhile, signed behind that one, and no other is closed behind it', async () => {
    const { signer, asked, batches, sender, open } = await started()
    expect(turns(signer)).toEqual([2])
    expect(asked).toEqual([undefined, rootOf(signer.inputs[0])])
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
    const { signer, batches, sender, open } = await started({ before, open: held.open })
    await open()
    await open()
    failing = false
    await open()
    await idle(batches, [sender], 5)
    expect(signer.inputs.map(seqs)).toEqual([[0, 1], [0, 1], [0]])
    expect(sender.log.filter(({ event }) => event === 'rollback').map(({ n }) => n)).toEqual([3, 2, 1, 0])
    for (const n of [0, 1, 2, 3]) {
      expect(sender.events(n)).toEqual(['close', 'rollback', 'failed signer-unavailable'])
    }
    expect(sender.signed.map((bytes) => parseStatement(bytes).seq)).toEqual([0])
  })

  it('is signed after the second try of the one before, where the first failed', async () => {
    let failures = 1
    const held = gate()
    const before = async () => {
      await held.before({ kind: 'batch', statements: [] })
      if (failures-- > 0) throw new Error('no signature')
    }
    const { signer, asked, batches, sender, open } = await started({ before, open: held.open })
    for (let turn = 0; turn < 4; turn++) await open()
    await idle(batches, [sender], 5)
    expect(signer.inputs.map(seqs)).toEqual([[0, 1], [0, 1], [2, 3], [4]])
    // It is history then: nothing is to be behind it.
    expect(asked.map((root) => root !== undefined)).toEqual([false, true, false, false, false])
    expect(sender.signed.map((bytes) => parseStatement(bytes).seq)).toEqual([0, 1, 2, 3, 4])
  })

  it('does not count as signed where the one before was not, whatever the signer says', async () => {
    const { signer, batches, sender, open } = await started()
    const sign = signer.sign.bind(signer)
    signer.sign = async (input, signal) => {
      if (input.kind === 'batch' && seqs(input)[0] === 0) throw new Error('no signature')
      return await sign(input, signal)
    }
    batches.dispose()
    const careless = new BatchSigner(signer, { limit: 2 })
    for (let n = 0; n < 4; n++) careless.enqueue(sender.item())
    await settle()
    await open()
    await open()
    await idle(careless, [sender], 9)
    for (const n of [5, 6, 7, 8]) {
      expect(sender.events(n)).toEqual(['close', 'rollback', 'failed signer-unavailable'])
    }
    expect(sender.signed).toEqual([])
  })

  it('has the whole deadline for itself, from the end of the one before', async () => {
    const { batches, sender, open } = await started()
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
    vi.advanceTimersByTime(14_000)
    await open()
    vi.advanceTimersByTime(14_000)
    await open()
    await open()
    await idle(batches, [sender], 5)
    expect(sender.signed).toHaveLength(5)
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

  it('is not asked for when it is the turn of a handshake, which waits for the two batches at the key and no other', async () => {
    const { signer, batches, sender, open } = await started()
    const single = batches.sign(HANDSHAKE)
    for (let n = 0; n < 2; n++) batches.enqueue(sender.item())
    for (let turn = 0; turn < 5; turn++) await open()
    await single
    await idle(batches, [sender], 7)
    expect(turns(signer)).toEqual([2, 2, 'handshake', 2, 1])
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

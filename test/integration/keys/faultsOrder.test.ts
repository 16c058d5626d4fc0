import { describe, expect, it } from 'vitest'
import type { SignInput } from '../../../src/contracts/signInput.ts'
import { encodeBase64url } from '../../../src/crypto/encoding.ts'
import { verifySignature } from '../../../src/crypto/signature.ts'
import { SentChain } from '../../../src/evidence/chain.ts'
import { signingInput } from '../../../src/evidence/signingInput.ts'
import { encodeStatement } from '../../../src/evidence/statement.ts'
import { BatchSigner } from '../../../src/keys/batchSigner.ts'
import type { BatchTurn } from '../../../src/keys/signer.ts'
import { whyNoFaultyToken } from '../../fakes/pkcs11/faultyToken.ts'
import { fields, SID } from '../../unit/evidence/build.ts'
import { Sender } from '../../unit/keys/sender.ts'
import { faultsStands, type Stand } from './faultsStand.ts'

const reason = await whyNoFaultyToken()
const DEVICE_ERROR = 0x30

/** Two batches of one chain: the second names the first. */
function chained(): readonly [SignInput, SignInput] {
  const chain = new SentChain(SID, 'c2s')
  const next = (): SignInput => {
    const statement = encodeStatement(
      fields({ seq: chain.seq, prev: encodeBase64url(chain.head), exchange: chain.seq + 1 }),
    )
    chain.append(statement)
    return { kind: 'batch', statements: [statement] }
  }
  return [next(), next()]
}

describe.skipIf(reason !== undefined)(
  `a batch that is at the key before the one before it is signed${reason ? ` skipped: ${reason}` : ''}`,
  () => {
    const standWith = faultsStands('faultsOrder')

    /** Asks for both in one turn of the event loop, the second behind the first. */
    async function ask({ signer, faults }: Stand, [first, second]: readonly [SignInput, SignInput]) {
      const { bytes, root } = signingInput(first, signer)
      const before = faults.count('C_Sign')
      const signing = signer.sign(first)
      const behind: BatchTurn['behind'] = { root: root ?? expect.fail('no batch'), ended: signing.catch(() => {}) }
      const expected = () => signingInput(second, signer).bytes
      const ended = await Promise.allSettled([signing, signer.sign(second, undefined, { expected, behind })])
      return { ended, bytes: [bytes, expected()], made: () => faults.count('C_Sign') - before }
    }

    it('is signed after it', async () => {
      const stand = await standWith()
      const { ended, bytes, made } = await ask(stand, chained())
      expect(made()).toBe(2)
      for (const [index, end] of ended.entries()) {
        const signature = end.status === 'fulfilled' ? end.value : expect.fail(String(end.reason))
        const { algorithm, publicKey } = stand.signer
        expect(await verifySignature(algorithm, publicKey, bytes[index] ?? new Uint8Array(), signature)).toBe(true)
      }
    })

    it('is not signed when the token fails to sign that one', async () => {
      const stand = await standWith()
      stand.faults.place({ at: 'C_Sign', what: 'answer', number: DEVICE_ERROR, times: 1 })
      const { ended, made } = await ask(stand, chained())
      expect(ended).toMatchObject([
        { status: 'rejected', reason: { code: 'signer-unavailable' } },
        { status: 'rejected', reason: { code: 'predecessor-unsigned' } },
      ])
      expect(made()).toBe(1)
    })

    it('is not signed when that one is refused for what it holds', async () => {
      const stand = await standWith()
      const [, second] = chained()
      const bad: SignInput = { kind: 'batch', statements: [new TextEncoder().encode('{}')] }
      const before = stand.faults.count('C_Sign')
      const behind = { root: new Uint8Array(48), ended: Promise.resolve() }
      const expected = () => new Uint8Array(0)
      const ended = await Promise.allSettled([
        stand.keyProcess.call('sign', { handle: 1, input: bad }),
        stand.signer.sign(second, undefined, { expected, behind }),
      ])
      expect(ended).toMatchObject([
        { reason: { code: 'statement-invalid' } },
        { reason: { code: 'predecessor-unsigned' } },
      ])
      expect(stand.faults.count('C_Sign')).toBe(before)
    })

    it('and a token that fails twice in the middle: what follows is one history, and each item has one end', async () => {
      const { signer, faults } = await standWith()
      const batches = new BatchSigner(signer, { limit: 2 })
      const sender = new Sender('a')
      await new Promise<void>((resolve) => {
        batches.enqueue(sender.item({ signed: () => resolve() }))
      })
      faults.place({ at: 'C_Sign', what: 'answer', number: DEVICE_ERROR, times: 2 })
      const before = faults.count('C_Sign')
      for (let n = 1; n <= 8; n++) batches.enqueue(sender.item())
      await expect.poll(() => sender.log.filter(({ event }) => /^(signed|failed)/.test(event)).length, WAIT).toBe(8)
      const end = (n: number) => sender.events(n).at(-1)
      expect([1, 2, 3, 4].map(end)).toEqual(Array(4).fill('failed signer-unavailable'))
      expect([5, 6, 7, 8].map(end)).toEqual(Array(4).fill('signed'))
      // The two that failed and the two batches that were signed: none was made for what was taken back.
      expect(faults.count('C_Sign') - before).toBe(4)
      expect(sender.chain.seq).toBe(5)
    })
  },
)

const WAIT = { timeout: 60_000 }

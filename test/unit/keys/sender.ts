import { beforeAll, expect } from 'vitest'
import { encodeBase64url } from '../../../src/crypto/encoding.ts'
import { SentChain } from '../../../src/evidence/chain.ts'
import { encodeStatement } from '../../../src/evidence/statement.ts'
import type { BatchSigner, SingleInput } from '../../../src/keys/batchSigner.ts'
import type { BatchItem, SignedBatch } from '../../../src/keys/batching.ts'
import { SigningOrder } from '../../../src/keys/process/signingOrder.ts'
import { SeedSigner } from '../../fakes/seedSigner.ts'
import { fields, SID } from '../evidence/build.ts'

export const HANDSHAKE: SingleInput = {
  kind: 'handshake',
  role: 'client',
  suite: 'MLKEM1024_X25519_MLDSA87_AES256GCM_SHA384',
  hash: new Uint8Array(48).fill(3),
}

/** A sender as a session is one: it assigns sequence and chain when a batch closes and takes them back on rollback. */
export class Sender {
  readonly session: string
  readonly chain = new SentChain(SID, 'c2s')
  /** What became of each item, in the order in which it was told. */
  readonly log: { readonly n: number; readonly event: string }[] = []
  readonly signed: Uint8Array[] = []
  readonly batches: SignedBatch[] = []
  private n = 0

  constructor(session: string) {
    this.session = session
  }

  item(overrides: Partial<BatchItem> = {}): BatchItem {
    const n = this.n++
    const note = (event: string) => this.log.push({ n, event })
    return {
      session: this.session,
      server: 'echo',
      close: () => {
        note('close')
        const { seq, head } = this.chain
        const statement = encodeStatement(
          fields({ seq, prev: encodeBase64url(head), exchange: n + 1, server: this.session }),
        )
        this.chain.append(statement)
        return statement
      },
      rollback: () => {
        note('rollback')
        this.chain.rollback()
      },
      signed: (batch, index) => {
        note('signed')
        this.signed.push(batch.statements[index] ?? new Uint8Array())
        if (!this.batches.includes(batch)) this.batches.push(batch)
      },
      failed: (error) => note('code' in error ? `failed ${String(error.code)}` : 'failed'),
      ...overrides,
    }
  }

  events(n: number): string[] {
    return this.log.filter((entry) => entry.n === n).map(({ event }) => event)
  }
}

/** Set before the tests run. */
export let key: SeedSigner

/** The same key with a log of its own, and a gate that holds each signature until it is opened. */
export function signerOf(before: SeedSigner['before'] = () => {}): SeedSigner {
  const signer: SeedSigner = Object.assign(Object.create(SeedSigner.prototype), key, {
    inputs: [],
    before,
    order: new SigningOrder(),
  })
  return signer
}

export function gate(): { readonly before: SeedSigner['before']; readonly open: () => Promise<void> } {
  const waiting: (() => void)[] = []
  return {
    before: () => new Promise<void>((resolve) => void waiting.push(resolve)),
    open: async () => {
      waiting.shift()?.()
      await settle()
    },
  }
}

/** Lets everything run that does not wait for a gate: in turns of the event loop, which a slow machine has as many of as a fast one. */
export async function settle(): Promise<void> {
  for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve))
}

export async function idle(batches: BatchSigner, senders: readonly Sender[], count: number): Promise<void> {
  const ended = () => senders.flatMap(({ log }) => log).filter(({ event }) => /^(signed|failed)/.test(event)).length
  for (let turn = 0; turn < 2000 && ended() < count; turn++) await new Promise((resolve) => setImmediate(resolve))
  expect(batches.waiting).toBe(0)
  expect(ended()).toBe(count)
}

/** Lengths of the batches, "1" for a single signature. */
export function turns(signer: SeedSigner): (number | string)[] {
  return signer.inputs.map((input) => (input.kind === 'batch' ? input.statements.length : input.kind))
}

beforeAll(async () => {
  key = await SeedSigner.create(1, 'ML-DSA-65')
})

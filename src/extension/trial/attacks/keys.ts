import { decodeUtf8, encodeUtf8 } from '../../../crypto/encoding.ts'
import { RECORD } from '../../../session/channel/record.ts'
import { encodeBatch, parseBatch } from '../../../session/contexts/messages.ts'
import { buildBatch, sealBatch } from '../../../evidence/batch.ts'
import { digestOf } from '../../../evidence/checks.ts'
import type { SessionAttack } from '../attack.ts'
import { batchIs, contextIs, eachEntry, insteadOf, jwsIs, stating } from '../edits.ts'
import { t } from '../../../support/l10n.ts'

/** Whoever got all keys of the running session, so that what they make is sealed as it should be. They have no signing key. */
const withSessionKeys = { on: 'session', attacker: 'keys', reaches: 'server' } as const

const NONE = new Uint8Array(0)
/** Each call asks the server to say this back. */
export const WORD = 'unaltered'
const forged = (body: Uint8Array): Uint8Array => encodeUtf8(decodeUtf8(body).replace(WORD, 'forgeries'))

/** Context and statement fit each other again; what was signed is the statement that was there before. */
const repaired = (statement: Uint8Array, body: Uint8Array): Uint8Array =>
  stating(statement, () => ({ ctx: { alg: 'sha-384', digest: digestOf(body), length: body.length } }))

export const KEYS: readonly SessionAttack[] = [
  {
    ...withSessionKeys,
    id: 'replay-context',
    title: t('Replay a signed context in a new record'),
    change: t('An earlier call with its own true evidence, sealed anew with the next number.'),
    arm: ({ tap }) => insteadOf(tap.records.c2s),
  },
  {
    ...withSessionKeys,
    id: 'alter-context',
    title: t('Alter the context under its old signature'),
    change: t('A word in the call.'),
    arm: () => ({ outRecord: contextIs(forged) }),
  },
  {
    ...withSessionKeys,
    id: 'alter-statement',
    title: t('Alter the context, and its statement to fit'),
    change: t('A word in the call, and the digest of it in the statement.'),
    arm: () => {
      let body: Uint8Array = NONE
      const context = contextIs((bytes) => (body = forged(bytes)))
      const evidence = batchIs((batch) =>
        eachEntry(batch, (entry) => ({ ...entry, statement: repaired(entry.statement, body) })),
      )
      return { outRecord: (type, payload) => evidence(type, context(type, payload)) }
    },
  },
  {
    ...withSessionKeys,
    id: 'alter-root',
    title: t('Alter context, statement and root'),
    change: t('The whole batch is built anew over the forged call; the old signature is kept.'),
    arm: ({ own }) => {
      let body: Uint8Array = NONE
      const context = contextIs((bytes) => (body = forged(bytes)))
      return {
        outRecord: (type, payload) => {
          if (type !== RECORD.Batch) return context(type, payload)
          const batch = parseBatch(payload)
          const forgery = eachEntry(batch, (entry) => ({ ...entry, statement: repaired(entry.statement, body) }))
          const { payload: root } = buildBatch(
            forgery.entries.map(({ statement }) => statement),
            own,
          )
          return jwsIs(() => ({ payload: root }))(type, encodeBatch(forgery))
        },
      }
    },
  },
  {
    ...withSessionKeys,
    id: 'sign-with-another-key',
    title: t('Sign with another key'),
    change: t('The statement is signed anew, with a good signature of the attacker’s own key.'),
    arm: ({ strange }) => ({
      outRecord: async (type, payload) => {
        if (type !== RECORD.Batch) return payload
        const { entries } = parseBatch(payload)
        const statements = entries.map(({ statement }) => statement)
        const signature = await strange.sign({ kind: 'batch', statements })
        return encodeBatch({ entries, jws: sealBatch(buildBatch(statements, strange), signature).jws })
      },
    }),
  },
  {
    ...withSessionKeys,
    id: 'strip-signature',
    title: t('Strip the signature'),
    change: t('The JWS keeps its header and payload; its signature is empty.'),
    arm: () => ({ outRecord: jwsIs(() => ({ signature: NONE })) }),
  },
  {
    ...withSessionKeys,
    id: 'alg-none',
    title: t('Change the algorithm of the JWS to none'),
    change: t('The header says that nothing was signed, and there is no signature.'),
    arm: () => ({ outRecord: jwsIs(() => ({ header: { alg: 'none' }, signature: NONE })) }),
  },
  {
    ...withSessionKeys,
    id: 'alg-weaker',
    title: t('Change the algorithm of the JWS to a weaker one'),
    change: t('The header names ML-DSA-65 instead of ML-DSA-87.'),
    arm: () => ({ outRecord: jwsIs(() => ({ header: { alg: 'ML-DSA-65' } })) }),
  },
  {
    ...withSessionKeys,
    id: 'strip-proof',
    title: t('Strip the proof'),
    change: t('Three calls share a signature; the paths from their statements to the signed root are taken out.'),
    calls: 3,
    arm: () => ({ outRecord: batchIs((batch) => eachEntry(batch, (entry) => ({ ...entry, proof: [] }))) }),
  },
  {
    ...withSessionKeys,
    id: 'swap-evidence',
    title: t('Swap the evidence of two contexts'),
    change: t('Three calls share a signature; the first two change places under it.'),
    calls: 3,
    arm: () => ({
      outRecord: batchIs((batch) => {
        const [one, two, ...rest] = batch.entries
        if (one === undefined || two === undefined) return batch
        const swapped = [
          { ...one, transfer: two.transfer },
          { ...two, transfer: one.transfer },
        ]
        return { ...batch, entries: [...swapped, ...rest] }
      }),
    }),
  },
  {
    ...withSessionKeys,
    id: 'evidence-of-another-session',
    title: t('Use the evidence of another session'),
    change: t('A call of an earlier session with its own true evidence, sealed with this session’s keys.'),
    arm: ({ earlier }) => insteadOf(earlier.records.c2s),
  },
  {
    ...withSessionKeys,
    id: 'swap-directions',
    title: t('Swap the directions'),
    change: t('An answer of the gateway with its own true evidence is sent to the gateway as a call.'),
    arm: ({ tap }) => insteadOf(tap.records.s2c),
  },
  {
    ...withSessionKeys,
    id: 'another-server',
    title: t('Redirect the call to another server'),
    change: t('The statement names the server “payments” instead of “sample”.'),
    arm: () => ({
      outRecord: batchIs((batch) =>
        eachEntry(batch, (entry) => ({
          ...entry,
          statement: stating(entry.statement, () => ({ server: 'payments' })),
        })),
      ),
    }),
  },
  {
    ...withSessionKeys,
    id: 'alter-answer',
    title: t('Alter an answer of the gateway'),
    change: t('A word in the answer, under the gateway’s old signature.'),
    reaches: 'agent',
    arm: () => ({ inRecord: contextIs(forged) }),
  },
  {
    ...withSessionKeys,
    id: 'strip-signature-of-answer',
    title: t('Strip the signature of an answer'),
    change: t('The JWS over the answer keeps its header and payload; its signature is empty.'),
    reaches: 'agent',
    arm: () => ({ inRecord: jwsIs(() => ({ signature: NONE })) }),
  },
]

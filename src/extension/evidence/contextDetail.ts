import { CHECK_WORD } from '../words.ts'
import { Buffer } from 'node:buffer'
import {
  BODY_CHARACTERS,
  type ContextBatch,
  type ContextBody,
  type ContextCheck,
  type ContextDetail,
  type ContextProof,
  type ContextRow,
  type ContextStatement,
} from '../../contracts/panelContext.ts'
import { sha384, sha384Text } from '../../crypto/hash.ts'
import { parseJws } from '../../crypto/jws.ts'
import type { EvidenceEntry } from '../../evidence/types.ts'
import type { Check, Verdict } from '../../evidence/verdict.ts'
import { CountersignError, toCountersignError } from '../../support/errors.ts'
import { t } from '../../support/l10n.ts'
import { merklePath } from './merklePath.ts'
import type { ContextStore } from './contextStore.ts'
import type { Recorded, StoredContext } from './recorded.ts'

const MAX_ANSWERS = 16

interface Found extends StoredContext {
  /** Why there is no evidence although there was some. */
  readonly lost?: CountersignError
}

/**
 * Everything about one context. The checks are run now, from the evidence, which comes from the journal where it is no longer
 * in memory; nothing is taken from the row but what there is no evidence for.
 * @throws CountersignError where the evidence of this very context was there and can no longer be read
 */
export async function contextDetail(store: ContextStore, ref: string, reveal: boolean): Promise<ContextDetail> {
  const stored = store.get(ref)
  if (stored === undefined) {
    throw new CountersignError('usage', 'This context is no longer listed. Its evidence is in the journal.')
  }
  const exchange = store.exchange(stored.row)
  const answers = exchange.filter(({ row }) => row.dir === 's2c' && (row.kind === 'response' || row.kind === 'event'))
  const shownAnswers = await Promise.all(nearest(answers, stored).map((answer) => found(store, answer)))
  const asked = exchange.find(({ row }) => row.kind === 'request')
  const question = asked === undefined ? undefined : await found(store, asked)
  const common = {
    row: stored.row,
    ...(question === undefined ? {} : { question: bodyOf(question, reveal) }),
    answers: shownAnswers.map((answer) => bodyOf(answer, reveal)),
    moreAnswers: Math.max(0, answers.length - MAX_ANSWERS),
    ...acknowledgement(store, ref),
    ...(stored.row.verdict === 'pending' ? { waiting: Math.max(0, store.figures.pending - 1) } : {}),
  }
  const answered = answers[0] === undefined || asked === undefined ? {} : answeredAfter(asked, answers[0])
  const recorded = await evidenceOf(store, stored)
  if (recorded === undefined) return { ...common, checks: [], statementIs: 'claimed', timings: answered }
  const started = store.clock.monotonic()
  const verdict = await store.verifyAgain(recorded)
  const verify = store.clock.monotonic() - started
  return {
    ...common,
    checks: verdict.checks.filter((check) => applies(check, recorded)).map(checkOf),
    checkedAt: store.clock.now(),
    statement: statementOf(recorded),
    // What a session refused for its place in it may hold by itself; it is still not what was accepted.
    statementIs: verdict.ok && stored.row.verdict === 'verified' ? 'verified' : 'claimed',
    ...(recorded.entry.context === undefined ? {} : { receivedDigest: sha384Text(recorded.entry.context) }),
    ...proofAndBatch(recorded.entry, verdict),
    timings: { ...answered, verify, ...(recorded.queued === undefined ? {} : { queued: recorded.queued }) },
  }
}

async function evidenceOf(store: ContextStore, { row }: StoredContext): Promise<Recorded | undefined> {
  const recorded = await store.recorded(row.ref)
  if (recorded !== undefined || row.verdict !== 'verified') return recorded
  throw new CountersignError(
    'file-unreadable',
    'The evidence of this context is no longer in memory, and the journal does not hold it. Was a file of the journal moved?',
  )
}

/** A neighbour of the opened context: that its evidence cannot be read must not hide the opened one. */
async function found(store: ContextStore, stored: StoredContext): Promise<Found> {
  try {
    const recorded = await store.recorded(stored.row.ref)
    return recorded === undefined ? stored : { ...stored, recorded }
  } catch (thrown) {
    return { ...stored, lost: toCountersignError(thrown) }
  }
}

/** The first statement of the other side that names this one as verified. */
function acknowledgement(store: ContextStore, ref: string): Pick<ContextDetail, 'acknowledgedBy'> {
  const by = store.acknowledging(ref)
  if (by?.seq === undefined) return {}
  return { acknowledgedBy: { ref: by.ref, seq: by.seq, at: by.at } }
}

/** The sixteen answers around the one that was opened. */
function nearest(answers: readonly StoredContext[], stored: StoredContext): readonly StoredContext[] {
  const at = Math.max(
    0,
    answers.findIndex((answer) => answer.row.ref === stored.row.ref),
  )
  const from = Math.max(0, Math.min(at - MAX_ANSWERS / 2, answers.length - MAX_ANSWERS))
  return answers.slice(from, from + MAX_ANSWERS)
}

function answeredAfter(question: StoredContext, answer: StoredContext): { answered?: number } {
  const after = answer.row.at - question.row.at
  return after < 0 ? {} : { answered: after }
}

/** Bytes that did not verify stay withheld until the person asks for them: nobody is to act on them by accident. */
function bodyOf({ row, recorded, lost }: Found, reveal: boolean): ContextBody {
  const { ref, dir, verdict, custody, at, size } = row
  const common = { ref, dir, verdict, custody, at, size, cut: false, lossy: false }
  const context = recorded?.entry.context
  if (verdict !== 'verified' && verdict !== 'pending' && !reveal) return { ...common, state: 'withheld' }
  if (lost !== undefined) return { ...common, state: 'lost', reason: t(lost.sentence) }
  if (context === undefined) return { ...common, state: recorded === undefined ? withoutEvidence(row) : 'digest only' }
  const text = Buffer.from(context.buffer, context.byteOffset, context.byteLength).toString('utf8')
  const cut = text.length > BODY_CHARACTERS
  return {
    ...common,
    state: 'shown',
    text: cut ? text.slice(0, BODY_CHARACTERS) : text,
    cut,
    lossy: text.includes('\ufffd') && !Buffer.from(text).equals(context),
  }
}

/** Its bytes are nowhere: not signed yet, refused before anything was kept, or no longer in memory and in no journal. */
function withoutEvidence({ verdict }: ContextRow): 'waiting' | 'withheld' | 'lost' {
  if (verdict === 'pending') return 'waiting'
  return verdict === 'verified' ? 'lost' : 'withheld'
}

/** A question answers nothing: there is no check to show. Every other check that was not made is shown as that. */
function applies({ name }: Check, { statement }: Recorded): boolean {
  return name !== 'bound to this question' || statement.req !== undefined
}

function checkOf({ name, ok, detail }: Check): ContextCheck {
  const state = ok === true ? 'passed' : ok === false ? 'failed' : 'not reached'
  return { name: CHECK_WORD[name], state, ...(detail && { detail: t(detail).slice(0, 256) }) }
}

function statementOf({ entry, statement }: Recorded): ContextStatement {
  const { sid, dir, seq, kind, server, exchange, method, id, ts, aud, ctx, prev, req, ack, end } = statement
  return {
    bytes: entry.statement.length,
    text: textOf(entry.statement),
    sid,
    dir,
    seq,
    kind,
    server,
    exchange,
    ts,
    aud,
    digest: ctx.digest,
    length: ctx.length,
    prev,
    ack,
    ...(method === undefined ? {} : { method: method.slice(0, 256) }),
    ...(id === undefined ? {} : { id: id.slice(0, 256) }),
    ...(req === undefined ? {} : { req }),
    ...(end === undefined ? {} : { end }),
  }
}

function proofAndBatch(
  entry: EvidenceEntry,
  { batch: payload }: Verdict,
): { proof?: ContextProof; batch?: ContextBatch } {
  // Without a verified signature there is no root that the proof could lead to.
  if (payload === undefined) return {}
  const jws = parseJws(entry.jws)
  const computed = merklePath(entry.statement, entry.index, payload.n, entry.proof)
  return {
    proof: { index: entry.index, size: payload.n, given: entry.proof.map(hex), computed: computed.map(hex) },
    batch: {
      n: payload.n,
      root: Buffer.from(payload.root, 'base64url').toString('hex'),
      kid: entry.signer.kid,
      custody: payload.custody,
      alg: jws.header.alg,
      header: Buffer.from(jws.protectedBytes).toString('utf8'),
      payload: Buffer.from(jws.payload).toString('utf8'),
      signatureBytes: jws.signature.length,
      signatureDigest: hex(sha384(jws.signature)),
      jws: textOf(entry.jws),
    },
  }
}

function textOf({ buffer, byteOffset, byteLength }: Uint8Array): string {
  return Buffer.from(buffer, byteOffset, byteLength).toString('utf8')
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('hex')
}

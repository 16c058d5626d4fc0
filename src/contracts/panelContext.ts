import * as v from 'valibot'
import {
  count,
  custody,
  digest,
  direction,
  instant,
  label,
  list,
  measured,
  type Of,
  ref,
  sentence,
} from './panelSchema.ts'

/** A context as a row of the list, and everything that the panel shows of one context. */
export const VERDICTS = ['verified', 'pending', 'rejected', 'unsigned'] as const
export const verdictSchema = v.picklist(VERDICTS)

export const contextRowSchema = v.strictObject({
  /** Stays the same from pending to its verdict. */
  ref,
  verdict: verdictSchema,
  at: instant,
  dir: direction,
  server: label,
  kind: v.picklist(['request', 'head', 'response', 'event', 'end', 'cancel', 'close']),
  method: v.optional(label),
  /** `params.name` of a tools/call; an answer carries the tool of its question. */
  tool: v.optional(label),
  size: count,
  /** The signer's custody: its claim. */
  custody,
  /** Names the batch, so that rows which one signature covers can be joined; absent while pending and when unsigned. */
  batch: v.optional(v.strictObject({ id: ref, n: count })),
  exchange: v.optional(count),
  sid: digest,
  seq: v.optional(count),
  alert: v.optional(count),
  /** Why it is rejected or unsigned. */
  reason: v.optional(sentence),
  /** Whether a later statement of the other side names it as verified; `never`: the session is over. Absent: not yet. */
  receipt: v.optional(v.picklist(['acknowledged', 'never'])),
})

/** What is shown of a context's bytes. Absent text: withheld, or only its digest was kept. */
export const bodySchema = v.strictObject({
  ref,
  dir: direction,
  verdict: verdictSchema,
  custody,
  at: instant,
  size: count,
  /** `waiting`: its bytes are shown as soon as they are signed. `lost`: they were kept, and cannot be read now. */
  state: v.picklist(['shown', 'withheld', 'digest only', 'waiting', 'lost']),
  /** Why they cannot be read. */
  reason: v.optional(sentence),
  /** UTF-8, decoded with replacement characters; at most `BODY_CHARACTERS` of it. */
  text: v.optional(v.pipe(v.string(), v.maxLength(262_144))),
  /** The text ends before the context does. */
  cut: v.boolean(),
  /** The bytes are not UTF-8: some characters of the text stand for what could not be decoded. */
  lossy: v.boolean(),
})
export const BODY_CHARACTERS = 262_144

/** Bytes that one answer carries at most. */
export const BYTES_SHOWN = 4096

export const bytesSchema = v.strictObject({
  offset: count,
  /** Of the whole context. */
  size: count,
  /** In hex. */
  bytes: v.pipe(v.string(), v.maxLength(2 * BYTES_SHOWN), v.regex(/^[0-9a-f]*$/)),
})

export const EVIDENCE_PARTS = ['statement', 'jws', 'context', 'key'] as const

export const CHECK_STATES = ['passed', 'failed', 'not reached'] as const

export const checkSchema = v.strictObject({
  /** A sentence without a full stop: "proof leads to the root". */
  name: label,
  state: v.picklist(CHECK_STATES),
  detail: v.optional(label),
})

export const statementSchema = v.strictObject({
  bytes: count,
  sid: digest,
  dir: direction,
  seq: count,
  kind: label,
  server: label,
  exchange: count,
  method: v.optional(label),
  id: v.optional(label),
  /** The signer's clock: a claim. */
  ts: instant,
  aud: digest,
  audName: v.optional(label),
  digest,
  length: count,
  prev: digest,
  req: v.optional(digest),
  ack: v.strictObject({ seq: v.pipe(v.number(), v.safeInteger()), head: digest }),
  end: v.optional(v.strictObject({ events: count, reason: label })),
  /** The exact JSON that was signed. */
  text: v.pipe(v.string(), v.maxLength(16_384)),
})

/** RFC 9162 inclusion proof. Hashes in hex: `given` from the leaf up, `computed` from the leaf to the root (one more). */
export const proofSchema = v.strictObject({
  index: count,
  size: v.pipe(count, v.minValue(1), v.maxValue(4096)),
  given: list(digest, 64),
  computed: list(digest, 65),
})

export const batchSchema = v.strictObject({
  n: count,
  /** In hex. */
  root: digest,
  kid: digest,
  custody,
  alg: label,
  /** The exact JSON of the protected header and of the payload. */
  header: v.pipe(v.string(), v.maxLength(4096)),
  payload: v.pipe(v.string(), v.maxLength(4096)),
  signatureBytes: count,
  /** SHA-384 of the signature, hex. */
  signatureDigest: digest,
  /** The flattened JWS, exactly as it was made. */
  jws: v.pipe(v.string(), v.maxLength(16_384)),
})

export const contextDetailSchema = v.strictObject({
  row: contextRowSchema,
  question: v.optional(bodySchema),
  answers: list(bodySchema, 16),
  /** Answers of this exchange beyond the ones above. */
  moreAnswers: count,
  checks: list(checkSchema, 32),
  checkedAt: v.optional(instant),
  statement: v.optional(statementSchema),
  /** `verified`: every check passed; `claimed`: what it says is worth nothing by itself. */
  statementIs: v.picklist(['verified', 'claimed']),
  /** SHA-384 of the bytes that arrived, base64url; beside the statement's where they differ. */
  receivedDigest: v.optional(digest),
  /** The statement of the other side that names this one as verified; absent: none yet, or none that is still listed. */
  acknowledgedBy: v.optional(v.strictObject({ ref, seq: count, at: instant })),
  /** Other contexts that wait for a signature now; one signature covers those that wait together. */
  waiting: v.optional(count),
  proof: v.optional(proofSchema),
  batch: v.optional(batchSchema),
  timings: v.strictObject({
    /** The signature that covers this context, ms. */
    sign: v.optional(measured),
    /** From entering the queue to the batch's signature, ms. */
    queued: v.optional(measured),
    /** The verification behind `checks`, ms. */
    verify: v.optional(measured),
    /** From the question to its first answer, ms. */
    answered: v.optional(measured),
  }),
})

export type Verdict = (typeof VERDICTS)[number]
export type ContextRow = Of<typeof contextRowSchema>
export type ContextBody = Of<typeof bodySchema>
export type ContextCheck = Of<typeof checkSchema>
export type ContextStatement = Of<typeof statementSchema>
export type ContextProof = Of<typeof proofSchema>
export type ContextBatch = Of<typeof batchSchema>
export type ContextBytes = Of<typeof bytesSchema>
export type EvidencePart = (typeof EVIDENCE_PARTS)[number]
export type ContextDetail = Of<typeof contextDetailSchema>

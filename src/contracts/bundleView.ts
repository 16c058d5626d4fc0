/**
 * The boundary between the editor for evidence bundles and its webview. The host reads and judges; the webview draws what it is
 * told and sends three intents. Both sides parse.
 */
import * as v from 'valibot'
import { count, custody, digest, direction, instant, label, list, type Of, sentence } from './panelSchema.ts'

/** What is listed of a bundle of any size; the verdict is about all of it, and the view says where a list ends. */
export const MOST_ROWS = 1000
export const MOST_FINDINGS = 100
export const MOST_KEYS = 64
export const MOST_SESSIONS = 50
export const MOST_LINES = 6

const kid = v.pipe(v.string(), v.regex(/^[A-Za-z0-9_-]{43}$/))
const state = v.picklist(['holds', 'false', 'incomplete'])

const rowSchema = v.strictObject({
  line: count,
  state,
  notes: list(sentence, 8),
  kid,
  /** Absent where the statement could not be read. */
  about: v.optional(
    v.strictObject({
      dir: direction,
      kind: label,
      method: v.optional(label),
      id: v.optional(label),
      server: label,
      size: count,
      at: instant,
    }),
  ),
})

/** One reason with the lines that it is about; 0 is no line but the whole. */
const findingSchema = v.strictObject({
  state: v.picklist(['false', 'incomplete']),
  note: sentence,
  count,
  lines: list(count, MOST_LINES),
})

const keySchema = v.strictObject({
  kid,
  words: list(label, 6),
  /** Its signer's claim. */
  custody: v.optional(custody),
  contexts: count,
  exporter: v.boolean(),
  /** `view`: a person said so for this view only. */
  trust: v.picklist(['known', 'view', 'unknown']),
  /** Whose it is, in words of this editor. */
  whose: v.optional(label),
})

const directionSchema = v.strictObject({ statements: count, closed: v.boolean(), unacknowledged: count })
const sessionSchema = v.strictObject({ sid: digest, state, c2s: directionSchema, s2c: directionSchema })

const reportSchema = v.strictObject({
  verdict: state,
  checkedAt: instant,
  bytes: count,
  contexts: count,
  redacted: count,
  acknowledged: count,
  sessionCount: count,
  /** Of the statements' own times. */
  from: v.optional(instant),
  to: v.optional(instant),
  exported: v.optional(v.strictObject({ kid, at: instant, state })),
  keys: list(keySchema, MOST_KEYS),
  findings: list(findingSchema, MOST_FINDINGS),
  /** Findings beyond those. */
  moreFindings: count,
  sessions: list(sessionSchema, MOST_SESSIONS),
  rows: list(rowSchema, MOST_ROWS),
})

const hostSchema = v.variant('type', [
  v.strictObject({ type: v.literal('working'), read: count, bytes: count }),
  v.strictObject({ type: v.literal('report'), report: reportSchema }),
  v.strictObject({ type: v.literal('failed'), sentence }),
])

const intentSchema = v.variant('type', [
  v.strictObject({ type: v.literal('ready') }),
  v.strictObject({ type: v.literal('again') }),
  v.strictObject({ type: v.literal('trust'), kid }),
])

export type BundleReport = Of<typeof reportSchema>
export type BundleRow = BundleReport['rows'][number]
export type BundleFinding = BundleReport['findings'][number]
export type BundleKey = BundleReport['keys'][number]
export type BundleSession = BundleReport['sessions'][number]
export type BundleState = BundleReport['verdict']
export type BundleMessage = Of<typeof hostSchema>
export type BundleIntent = Of<typeof intentSchema>

/** undefined: not a message of ours; it is dropped. */
export function parseBundleMessage(message: unknown): BundleMessage | undefined {
  const parsed = v.safeParse(hostSchema, message)
  return parsed.success ? parsed.output : undefined
}

export function parseBundleIntent(message: unknown): BundleIntent | undefined {
  const parsed = v.safeParse(intentSchema, message)
  return parsed.success ? parsed.output : undefined
}

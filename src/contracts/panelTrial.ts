import * as v from 'valibot'
import { count, custody, digest, label, list, measured, type Of, ref, sentence } from './panelSchema.ts'

/** Who attacks: what they are assumed to have. */
export const ATTACKERS = ['network', 'keys', 'signer', 'gateway', 'archive'] as const
export type Attacker = (typeof ATTACKERS)[number]

/** Who noticed. */
export const REFUSERS = ['gateway', 'editor', 'verifier'] as const
export type Refuser = (typeof REFUSERS)[number]

/** Hex of a few bytes around the first that differs; those from `from` to before `to` are marked, counted from `at`. */
const some = v.pipe(v.string(), v.maxLength(64), v.regex(/^([0-9a-f]{2})*$/))
const marked = v.pipe(count, v.maxValue(32))
export const changeSchema = v.strictObject({
  at: count,
  before: some,
  after: some,
  from: marked,
  to: marked,
  /** Of all of it. */
  lengths: v.strictObject({ before: count, after: count }),
})

/** `refused`: an attack as it should end; `passed`: a control as it should; `failed`: neither, which is a failure of the product. */
export const TRIAL_ROW_STATES = ['waiting', 'running', 'refused', 'passed', 'failed'] as const

export const trialRowSchema = v.strictObject({
  id: ref,
  /** undefined: a control, which nobody attacks. */
  attacker: v.optional(v.picklist(ATTACKERS)),
  title: label,
  /** What is changed. */
  text: sentence,
  state: v.picklist(TRIAL_ROW_STATES),
  by: v.optional(v.picklist(REFUSERS)),
  /** What the code that refused it threw. */
  code: v.optional(label),
  sentence: v.optional(sentence),
  /** How much reached the end that it was meant for. */
  reached: v.optional(v.strictObject({ whom: v.picklist(['server', 'agent']), bytes: count })),
  change: v.optional(changeSchema),
  took: v.optional(measured),
})

/** *Try to Break It*, as the panel draws it: nothing in it is more than what happened in this window since it was begun. */
export const trialSchema = v.strictObject({
  state: v.picklist(['idle', 'running', 'done', 'cancelled', 'failed']),
  rows: list(trialRowSchema, 64),
  /** The key that signed for the editor's side: the trial's own. */
  key: v.optional(v.strictObject({ kid: digest, custody })),
  /** Why it could not be carried out. */
  sentence: v.optional(sentence),
})

export type PanelTrial = Of<typeof trialSchema>
export type PanelTrialRow = Of<typeof trialRowSchema>
export type PanelTrialChange = Of<typeof changeSchema>

export const NO_TRIAL: PanelTrial = { state: 'idle', rows: [] }

export interface TrialFigures {
  readonly attacks: number
  readonly refused: number
  readonly controls: number
  readonly passed: number
  readonly failed: number
  /** Rows that have their outcome, of all. */
  readonly over: number
  readonly all: number
}

/** What it comes to, counted from the rows: nobody is believed who says it in a sum. */
export function trialFigures({ rows }: PanelTrial): TrialFigures {
  const attacks = rows.filter(({ attacker }) => attacker !== undefined)
  const of = (state: PanelTrialRow['state']) => rows.filter((row) => row.state === state).length
  return {
    attacks: attacks.length,
    refused: attacks.filter(({ state }) => state === 'refused').length,
    controls: rows.length - attacks.length,
    passed: rows.filter(({ attacker, state }) => attacker === undefined && state === 'passed').length,
    failed: of('failed'),
    over: of('refused') + of('passed') + of('failed'),
    all: rows.length,
  }
}

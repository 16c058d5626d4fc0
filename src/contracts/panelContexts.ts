import * as v from 'valibot'
import { contextRowSchema, VERDICTS } from './panelContext.ts'
import { CUSTODIES } from './custody.ts'
import { count, digest, label, list, type Of, ref } from './panelSchema.ts'

/**
 * The list of contexts as the panel scrolls it. The host filters; the webview asks for the rows that are in view. A match
 * keeps its number for as long as its list has the same revision: newer ones are added at `end`, older ones at `first`.
 */

/** Rows that one answer carries at most. */
export const WINDOW_ROWS = 256

/** Numbers of matches grow from the oldest to the newest; below 0 are those that were there before the filter was set. */
const place = v.pipe(v.number(), v.safeInteger())

export const filterSchema = v.strictObject({
  /** Words that a context must have in its names or in its text; `server:`, `tool:` and `method:` name the place. */
  text: v.pipe(v.string(), v.maxLength(256)),
  server: label,
  direction: v.picklist(['', 'c2s', 's2c']),
  verdict: v.picklist(['', ...VERDICTS]),
  custody: v.picklist(['', ...CUSTODIES]),
})

export const NO_FILTER: ContextFilter = { text: '', server: '', direction: '', verdict: '', custody: '' }

export function isFiltered(filter: ContextFilter): boolean {
  return Object.values(filter).some((value) => value !== '')
}

/** The search in the journal for the texts of contexts that are in memory no longer. */
export const journalSearchedSchema = v.strictObject({
  /** Contexts whose text was wanted, and how many had it. */
  of: count,
  searched: count,
  /** Kept as digest only, or encrypted. */
  unkept: count,
  /** At its end: not found. */
  missing: count,
  /** Files, or the whole folder. */
  unreadable: count,
  over: v.boolean(),
})

export const listSchema = v.strictObject({
  /** Counts the filters that were set: rows of an earlier one are not of this list. */
  view: count,
  /** Another one: a match came or went between others, so that numbers of before say nothing. */
  revision: count,
  /** Matches are numbered [first, end). */
  first: place,
  end: place,
  /** Matches that Hold keeps back. */
  newer: count,
  /** Contexts that can be listed, whatever the filter. */
  total: count,
  /** Older ones, which only the journal has. */
  older: count,
  /** Contexts that were not compared with the filter yet. */
  unseen: count,
  /** How many contexts had their text searched as well; absent where the filter asks for no text. */
  texts: v.optional(count),
  /** Absent where nothing had to be searched for there. */
  journal: v.optional(journalSearchedSchema),
  servers: list(label, 256),
})

/** Row `at` of the list. */
export const placedRowSchema = v.strictObject({ at: place, row: contextRowSchema })

export const windowSchema = v.strictObject({
  list: listSchema,
  rows: list(placedRowSchema, WINDOW_ROWS),
  /** Where the row is that was named, if it is in the list. */
  found: v.optional(place),
})

/** How far the other side has acknowledged a session: statements before these were verified there. */
export const receiptSchema = v.strictObject({ sid: digest, c2s: count, s2c: count, over: v.boolean() })

/** What changed in the list since the last message. */
export const contextsSchema = v.strictObject({
  list: listSchema,
  /** Of the rows in view: those that changed, and new ones where the newest are in view. */
  rows: list(placedRowSchema, WINDOW_ROWS),
  /** With another revision: where the row at the top of the view is now. */
  found: v.optional(place),
  /** The selected row, if it changed, wherever it is. */
  selected: v.optional(contextRowSchema),
  /** Rejected since the last message, wherever they are in the list: they are said aloud. */
  rejected: list(contextRowSchema, 8),
  receipts: list(receiptSchema, 64),
})

export const setFilterParams = v.strictObject({
  filter: filterSchema,
  /** Newer contexts are counted, not listed. */
  hold: v.boolean(),
  /** The selected row: where it is is said. */
  selected: v.optional(ref),
})

export const contextRowsParams = v.strictObject({
  view: count,
  /** Rows [from, to) of the list, which the host then keeps up to date. */
  from: place,
  to: place,
  /** The row at the top of the view: where it is is said when numbers change. */
  top: v.optional(ref),
  /** The selected row: its changes are told although it is not in view. */
  selected: v.optional(ref),
})

export type ContextFilter = Of<typeof filterSchema>
export type ContextList = Of<typeof listSchema>
export type JournalSearched = Of<typeof journalSearchedSchema>
export type PlacedRow = Of<typeof placedRowSchema>
export type ContextWindow = Of<typeof windowSchema>
export type PanelReceipt = Of<typeof receiptSchema>
export type PanelContexts = Of<typeof contextsSchema>

import type { JournalSearched } from '../../../contracts/panelContexts.ts'
import type { EvidenceArchive } from '../archive.ts'
import type { ContextView } from './contextView.ts'
import { searchable } from './query.ts'

/** Milliseconds of the host's thread between two looks at what else is to be done. */
const SLICE_MS = 8

/**
 * Searches the journal for the texts that a view wants, until it has them all. A match counts only for a row of the index;
 * whether it is what was signed is verified when somebody opens it. Ends early where `signal` says so.
 */
export async function searchJournal(
  view: ContextView,
  bodies: EvidenceArchive['bodies'],
  now: () => number,
  signal: AbortSignal,
  progress: () => void,
): Promise<void> {
  const { wanted } = view
  if (wanted.left === 0) return
  const state = { of: wanted.left, searched: 0, unkept: 0, missing: 0, unreadable: 0, over: false }
  const tell = (change: Partial<JournalSearched> = {}) => {
    view.journal = { ...Object.assign(state, change) }
    progress()
  }
  tell()
  let until = now() + SLICE_MS
  try {
    for await (const body of bodies(wanted.since, signal)) {
      if (signal.aborted) return
      if (body === 'unreadable') state.unreadable++
      else {
        const row = wanted.take(body)
        if (row !== undefined && body.context === undefined) state.unkept++
        else if (row !== undefined && body.context !== undefined) {
          state.searched++
          view.textFound(row, searchable(body.context))
        }
      }
      if (wanted.left === 0) break
      if (now() < until) continue
      tell()
      await new Promise((resolve) => setImmediate(resolve))
      until = now() + SLICE_MS
    }
  } catch {
    // What was found so far stays; that not all was read is said.
    state.unreadable++
  }
  if (!signal.aborted) tell({ missing: wanted.left, over: true })
}

import { join } from 'node:path'
import { decodeUtf8 } from '../crypto/encoding.ts'
import type { TransitionDocument } from '../evidence/transition.ts'
import { StateFile } from './stateFile.ts'

/**
 * Keeps a transition document beside what was decided about it, as `transitions/FROM.TO.json`: with it anybody can verify
 * later that the keys of a history belong together (`countersign verify --transition`).
 * @throws CountersignError `file-unreadable`, `file-permissions`
 */
export async function keepTransition(folder: string, { bytes, transition }: TransitionDocument): Promise<void> {
  const file = new StateFile(join(folder, 'transitions'), fileNameOf(transition.from.kid, transition.to.kid))
  // The first one is the one that was decided about; both keys may have signed others since.
  if ((await file.read()) === undefined) await file.write(decodeUtf8(bytes))
}

/** Where the document is, from the state folder. */
export function fileNameOf(from: string, to: string): string {
  return `${from}.${to}.json`
}

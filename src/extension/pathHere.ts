import type { Uri } from 'vscode'
import { CountersignError } from '../support/errors.ts'

/**
 * The path of what was chosen in a dialog. In a window on another file system a dialog may offer places of that, and
 * their path alone would be another file, of this machine.
 * @throws CountersignError `usage` for a place on another file system
 */
export function pathHere({ scheme, fsPath }: Pick<Uri, 'scheme' | 'fsPath'>): string {
  if (scheme === 'file') return fsPath
  throw new CountersignError('usage', 'Countersign reads and writes files of its own machine only. Choose one there.')
}

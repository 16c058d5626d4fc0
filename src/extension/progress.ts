import { ProgressLocation, window } from 'vscode'
import { linkless } from '../support/printable.ts'
import { released } from './released.ts'

/**
 * Long work with its name in sight and a way to stop it; `whole`: none, because half of it would be worse than either end.
 * `report` says what is being done.
 */
export async function withProgress<T>(
  title: string,
  work: (signal: AbortSignal, report: (message: string) => void) => Promise<T>,
  whole?: 'whole',
): Promise<T> {
  const cancellable = whole === undefined
  const options = { location: ProgressLocation.Notification, title: linkless(title), cancellable }
  return await window.withProgress(options, async (progress, token) => {
    const abort = new AbortController()
    const subscription = token.onCancellationRequested(() => abort.abort())
    try {
      const working = work(abort.signal, (message) => progress.report({ message: linkless(message) }))
      return await released(working, abort.signal)
    } finally {
      subscription.dispose()
    }
  })
}

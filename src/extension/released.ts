import { CountersignError } from '../support/errors.ts'

/** The promise's outcome, or `cancelled` as soon as the signal aborts: the work may go on, its caller does not wait for it. */
export async function released<T>(promise: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) return await promise
  let stop = (): void => {}
  const aborted = new Promise<never>((_resolve, reject) => {
    stop = () => reject(new CountersignError('cancelled', 'This was cancelled.'))
    if (signal.aborted) stop()
    else signal.addEventListener('abort', stop, { once: true })
  })
  try {
    return await Promise.race([promise, aborted])
  } finally {
    signal.removeEventListener('abort', stop)
  }
}

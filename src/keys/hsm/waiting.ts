import { cancelled } from './connection.ts'

/** Undefined where there is nothing to wait for. */
export function delay(ms: number): Promise<void> | undefined {
  if (ms <= 0) return undefined
  return new Promise((resolve) => {
    setTimeout(resolve, ms)
  })
}

/** The result of `work`, or `cancelled` where the caller gives up first; the work goes on. */
export function abortable<T>(work: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) return work
  return new Promise((resolve, reject) => {
    const onAbort = () => reject(cancelled())
    if (signal.aborted) onAbort()
    else signal.addEventListener('abort', onAbort, { once: true })
    work.then(resolve, reject).finally(() => signal.removeEventListener('abort', onAbort))
  })
}

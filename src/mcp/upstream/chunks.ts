import type { IncomingMessage } from 'node:http'
import { toCountersignError } from '../../support/errors.ts'

/** Calls `take` for each chunk as it comes and pauses while the promise it returns is open. Rejects if the end is missing. */
export function eachChunk(
  response: IncomingMessage,
  signal: AbortSignal,
  take: (chunk: Buffer) => Promise<void> | undefined,
): Promise<void> {
  return new Promise((resolve, reject) => {
    const stop = (): void => {
      response.destroy()
      resolve()
    }
    if (signal.aborted) return stop()
    let taken: Promise<void> | undefined
    signal.addEventListener('abort', stop, { once: true })
    response.on('data', (chunk: Buffer) => {
      try {
        taken = take(chunk)
        if (taken === undefined) return
        response.pause()
        taken.then(() => response.resume(), reject)
      } catch (thrown) {
        reject(toCountersignError(thrown))
      }
    })
    // 'end' comes in spite of the pause where it was read together with the last chunk, whose events are still being taken.
    response.once('end', () => {
      if (taken === undefined) resolve()
      else taken.then(resolve, reject)
    })
    response.once('error', reject)
    response.once('close', () => (response.complete ? undefined : reject(new Error('the stream was cut off'))))
  })
}

import type { Disposable } from './disposable.ts'

export type Listener<T> = (value: T) => void

/** A typed event. Listeners run synchronously in order of registration; one that throws does not silence the others. */
export class Emitter<T> {
  private readonly listeners = new Set<Listener<T>>()

  readonly event = (listener: Listener<T>): Disposable => {
    this.listeners.add(listener)
    return { dispose: () => this.listeners.delete(listener) }
  }

  fire(value: T): void {
    for (const listener of Array.from(this.listeners)) {
      try {
        listener(value)
      } catch (thrown) {
        // A broken view must not break the session that it watches.
        queueMicrotask(() => {
          throw thrown
        })
      }
    }
  }
}

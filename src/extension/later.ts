import type { Disposable } from '../support/disposable.ts'
import { CountersignError, toCountersignError } from '../support/errors.ts'
import { t } from '../support/l10n.ts'

/** A part that is loaded when it is first needed, once. One that could not be loaded is tried again by whoever needs it next. */
export class Later<T extends Disposable> implements Disposable {
  private readonly load: () => Promise<T>
  private loading: Promise<T> | undefined
  private part: T | undefined
  private disposed = false

  constructor(load: () => Promise<T>) {
    this.load = load
  }

  /** The part, if anybody needed it yet. */
  get loaded(): T | undefined {
    return this.part
  }

  /** @throws CountersignError `cancelled` after disposal, also for those that wait already; `internal` if it cannot be loaded */
  async get(): Promise<T> {
    if (this.disposed) throw closing()
    this.loading ??= this.begin()
    return await this.loading
  }

  dispose(): void {
    this.disposed = true
    this.part?.dispose()
    this.part = undefined
  }

  private async begin(): Promise<T> {
    try {
      const part = await this.load()
      if (this.disposed) {
        part.dispose()
        throw closing()
      }
      this.part = part
      return part
    } catch (thrown) {
      this.loading = undefined
      throw toCountersignError(thrown, UNLOADABLE)
    }
  }
}

const UNLOADABLE = t(
  'A part of Countersign could not be loaded. Reload the window; if that does not help, install the extension again.',
)

function closing(): CountersignError {
  return new CountersignError('cancelled', 'The window is closing.')
}

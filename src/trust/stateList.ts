import { CountersignError } from '../support/errors.ts'
import { whileLocked } from '../support/fileLock.ts'
import { said } from '../support/l10n.ts'
import { StateFile } from './stateFile.ts'

export interface StateListOptions<T> {
  readonly folder: string
  readonly name: string
  /** @param path for the message. @throws CountersignError `file-unreadable` */
  readonly parse: (text: string, path: string) => readonly T[]
  readonly encode: (items: readonly T[]) => string
  readonly most: number
}

/** A list on disk. Each change reads the file again: the gateway, another window or its operator may have written it. */
export class StateList<T> {
  private readonly options: StateListOptions<T>
  private readonly file: StateFile
  private turn: Promise<unknown> = Promise.resolve()

  constructor(options: StateListOptions<T>) {
    this.options = options
    this.file = new StateFile(options.folder, options.name)
  }

  /** @throws CountersignError `file-unreadable`, `file-permissions`: never an empty list for a file that is there */
  async read(): Promise<readonly T[]> {
    const text = await this.file.read()
    return text === undefined ? [] : this.options.parse(text, this.file.path)
  }

  /**
   * Changes take turns, also with those of other processes: else what one of two windows wrote, a revocation perhaps, would
   * be gone with what the other writes.
   * @param update may be called twice. @throws as `read`; CountersignError `limit` for more items than the file may have
   */
  change(update: (items: readonly T[]) => readonly T[]): Promise<void> {
    const mine = this.update(this.turn, update)
    this.turn = mine.catch(() => {})
    return mine
  }

  private async update(before: Promise<unknown>, update: (items: readonly T[]) => readonly T[]): Promise<void> {
    await before
    // What changes nothing is not written, and locks nothing: a file that is only looked at keeps its time.
    const known = await this.read()
    if (update(known) === known) return
    await whileLocked(this.file.path, async () => {
      const items = update(await this.read())
      if (items.length > this.options.most) {
        throw new CountersignError('limit', said`${this.file.path} is full: remove what is no longer used.`)
      }
      await this.file.write(this.options.encode(items))
    })
  }
}

import type { Method, Params, Result } from '../../src/contracts/panel.ts'
import type { ContextBytes } from '../../src/contracts/panelContext.ts'
import { strings } from '../strings.ts'

/** How one body is looked at: as a tree or as bytes, what of the tree is folded, and which line the keyboard is at. */
export interface BodyView {
  readonly mode: 'text' | 'bytes'
  readonly folded: ReadonlySet<number>
  readonly line: number
  readonly bytes?: ContextBytes
  /** Why the bytes could not be had. */
  readonly error?: string
}

const FRESH: BodyView = { mode: 'text', folded: new Set(), line: 0 }
/** Of bodies that were looked at before: more would grow with the day. */
const KEPT = 64

type Call = <M extends Method>(method: M, params: Params<M>) => Promise<Result<M>>

export class BodyViews {
  private readonly views = new Map<string, BodyView>()
  private readonly call: Call
  private readonly changed: () => void

  constructor(call: Call, changed: () => void) {
    this.call = call
    this.changed = changed
  }

  /** The same object until it changes. */
  of(ref: string): BodyView {
    return this.views.get(ref) ?? FRESH
  }

  set(ref: string, change: Partial<BodyView>): void {
    const view = { ...this.of(ref), ...change }
    this.views.delete(ref)
    this.views.set(ref, view)
    const [oldest] = this.views.keys()
    if (this.views.size > KEPT && oldest !== undefined) this.views.delete(oldest)
    this.changed()
  }

  fold(ref: string, line: number, on: boolean): void {
    const folded = new Set(this.of(ref).folded)
    if (on) folded.add(line)
    else folded.delete(line)
    this.set(ref, { folded, line })
  }

  /** The next 4 KiB from `offset`. */
  async bytes(ref: string, offset: number, reveal: boolean): Promise<void> {
    this.set(ref, { mode: 'bytes' })
    try {
      const bytes = await this.call('contextBytes', { ref, offset, reveal })
      this.set(ref, { bytes })
    } catch (thrown) {
      this.set(ref, { error: thrown instanceof Error ? thrown.message : strings.empty.failed })
    }
  }
}

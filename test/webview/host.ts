import { once } from 'node:events'
import { BYTES_SHOWN, type ContextRow } from '../../src/contracts/panelContext.ts'
import { panelHtml } from '../../src/contracts/panelHtml.ts'
import { type PanelHandlers, PanelResponder } from '../../src/contracts/panelRpc.ts'
import type { JournalBody } from '../../src/evidence/journal/bodies.ts'
import { ContextIndex } from '../../src/extension/evidence/list/contextIndex.ts'
import { numberOf, refOf } from '../../src/extension/evidence/refs.ts'
import { ContextFeed, type ListedContexts } from '../../src/extension/panel/contextFeed.ts'
import { Emitter } from '../../src/support/emitter.ts'
import { CountersignError } from '../../src/support/errors.ts'
import { state } from './data.ts'
import { trial } from './dataTrial.ts'
import { bytesOf, contextRows, detailOf } from './dataContexts.ts'

/** @public used by the harness, which imports the bundle of this file */
export { panelHtml }
/** @public used by the harness: the sentences of a scene are the host's, in the language of the page */
export { useLanguage } from '../../src/support/l10n.ts'
/** @public used by the harness */
export { FakeBundleHost } from './bundleHost.ts'

/** A stand-in for the extension host: the real responder, list and filter, fed with invented rows. */
export class FakeHost implements ListedContexts {
  readonly index = new ContextIndex()
  readonly receipts = { take: () => [] }
  readonly asked: string[] = []
  /** Searches in the journal that are under way. */
  searching = 0
  private readonly changed = new Emitter<string>()
  readonly onChange = this.changed.event
  private readonly responder: PanelResponder
  private readonly feed: ContextFeed
  private readonly post: (message: unknown) => void
  private readonly scene: string
  private version = 0
  private goOn = () => {}
  private readonly finished = new Promise<void>((resolve) => {
    this.goOn = resolve
  })

  constructor(post: (message: unknown) => void, scene: string, count: number) {
    this.post = post
    this.scene = scene
    this.index.onChange((number) => this.changed.fire(refOf(number)))
    const empty = scene === 'first' || scene === 'nothing'
    for (const row of empty ? [] : contextRows(count)) this.add(row)
    this.feed = new ContextFeed({ contexts: this, post, now: () => performance.now() })
    this.responder = new PanelResponder(this.handlers(), post)
  }

  receive(message: unknown): Promise<void> {
    return this.responder.receive(message)
  }

  dispose(): void {
    this.responder.dispose()
    this.feed.dispose()
  }

  row(number: number): ContextRow | undefined {
    const row = this.index.get(number)
    if (row === undefined) return undefined
    const { gateway: _, ...shown } = row
    const late = this.index.end - number
    const receipt = late > 30 ? ('acknowledged' as const) : number % 7 === 0 ? ('never' as const) : undefined
    return { ref: refOf(number), ...shown, ...(receipt && row.verdict === 'verified' ? { receipt } : {}) }
  }

  textOf(): string | undefined {
    return undefined
  }

  /** In the scene `journal` there is one: of each seven contexts one is encrypted, and it stands still until `finish`. */
  async *bodies(_since: number, signal: AbortSignal): AsyncGenerator<JournalBody | 'unreadable'> {
    if (this.scene !== 'journal') return
    this.searching++
    try {
      yield 'unreadable'
      for (let number = this.index.end - 1; number >= this.index.first; number--) {
        const { sid = '', dir = 'c2s', seq = 0 } = this.index.get(number) ?? {}
        if (number === this.index.first + 100) await Promise.race([this.finished, once(signal, 'abort')])
        yield { sid, dir, seq, ...(number % 7 !== 0 && { context: Buffer.from(`{"path":"notes-${number}.md"}`) }) }
      }
    } finally {
      this.searching--
    }
  }

  /** Lets the search in the journal come to its end. */
  finish(): void {
    this.goOn()
  }

  /** `n` more contexts, as a session would bring them. */
  bring(n: number): void {
    for (const row of contextRows(n + 20).slice(0, n)) this.add({ ...row, at: Date.now() })
    this.state()
  }

  /** What was pending is verified. */
  settle(): void {
    for (let number = this.index.first; number < this.index.end; number++) {
      const row = this.index.get(number)
      if (row?.verdict === 'pending')
        this.index.set(number, { ...row, verdict: 'verified', batch: { id: 'late', n: 2 } })
    }
  }

  private add(row: ContextRow): void {
    this.index.add({ ...row, gateway: 'desk' })
  }

  private state(): void {
    if (this.scene === 'silent') return
    this.post({ type: 'state', state: state(++this.version, this.rows(), this.scene) })
  }

  private rows(): ContextRow[] {
    return Array.from(
      { length: this.index.end - this.index.first },
      (_, at) => this.row(this.index.first + at) ?? [],
    ).flat()
  }

  private handlers(): PanelHandlers {
    const done = (name: string) => () => {
      this.asked.push(name)
      return Promise.resolve({})
    }
    const detail = (params: { readonly ref: string; readonly reveal: boolean }) => {
      const row = this.row(numberOf(params.ref))
      if (row === undefined || this.scene === 'broken') {
        return Promise.reject(new CountersignError('internal', 'The journal of this session cannot be read.'))
      }
      return Promise.resolve(detailOf(row, params.reveal))
    }
    return {
      ready: () => {
        if (this.scene === 'silent') return new Promise(() => {})
        queueMicrotask(() => {
          this.state()
          if (this.scene.startsWith('trial')) this.post({ type: 'trial', trial: trial(this.scene) })
        })
        return Promise.resolve({})
      },
      setFilter: (params) =>
        this.scene === 'silent' ? new Promise(() => {}) : Promise.resolve(this.feed.setFilter(params)),
      contextRows: (params) => Promise.resolve(this.feed.contextRows(params)),
      contextBytes: ({ ref, offset }) => {
        const bytes = bytesOf(ref)
        const part = bytes.subarray(offset, offset + BYTES_SHOWN)
        return Promise.resolve({ offset, size: bytes.length, bytes: Buffer.from(part).toString('hex') })
      },
      copyPart: ({ part }) => {
        this.asked.push(`copyPart ${part}`)
        return Promise.resolve({ bytes: 1 })
      },
      exportEvidence: done('exportEvidence'),
      selectView: done('selectView'),
      contextDetail: detail,
      verifyAgain: detail,
      copyEvidence: () => Promise.resolve({ bytes: 9120 }),
      openDocument: done('openDocument'),
      connect: () =>
        Promise.reject(
          new CountersignError(
            'gateway-unreachable',
            'wss://gw.ops.example does not answer. Check the address, or start the gateway.',
          ),
        ),
      disconnect: done('disconnect'),
      retry: done('retry'),
      reviewKey: done('reviewKey'),
      selectSlot: done('selectSlot'),
      createKey: done('createKey'),
      trySample: done('trySample'),
      startTrial: done('startTrial'),
      cancelTrial: done('cancelTrial'),
      refreshInventory: done('refreshInventory'),
      addModule: done('addModule'),
      slotAction: ({ action }) => done(`slotAction ${action}`)(),
      keyAction: ({ action }) => done(`keyAction ${action}`)(),
      lockAll: done('lockAll'),
      showLog: done('showLog'),
      openChat: done('openChat'),
      dismissNotice: done('dismissNotice'),
      copyKey: done('copyKey'),
    }
  }
}

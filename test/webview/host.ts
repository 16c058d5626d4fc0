import { panelHtml } from '../../src/contracts/panelHtml.ts'
import { type PanelHandlers, PanelResponder } from '../../src/contracts/panelRpc.ts'
import { CountersignError } from '../../src/support/errors.ts'
import { state } from './data.ts'
import { contextRows, detailOf } from './dataContexts.ts'

/** @public used by the harness, which imports the bundle of this file */
export { panelHtml }

/** A stand-in for the extension host: the real responder, fed with generated data. */
export class FakeHost {
  private readonly responder: PanelResponder
  private readonly post: (message: unknown) => void
  private readonly scene: string
  private readonly rows
  private version = 0
  readonly asked: string[] = []

  constructor(post: (message: unknown) => void, scene: string, count: number) {
    this.post = post
    this.scene = scene
    this.rows = contextRows(count)
    this.responder = new PanelResponder(this.handlers(), post)
  }

  receive(message: unknown): Promise<void> {
    return this.responder.receive(message)
  }

  /** `n` more contexts, as a session would bring them. */
  bring(n: number): void {
    const fresh = contextRows(n + 20)
      .slice(0, n)
      .map((row, at) => ({ ...row, ref: `new ${this.version} ${at}`, at: Date.now() }))
    this.rows.push(...fresh)
    this.post({
      type: 'contexts',
      contexts: { base: this.version, version: ++this.version, reset: false, rows: fresh },
    })
    this.post({ type: 'state', state: state(this.version, this.rows, this.scene) })
  }

  private all(): void {
    if (this.scene === 'silent') return
    this.version++
    this.post({ type: 'state', state: state(this.version, this.rows, this.scene) })
    const rows = this.scene === 'first' || this.scene === 'nothing' ? [] : this.rows
    this.post({ type: 'contexts', contexts: { base: 0, version: this.version, reset: true, rows } })
  }

  private handlers(): PanelHandlers {
    const done = (name: string) => () => {
      this.asked.push(name)
      return Promise.resolve({})
    }
    const detail = (params: { readonly ref: string; readonly reveal: boolean }) => {
      const row = this.rows.find((candidate) => candidate.ref === params.ref)
      if (row === undefined || this.scene === 'broken') {
        return Promise.reject(new CountersignError('internal', 'The journal of this session cannot be read.'))
      }
      return Promise.resolve(detailOf(row, params.reveal))
    }
    return {
      ready: () => {
        if (this.scene === 'silent') return new Promise(() => {})
        queueMicrotask(() => this.all())
        return Promise.resolve({})
      },
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

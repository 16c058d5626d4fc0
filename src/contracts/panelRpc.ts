/**
 * Requests and replies of the panel, free of DOM and of vscode: `PanelCaller` in the webview, `PanelResponder` in the
 * extension host. Both parse what arrives, both give up in time, and both settle everything that is pending on dispose.
 */
import { CountersignError, type ErrorCode, toCountersignError } from '../support/errors.ts'
import { t } from '../support/l10n.ts'
import {
  isMethod,
  METHODS,
  type Method,
  type PanelReply,
  type Params,
  parseParams,
  parseRequest,
  parseResult,
  type Result,
} from './panel.ts'

/** A call that did not end well. `code` is one of support/errors.ts, or `timeout`, `disposed`, `bad-reply`. */
export class PanelCallError extends Error {
  readonly code: string

  constructor(code: string, message: string) {
    super(message)
    this.name = 'PanelCallError'
    this.code = code
  }
}

type Post = (message: unknown) => void
interface Pending {
  /** Parses the result of its method; false: it is not one. */
  readonly resolve: (result: unknown) => boolean
  readonly reject: (error: PanelCallError) => void
  readonly timer: ReturnType<typeof setTimeout>
}

/** The side that asks. */
export class PanelCaller {
  private readonly pending = new Map<number, Pending>()
  private readonly post: Post
  private next = 1
  private disposed = false

  constructor(post: Post) {
    this.post = post
  }

  call<M extends Method>(method: M, params: Params<M>): Promise<Result<M>> {
    if (this.disposed) return Promise.reject(new PanelCallError('disposed', 'The panel was closed.'))
    const id = this.next++
    return new Promise((resolve, reject) => {
      // Later than the host's own deadline, whose reply says more.
      const timer = setTimeout(() => {
        this.take(id)?.reject(new PanelCallError('timeout', 'Countersign did not answer in time.'))
      }, METHODS[method].within + 2000)
      const settle = (value: unknown): boolean => {
        const result = parseResult(method, value)
        if (result !== undefined) resolve(result)
        return result !== undefined
      }
      this.pending.set(id, { resolve: settle, reject, timer })
      try {
        this.post({ type: 'request', id, method, params })
      } catch {
        this.take(id)?.reject(new PanelCallError('disposed', 'The extension cannot be reached.'))
      }
    })
  }

  /** Replies to nothing that is pending are dropped: they came too late. */
  receive(reply: PanelReply): void {
    const pending = this.take(reply.id)
    if (pending === undefined) return
    if (!reply.ok) {
      pending.reject(new PanelCallError(reply.error.code, reply.error.message))
      return
    }
    if (!pending.resolve(reply.result)) {
      pending.reject(new PanelCallError('bad-reply', 'The answer was not understood: reload the window.'))
    }
  }

  dispose(): void {
    this.disposed = true
    for (const id of Array.from(this.pending.keys())) {
      this.take(id)?.reject(new PanelCallError('disposed', 'The panel was closed.'))
    }
  }

  private take(id: number): Pending | undefined {
    const pending = this.pending.get(id)
    if (pending === undefined) return undefined
    this.pending.delete(id)
    clearTimeout(pending.timer)
    return pending
  }
}

/** One function a method; `signal` aborts when the panel is gone or the time is over. */
export type PanelHandlers = {
  readonly [M in Method]: (params: Params<M>, signal: AbortSignal) => Promise<Result<M>>
}

/** The side that answers. */
export class PanelResponder {
  private readonly handlers: PanelHandlers
  private readonly post: Post
  private readonly onError: (method: string, error: CountersignError) => void
  private readonly running = new Set<AbortController>()
  private disposed = false

  /** `onError` sees the cause, for the log; the webview gets code and sentence only. */
  constructor(
    handlers: PanelHandlers,
    post: Post,
    onError: (method: string, error: CountersignError) => void = () => {},
  ) {
    this.handlers = handlers
    this.post = post
    this.onError = onError
  }

  /** Feed it whatever the webview posted. Never throws and never rejects. */
  async receive(message: unknown): Promise<void> {
    const request = parseRequest(message)
    if (request === undefined || this.disposed) return
    const { id, method } = request
    if (!isMethod(method)) return this.refuse(id, 'usage', 'This request is not known.')
    const params = parseParams(method, request.params)
    if (params === undefined) return this.refuse(id, 'usage', 'This request was not understood.')
    const controller = new AbortController()
    this.running.add(controller)
    try {
      const result = await this.run(method, params, controller)
      this.reply({ type: 'reply', id, ok: true, result })
    } catch (thrown) {
      const error = toCountersignError(thrown)
      this.onError(method, error)
      this.refuse(id, error.code, t(error.sentence))
    } finally {
      this.running.delete(controller)
    }
  }

  dispose(): void {
    this.disposed = true
    for (const controller of this.running) controller.abort()
    this.running.clear()
  }

  private async run<M extends Method>(method: M, params: Params<M>, controller: AbortController): Promise<Result<M>> {
    let timer: ReturnType<typeof setTimeout> | undefined
    const over = new Promise<never>((_resolve, reject) => {
      timer = setTimeout(() => {
        reject(new CountersignError('cancelled', 'This took too long and was given up.'))
        controller.abort()
      }, METHODS[method].within)
      controller.signal.addEventListener('abort', () =>
        reject(new CountersignError('cancelled', 'The panel was closed.')),
      )
    })
    try {
      return await Promise.race([this.handlers[method](params, controller.signal), over])
    } finally {
      clearTimeout(timer)
    }
  }

  private refuse(id: number, code: ErrorCode, message: string): void {
    this.reply({ type: 'reply', id, ok: false, error: { code, message: message.slice(0, 2000) } })
  }

  private reply(reply: PanelReply): void {
    if (!this.disposed) this.post(reply)
  }
}

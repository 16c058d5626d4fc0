import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { METHODS, type Method, parseHostMessage } from '../../../src/contracts/panel.ts'
import { PanelCaller, type PanelHandlers, PanelResponder } from '../../../src/contracts/panelRpc.ts'
import { CountersignError } from '../../../src/support/errors.ts'

const refuse = () => Promise.reject(new CountersignError('internal', 'not here'))

function handlers(change: Partial<PanelHandlers>): PanelHandlers {
  const own = {
    ready: refuse,
    selectView: refuse,
    setFilter: refuse,
    contextRows: refuse,
    contextDetail: refuse,
    contextBytes: refuse,
    copyPart: refuse,
    exportEvidence: refuse,
    verifyAgain: refuse,
    copyEvidence: refuse,
    openDocument: refuse,
    connect: refuse,
    disconnect: refuse,
    retry: refuse,
    reviewKey: refuse,
    selectSlot: refuse,
    createKey: refuse,
    trySample: refuse,
    startTrial: refuse,
    cancelTrial: refuse,
    refreshInventory: refuse,
    addModule: refuse,
    slotAction: refuse,
    keyAction: refuse,
    lockAll: refuse,
    showLog: refuse,
    openChat: refuse,
    dismissNotice: refuse,
    copyKey: refuse,
  }
  return { ...own, ...change }
}

/** Both ends joined as a webview joins them: by JSON. */
function joined(change: Partial<PanelHandlers>, onError?: (method: string, error: CountersignError) => void) {
  const responder = new PanelResponder(
    handlers(change),
    (message) => {
      const parsed = parseHostMessage(JSON.parse(JSON.stringify(message)))
      if (parsed?.type === 'reply') caller.receive(parsed)
    },
    onError,
  )
  const caller = new PanelCaller((message) => void responder.receive(JSON.parse(JSON.stringify(message))))
  return { caller, responder }
}

const never = () => new Promise<never>(() => {})

describe('the panel rpc', () => {
  beforeEach(() => void vi.useFakeTimers())
  afterEach(() => void vi.useRealTimers())

  test('a call gets its own result', async () => {
    const { caller } = joined({ copyEvidence: ({ ref }) => Promise.resolve({ bytes: ref.length }) })
    const both = await Promise.all([
      caller.call('copyEvidence', { ref: 'ab' }),
      caller.call('copyEvidence', { ref: 'abc' }),
    ])
    expect(both).toEqual([{ bytes: 2 }, { bytes: 3 }])
  })

  test('an error keeps code and sentence; what is not ours is told to the log only', async () => {
    const log = vi.fn()
    const { caller } = joined(
      {
        connect: () => Promise.reject(new CountersignError('gateway-unreachable', 'It does not answer.')),
        showLog: () => Promise.reject(new Error('secret path')),
      },
      log,
    )
    await expect(caller.call('connect', {})).rejects.toMatchObject({
      code: 'gateway-unreachable',
      message: 'It does not answer.',
    })
    await expect(caller.call('showLog', {})).rejects.toMatchObject({
      code: 'internal',
      message: expect.not.stringContaining('secret'),
    })
    expect(log).toHaveBeenCalledTimes(2)
  })

  test('the host gives up in time and aborts the work', async () => {
    let aborted = false
    const { caller } = joined({
      showLog: (_params, signal) => {
        signal.addEventListener('abort', () => {
          aborted = true
        })
        return never()
      },
    })
    const call = expect(caller.call('showLog', {})).rejects.toMatchObject({ code: 'cancelled' })
    await vi.advanceTimersByTimeAsync(METHODS.showLog.within)
    await call
    expect(aborted).toBe(true)
  })

  test('the webview gives up by itself when the host is gone', async () => {
    const caller = new PanelCaller(() => {})
    const call = expect(caller.call('showLog', {})).rejects.toMatchObject({ code: 'timeout' })
    await vi.advanceTimersByTimeAsync(METHODS.showLog.within + 2000)
    await call
  })

  test('disposing rejects what is pending, on both sides, and refuses what comes later', async () => {
    const post = vi.fn()
    const responder = new PanelResponder(handlers({ connect: never }), post)
    const caller = new PanelCaller((message) => void responder.receive(message))
    const call = expect(caller.call('connect', {})).rejects.toMatchObject({ code: 'disposed' })
    responder.dispose()
    caller.dispose()
    await call
    await vi.advanceTimersByTimeAsync(METHODS.connect.within * 2)
    expect(post).not.toHaveBeenCalled()
    await expect(caller.call('connect', {})).rejects.toMatchObject({ code: 'disposed' })
    expect(vi.getTimerCount()).toBe(0)
  })

  test('a result of another shape, an unknown method and wrong parameters are refused', async () => {
    const post = vi.fn()
    const responder = new PanelResponder(handlers({}), post)
    await responder.receive({ type: 'request', id: 1, method: 'eval', params: {} })
    await responder.receive({ type: 'request', id: 2, method: 'contextDetail', params: { ref: 1 } })
    await responder.receive({ type: 'request', id: 3, method: 'constructor', params: {} })
    await responder.receive({ nonsense: true })
    expect(post.mock.calls.map(([reply]) => [reply.id, reply.ok, reply.error.code])).toEqual([
      [1, false, 'usage'],
      [2, false, 'usage'],
      [3, false, 'usage'],
    ])
    const { caller } = joined({ copyEvidence: () => Promise.resolve(JSON.parse('{"bytes":"many"}')) })
    await expect(caller.call('copyEvidence', { ref: 'a' })).rejects.toMatchObject({ code: 'bad-reply' })
  })

  test('a late reply is dropped', () => {
    const caller = new PanelCaller(() => {})
    expect(() => caller.receive({ type: 'reply', id: 99, ok: true, result: {} })).not.toThrow()
  })

  test('each method can be asked', () => {
    const names: Method[] = ['ready', 'selectView', 'contextDetail', 'verifyAgain', 'copyEvidence', 'openDocument']
    for (const name of names) expect(Object.hasOwn(METHODS, name)).toBe(true)
  })
})

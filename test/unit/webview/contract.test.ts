import * as fc from 'fast-check'
import { describe, expect, test, vi } from 'vitest'
import {
  isMethod,
  METHODS,
  parseHostMessage,
  parseParams,
  parseRequest,
  parseResult,
} from '../../../src/contracts/panel.ts'
import { NO_FILTER } from '../../../src/contracts/panelContexts.ts'
import { state } from '../../webview/data.ts'
import { contextRows, detailOf } from '../../webview/dataContexts.ts'
import { FakeHost } from '../../webview/host.ts'

const rows = contextRows(60)
const message = { type: 'state', state: state(1, rows, 'full') }

/** A copy with one value, somewhere inside, replaced. */
function spoiled(value: unknown, at: number, by: unknown): unknown {
  let left = at
  const walk = (node: unknown): unknown => {
    if (left-- === 0) return by
    if (Array.isArray(node)) return node.map(walk)
    if (typeof node !== 'object' || node === null) return node
    return Object.fromEntries(Object.entries(node).map(([name, member]) => [name, walk(member)]))
  }
  return walk(value)
}

describe('the panel contract', () => {
  test('takes what a host sends, as JSON makes it', () => {
    expect(parseHostMessage(JSON.parse(JSON.stringify(message)))).toEqual(message)
    for (const row of rows) {
      const detail = JSON.parse(JSON.stringify(detailOf(row, false)))
      expect(parseResult('contextDetail', detail)).toBeDefined()
    }
  })

  test('what a host says parses, message by message', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
    const said: unknown[] = []
    const host = new FakeHost((message) => said.push(JSON.parse(JSON.stringify(message))), 'full', 60)
    await host.receive({ type: 'request', id: 1, method: 'ready', params: {} })
    await host.receive({ type: 'request', id: 2, method: 'setFilter', params: { filter: NO_FILTER, hold: false } })
    host.bring(3)
    vi.advanceTimersByTime(200)
    host.dispose()
    vi.useRealTimers()
    expect(said.map((each) => parseHostMessage(each)?.type)).toEqual(['state', 'reply', 'reply', 'state', 'contexts'])
  })

  test('drops anything else, and never throws', () => {
    fc.assert(
      fc.property(fc.anything(), (anything) => {
        expect(parseHostMessage(anything)).toBeUndefined()
        expect(parseRequest(anything)).toBeUndefined()
      }),
    )
  })

  test('a state with one value of another kind is refused', () => {
    fc.assert(
      fc.property(fc.nat(900), (at) => {
        const changed = spoiled(message, at, Symbol.iterator)
        if (JSON.stringify(changed) === JSON.stringify(message)) return
        expect(parseHostMessage(changed)).toBeUndefined()
      }),
    )
  })

  test('refuses members that are not in the contract, and strings without end', () => {
    expect(parseHostMessage({ ...message, more: 1 })).toBeUndefined()
    expect(parseHostMessage({ type: 'state', state: { ...message.state, more: 1 } })).toBeUndefined()
    const long = { ...message.state, signer: { state: 'ready', key: 'x'.repeat(300) } }
    expect(parseHostMessage({ type: 'state', state: long })).toBeUndefined()
    expect(parseParams('contextDetail', { ref: '', reveal: false })).toBeUndefined()
    expect(parseParams('contextDetail', { ref: 'a'.repeat(200), reveal: false })).toBeUndefined()
    expect(parseParams('connect', { command: 'rm' })).toBeUndefined()
  })

  test('every method has a deadline, and only own names are methods', () => {
    expect(Object.keys(METHODS).length).toBeGreaterThan(10)
    for (const method of Object.values(METHODS)) expect(method.within).toBeGreaterThan(0)
    expect(isMethod('toString')).toBe(false)
    expect(isMethod('__proto__')).toBe(false)
  })
})

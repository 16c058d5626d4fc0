import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { ContextRow } from '../../../src/contracts/panelContext.ts'
import { CalmState } from '../../../webview/app/figures.ts'
import { ContextRows, NO_FILTER } from '../../../webview/app/rows.ts'
import { readSaved } from '../../../webview/app/saved.ts'
import { anchored, reveal, ROW, visible } from '../../../webview/contexts/window.ts'
import { move } from '../../../webview/contexts/move.ts'
import { state } from '../../webview/data.ts'
import { contextRows } from '../../webview/dataContexts.ts'

const delta = (base: number, version: number, rows: readonly ContextRow[], reset = false) => ({
  base,
  version,
  reset,
  rows,
})

describe('the window of the virtual list', () => {
  test('covers what is in view, and never leaves the list', () => {
    fc.assert(
      fc.property(fc.nat(600_000), fc.nat(3000), fc.nat(20_000), (scrollTop, height, count) => {
        const { from, to } = visible(scrollTop, height, count)
        expect(from).toBeGreaterThanOrEqual(0)
        expect(to).toBeLessThanOrEqual(count)
        expect(from).toBeLessThanOrEqual(to)
        expect(to - from).toBeLessThanOrEqual(Math.ceil(height / ROW) + 18)
        const first = Math.floor(scrollTop / ROW)
        if (first < count) expect(from).toBeLessThanOrEqual(first)
        const last = Math.min(count, Math.ceil((scrollTop + height) / ROW))
        if (first < count) expect(to).toBeGreaterThanOrEqual(last)
      }),
    )
  })

  test('rows that come in above leave what is read where it is', () => {
    const before = Array.from({ length: 100 }, (_, at) => ({ ref: `r${at}` }))
    const shifted = (ref: string) => Number(ref.slice(1)) + 7
    expect(anchored(50 * ROW + 5, before, shifted)).toBe(57 * ROW + 5)
    expect(anchored(0, before, shifted)).toBe(0)
    expect(anchored(50 * ROW, before, () => undefined)).toBe(50 * ROW)
  })

  test('reveals with the least movement', () => {
    expect(reveal(10, 0, 240)).toBe(24)
    expect(reveal(5, 0, 240)).toBe(0)
    expect(reveal(2, 240, 240)).toBe(2 * ROW)
  })

  test('keys stay inside the list', () => {
    expect(move('ArrowUp', 0, 5, 3)).toBe(0)
    expect(move('PageDown', 3, 5, 3)).toBe(4)
    expect(move('ArrowDown', -1, 5, 3)).toBe(0)
    expect(move('x', 0, 5, 3)).toBeUndefined()
    expect(move('Home', 0, 0, 3)).toBeUndefined()
  })
})

describe('the rows', () => {
  const [a, b, c] = contextRows(30)
  if (a === undefined || b === undefined || c === undefined) throw new Error('no rows')

  test('a delta that does not fit is a gap; updates stay in place', () => {
    const rows = new ContextRows()
    expect(rows.apply(delta(0, 1, [a, b], true))).toBe('applied')
    expect(rows.apply(delta(0, 2, [c]))).toBe('gap')
    expect(rows.apply(delta(1, 2, [{ ...a, verdict: 'rejected' }, c]))).toBe('applied')
    const { list } = rows.view(NO_FILTER)
    expect(list.map((row) => row.ref)).toEqual([c.ref, b.ref, a.ref])
    expect(list[2]?.verdict).toBe('rejected')
  })

  test('Hold freezes the order, counts what is newer, and still updates verdicts', () => {
    const rows = new ContextRows()
    rows.apply(delta(0, 1, [a], true))
    rows.hold(true)
    rows.apply(delta(1, 2, [b, { ...a, verdict: 'rejected' }]))
    expect(rows.view(NO_FILTER)).toMatchObject({ newer: 1, list: [{ ref: a.ref, verdict: 'rejected' }] })
    rows.hold(false)
    expect(rows.view(NO_FILTER).list).toHaveLength(2)
  })

  test('keeps the newest 20,000', () => {
    const rows = new ContextRows()
    const many = Array.from({ length: 20_000 }, (_, at) => ({ ...a, ref: `m${at}` }))
    rows.apply(delta(0, 1, many, true))
    rows.apply(delta(1, 2, [b]))
    expect(rows.size).toBe(20_000)
    expect(rows.get('m0')).toBeUndefined()
    expect(rows.view({ ...NO_FILTER, text: 'NO SUCH' }).list).toHaveLength(0)
  })
})

describe('what is shown and kept', () => {
  test('figures change once a second, a rejection at once, an older state never', () => {
    let now = 0
    const calm = new CalmState(
      () => now,
      () => {},
    )
    const first = state(1, contextRows(30), 'full')
    calm.accept(first)
    now = 200
    const counters = { ...first.counters, verified: 999 }
    calm.accept({ ...first, version: 2, counters })
    expect(calm.state?.counters.verified).toBe(first.counters.verified)
    calm.accept({ ...first, version: 3, counters: { ...counters, rejected: 7 } })
    expect(calm.state?.counters.rejected).toBe(7)
    expect(calm.accept(first)).toBe(false)
    now = 1300
    calm.accept({ ...first, version: 4, counters })
    expect(calm.state?.counters.verified).toBe(999)
    calm.dispose()
  })

  test('an unknown saved state is a fresh start', () => {
    expect(readSaved(undefined).view).toBe('sessions')
    expect(readSaved({ view: 'hsm', more: true }).view).toBe('sessions')
    expect(
      readSaved({ view: 'hsm', filter: { text: '', server: '', direction: '', verdict: '' }, folded: [] }).view,
    ).toBe('hsm')
  })
})

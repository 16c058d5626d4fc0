import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { type ContextList, NO_FILTER, type PlacedRow } from '../../../src/contracts/panelContexts.ts'
import { CalmState } from '../../../webview/app/figures.ts'
import { ContextRows } from '../../../webview/app/rows.ts'
import { readSaved } from '../../../webview/app/saved.ts'
import { reveal, ROW, visible } from '../../../webview/contexts/window.ts'
import { move } from '../../../webview/contexts/move.ts'
import { state } from '../../webview/data.ts'
import { contextRows } from '../../webview/dataContexts.ts'

const list = (change: Partial<ContextList> = {}): ContextList => ({
  view: 1,
  revision: 0,
  first: -3,
  end: 2,
  newer: 0,
  total: 5,
  older: 0,
  unseen: 0,
  servers: ['files'],
  ...change,
})
const push = (change: Partial<ContextList>, rows: PlacedRow[] = [], more = {}) => ({
  list: list(change),
  rows,
  rejected: [],
  receipts: [],
  ...more,
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

  test('positions count from the newest; a place stays the same when newer ones come', () => {
    const rows = new ContextRows()
    rows.take({ list: list(), rows: [{ at: -1, row: a }] })
    expect([rows.count, rows.match(0), rows.position(-1)]).toEqual([5, 1, 2])
    rows.change(push({ end: 4, total: 7 }, [{ at: 3, row: b }]))
    expect([rows.count, rows.position(-1), rows.at(-1)?.ref, rows.at(3)?.ref]).toEqual([7, 4, a.ref, b.ref])
    expect(rows.numbering).toBe(1)
  })

  test('another revision forgets every place, and says where the top is now', () => {
    const rows = new ContextRows()
    rows.take({ list: list(), rows: [{ at: 0, row: a }] })
    rows.change(push({ revision: 1 }, [{ at: 1, row: b }], { found: 1 }))
    expect([rows.numbering, rows.found, rows.at(0), rows.get(b.ref)?.ref]).toEqual([2, 1, undefined, b.ref])
  })

  test('what belongs to an earlier filter is dropped', () => {
    const rows = new ContextRows()
    rows.change(push({}, [{ at: 0, row: a }]))
    expect(rows.list).toBeUndefined()
    rows.take({ list: list({ view: 2 }), rows: [] })
    rows.take({ list: list({ view: 1 }), rows: [{ at: 0, row: a }] })
    expect([rows.list?.view, rows.at(0)]).toEqual([2, undefined])
  })

  test('receipts move rows on that were sent before them', () => {
    const rows = new ContextRows()
    const { receipt: _, ...open } = { ...a, seq: 4, dir: 'c2s' as const, verdict: 'verified' as const }
    rows.take({ list: list(), rows: [{ at: 0, row: open }] })
    const receipt = { sid: a.sid, c2s: 4, s2c: 0, over: false }
    rows.change(push({}, [], { receipts: [receipt] }))
    expect(rows.at(0)?.receipt).toBeUndefined()
    rows.change(push({}, [], { receipts: [{ ...receipt, over: true }] }))
    expect(rows.at(0)?.receipt).toBe('never')
    rows.change(push({}, [], { receipts: [{ ...receipt, c2s: 5 }] }))
    expect(rows.at(0)?.receipt).toBe('acknowledged')
  })

  test('keeps no more than the rows around what is in view', () => {
    const rows = new ContextRows()
    const many = list({ first: -100_000, end: 0, total: 100_000 })
    for (let from = -100_000; from < -90_000; from += 250) {
      rows.take({
        list: many,
        rows: Array.from({ length: 250 }, (_, at) => ({ at: from + at, row: { ...a, ref: `${from + at}` } })),
      })
      rows.prune(from)
    }
    const kept = Array.from({ length: 100_000 }, (_, at) => rows.at(-1 - at)).filter((row) => row !== undefined)
    expect(kept.length).toBeLessThanOrEqual(2_250)
    expect(rows.at(-90_001)).toBeDefined()
    expect(rows.get('-99999')).toBeUndefined()
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
    expect(readSaved({ view: 'hsm', filter: NO_FILTER, folded: [] }).view).toBe('hsm')
  })
})

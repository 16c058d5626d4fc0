import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type ContextFilter, NO_FILTER } from '../../../src/contracts/panelContexts.ts'
import { CHUNK_ROWS, type IndexRow } from '../../../src/extension/evidence/list/chunk.ts'
import { ContextIndex, LISTED_ROWS } from '../../../src/extension/evidence/list/contextIndex.ts'
import { ContextView } from '../../../src/extension/evidence/list/contextView.ts'
import { parseQuery } from '../../../src/extension/evidence/list/query.ts'

const row = (change: Partial<IndexRow> = {}): IndexRow => ({
  verdict: 'verified',
  at: 1,
  dir: 'c2s',
  server: 'files',
  kind: 'request',
  size: 10,
  custody: 'hsm',
  sid: 'sid',
  gateway: 'desk',
  ...change,
})

/** Never over budget unless told. */
const view = (
  index: ContextIndex,
  filter: Partial<ContextFilter>,
  textOf: (number: number) => string | undefined = () => undefined,
) => new ContextView({ ...NO_FILTER, ...filter }, { index, textOf, now: () => 0 })

const listed = (of: ContextView): number[] => {
  const rows: number[] = []
  for (let at = of.first; at < of.end; at++) rows.push(of.at(at) ?? -1)
  return rows
}

describe('the index of contexts', () => {
  it('gives back what was put in, whatever is absent', () => {
    const index = new ContextIndex()
    const full = row({
      method: 'tools/call',
      tool: 'read',
      exchange: 7,
      seq: 3,
      alert: 110,
      reason: 'No.',
      signer: 'k1',
      audience: 'k2',
      chain: new Uint8Array(48).fill(7),
      ack: 2,
      queued: 1.5,
    })
    expect(index.get(index.add(full))).toEqual(full)
    expect(index.get(index.add(row()))).toEqual(row())
    expect(index.get(99)).toBeUndefined()
  })

  it('gives the contexts of one batch the same name, and others another', () => {
    const index = new ContextIndex()
    const of = (id: string) => index.get(index.add(row({ batch: { id, n: 2 } })))?.batch
    expect([of('root a'), of('root a')]).toEqual([of('root a'), of('root a')])
    expect(of('root b')).not.toEqual(of('root a'))
  })

  it('keeps the newest hundred thousand, in numbers that do not change', () => {
    const index = new ContextIndex()
    const many = LISTED_ROWS + 3 * CHUNK_ROWS
    for (let seq = 0; seq < many; seq++) index.add(row({ seq }))
    expect(index.end).toBe(many)
    expect(index.end - index.first).toBeGreaterThanOrEqual(LISTED_ROWS)
    expect(index.end - index.first).toBeLessThanOrEqual(LISTED_ROWS + CHUNK_ROWS)
    for (const number of [index.first, index.first + CHUNK_ROWS, index.end - 1])
      expect(index.get(number)?.seq).toBe(number)
    expect(index.get(index.first - 1)).toBeUndefined()
    index.set(0, row())
    expect(index.get(0)).toBeUndefined()
  })

  it('finds what is of one exchange, and who acknowledged', () => {
    const index = new ContextIndex()
    const a = index.add(row({ exchange: 1, seq: 0 }))
    index.add(row({ exchange: 1, sid: 'other' }))
    index.add(row({ dir: 's2c', ack: 0 }))
    const b = index.add(row({ exchange: 1, dir: 's2c', ack: 1 }))
    expect(index.exchange('sid', 1)).toEqual([a, b])
    expect(index.exchange('nobody', 1)).toEqual([])
    expect(index.acknowledging(a, 0)).toBe(b)
    expect(index.acknowledging(a, 1)).toBeUndefined()
  })
})

describe('a query', () => {
  it('takes words, quotes and places', () => {
    const query = parseQuery({ ...NO_FILTER, text: 'Read tool:"get stock" server:FILES "two words' })
    expect(query.words).toEqual(['read', 'two words'])
    expect(query.inName).toEqual([
      { name: 'tool', text: 'get stock' },
      { name: 'server', text: 'files' },
    ])
    expect(parseQuery({ ...NO_FILTER, text: 'tool: constructor:x' }).words).toEqual(['tool:', 'constructor:x'])
  })

  it('finds each field, and only what has every word', () => {
    const index = new ContextIndex()
    const read = index.add(row({ tool: 'read_file', method: 'tools/call', exchange: 41 }))
    const list = index.add(row({ server: 'tickets', method: 'tools/list', custody: 'software', dir: 's2c' }))
    const bad = index.add(row({ verdict: 'rejected', reason: 'The bytes are not the ones.', kind: 'response' }))
    const found = (filter: Partial<ContextFilter>) => {
      const of = view(index, filter)
      of.slice()
      return listed(of)
    }
    expect(found({ text: 'READ' })).toEqual([read])
    expect(found({ text: 'tool:read method:call' })).toEqual([read])
    expect(found({ text: '41' })).toEqual([read])
    expect(found({ text: 'tools' })).toEqual([read, list])
    expect(found({ text: 'bytes response' })).toEqual([bad])
    expect(found({ text: 'bytes tools' })).toEqual([])
    expect(found({ server: 'tickets' })).toEqual([list])
    expect(found({ server: 'ticket' })).toEqual([])
    expect(found({ custody: 'software' })).toEqual([list])
    expect(found({ direction: 's2c' })).toEqual([list])
    expect(found({ verdict: 'rejected' })).toEqual([bad])
  })

  it('looks into the text of a context where the names do not decide', () => {
    const index = new ContextIndex()
    const one = index.add(row({ tool: 'read' }))
    index.add(row({ tool: 'read' }))
    const asked: number[] = []
    const of = view(index, { text: 'read secret' }, (number) => {
      asked.push(number)
      return number === one ? '{"path":"secret.md"}' : '{}'
    })
    of.slice()
    expect(listed(of)).toEqual([one])
    expect(asked).toHaveLength(2)
    expect(of.texts).toBe(2)
  })
})

describe('the list that matches', () => {
  it('has the same places while newer ones come and older ones are found', async () => {
    const index = new ContextIndex()
    for (let seq = 0; seq < 2_000; seq++) index.add(row({ seq }))
    let clock = 0
    const of = new ContextView(NO_FILTER, { index, textOf: () => undefined, now: () => (clock += 5) })
    expect(of.slice()).toBe(false)
    const [newest, before] = [of.at(-1), of.first]
    expect(newest).toBe(1_999)
    const scanned = of.scan(new AbortController().signal, () => of.changed(index.add(row())))
    expect(await scanned).toBe(true)
    expect(of.at(-1)).toBe(newest)
    expect(of.at(0)).toBe(2_000)
    expect(of.first).toBeLessThan(before)
    expect([of.first, of.unseen, of.revision]).toEqual([-2_000, 0, 0])
  })

  it('is renumbered when a match comes or goes between others, and only then', () => {
    const index = new ContextIndex()
    const [a, b, c] = ['pending', 'pending', 'pending'].map(() => index.add(row({ verdict: 'pending' })))
    const of = view(index, { verdict: 'verified' })
    of.slice()
    const verify = (number = -1) => {
      index.set(number, row())
      of.changed(number)
    }
    verify(a)
    verify(c)
    expect([listed(of), of.revision]).toEqual([[a, c], 0])
    verify(b)
    expect([listed(of), of.revision]).toEqual([[a, b, c], 1])
    expect(of.find(b ?? -1)).toBe(1)
  })

  it('held, counts what is newer and keeps its order; let go, it has everything', () => {
    const index = new ContextIndex()
    const a = index.add(row())
    const b = index.add(row({ verdict: 'pending' }))
    const of = view(index, { verdict: 'verified' })
    of.slice()
    of.hold(true)
    const c = index.add(row())
    of.changed(c)
    index.set(b, row())
    of.changed(b)
    index.set(a, row({ verdict: 'rejected' }))
    of.changed(a)
    expect([listed(of), of.newer]).toEqual([[a], 2])
    expect(of.hold(false)).toBe('scan')
    of.slice()
    expect([listed(of), of.newer]).toEqual([[b, c], 0])
  })

  it('is what a plain filter finds, whatever happens in whatever order', () => {
    const verdicts = ['verified', 'pending', 'rejected'] as const
    const steps = fc.array(
      fc.record({
        do: fc.constantFrom('add', 'set', 'slice', 'hold', 'free'),
        at: fc.nat(40),
        verdict: fc.constantFrom(...verdicts),
      }),
      { maxLength: 60 },
    )
    let lists = 0
    fc.assert(
      fc.property(steps, fc.constantFrom('', ...verdicts), fc.nat(20), (all, verdict, before) => {
        const index = new ContextIndex()
        for (let at = 0; at < before; at++) index.add(row({ verdict: verdicts[at % 3] ?? 'verified' }))
        const of = view(index, { verdict })
        for (const step of all) {
          if (step.do === 'add') of.changed(index.add(row({ verdict: step.verdict })))
          else if (step.do === 'set' && step.at < index.end) {
            index.set(step.at, row({ verdict: step.verdict }))
            of.changed(step.at)
          } else if (step.do === 'slice') of.slice()
          else if (step.do === 'hold') of.hold(true)
          else if (step.do === 'free') of.hold(false)
        }
        of.hold(false)
        of.slice()
        const plain = Array.from({ length: index.end }, (_, at) => at).filter(
          (at) => verdict === '' || index.get(at)?.verdict === verdict,
        )
        expect(listed(of)).toEqual(plain)
        for (const number of plain) expect(of.at(of.find(number) ?? 1e9)).toBe(number)
        lists++
      }),
      { numRuns: 400 },
    )
    expect(lists).toBe(400)
  })

  it('loses what the index lost, and nothing else', () => {
    const index = new ContextIndex()
    const of = view(index, { direction: 's2c' })
    for (let seq = 0; seq < LISTED_ROWS + 2 * CHUNK_ROWS; seq++) {
      of.changed(index.add(row({ dir: seq % 2 === 0 ? 'c2s' : 's2c' })))
    }
    const { end } = of
    of.trim()
    expect(of.at(of.first)).toBe(index.first + 1)
    expect(of.end).toBe(end)
    expect(of.revision).toBe(0)
  })
})

import { beforeAll, describe, expect, it } from 'vitest'
import { type BundleReport, MOST_ROWS, parseBundleMessage } from '../../../src/contracts/bundleView.ts'
import { verifyBundle } from '../../../src/extension/bundle/verifyBundle.ts'
import type { KnownKeys } from '../../../src/extension/evidence/knownHere.ts'
import { systemClock as clock } from '../../../src/support/clock.ts'
import { bundleOf, type Parties, parties, realBundle, Talk } from '../../fakes/evidenceBundle.ts'
import { Forger } from '../../fakes/forgeries/forger.ts'

let of: Parties
let known: KnownKeys
beforeAll(async () => {
  of = await parties()
  known = keys(of.client.kid, of.gateway.kid)
})

const keys = (...kids: string[]): KnownKeys => new Map(kids.map((kid) => [kid, { window: {}, whose: `key ${kid}` }]))

interface Run {
  readonly known?: KnownKeys
  readonly forView?: readonly string[]
  readonly signal?: AbortSignal
  readonly progress?: (read: number) => void
}

/** What the editor's host finds, in the shape that the webview accepts. */
async function opened(bytes: Uint8Array, run: Run = {}): Promise<BundleReport> {
  async function* input() {
    for (let at = 0; at < bytes.length; at += 4096) yield bytes.subarray(at, at + 4096)
  }
  const { signal = new AbortController().signal, progress = () => {} } = run
  const report = await verifyBundle(
    { name: 'x.countersign', bytes: bytes.length, input: input() },
    { known: run.known ?? known, forView: new Set(run.forView), clock, signal, progress },
  )
  const message = { type: 'report', report }
  expect(parseBundleMessage(structuredClone(message))).toEqual(message)
  return report
}

describe('the editor for bundles', () => {
  it('says verified of a whole session whose signers it knows', async () => {
    const report = await opened(await realBundle(of))
    expect(report).toMatchObject({
      verdict: 'holds',
      contexts: 12,
      redacted: 1,
      acknowledged: 11,
      sessionCount: 1,
      findings: [],
      exported: { kid: of.client.kid, state: 'holds' },
    })
    expect(report.keys.map(({ kid, trust, contexts, exporter }) => [kid, trust, contexts, exporter])).toEqual([
      [of.gateway.kid, 'known', 7, false],
      [of.client.kid, 'known', 5, true],
    ])
    expect(report.keys[0]?.words).toHaveLength(6)
    expect(report.rows).toHaveLength(12)
    expect(report.rows.find(({ notes }) => notes.length > 0)?.notes.join()).toContain('redacted')
    expect(report.sessions).toMatchObject([{ state: 'holds', c2s: { statements: 5, closed: true } }])
  })

  it('calls a signer that it does not know neither verified nor false, until somebody trusts it here', async () => {
    const bytes = await realBundle(of)
    const report = await opened(bytes, { known: keys(of.gateway.kid) })
    expect(report.verdict).toBe('incomplete')
    expect(report.findings).toHaveLength(1)
    expect(report.findings[0]).toMatchObject({
      state: 'incomplete',
      count: 6,
      note: expect.stringContaining('none of'),
    })
    expect(report.keys.find(({ kid }) => kid === of.client.kid)).toMatchObject({ trust: 'unknown' })
    const trusting = await opened(bytes, { known: keys(of.gateway.kid), forView: [of.client.kid] })
    expect(trusting.verdict).toBe('holds')
    expect(trusting.keys.find(({ kid }) => kid === of.client.kid)).toMatchObject({ trust: 'view' })
  })

  it('says false of what was signed outside of the window of a key that it knows', async () => {
    const over = new Map([...known, [of.client.kid, { window: { until: 1 }, whose: 'your key' }] as const])
    const report = await opened(await realBundle(of), { known: over })
    expect(report.verdict).toBe('false')
    expect(report.findings[0]?.state).toBe('false')
  })

  it('says false of a changed byte, and which line; a manifest that fits does not help', async () => {
    const real = await Forger.create(of)
    const changed = real.texts.map((text) => text.replace('"how":"sent"', '"how":"received"'))
    expect(await opened(real.unsealed(changed))).toMatchObject({ verdict: 'false', exported: { state: 'false' } })
    const at = real.lines.findIndex((line) => typeof line['context'] === 'string' && line['context'] !== '')
    const lines = real.lines.map((line, n) => (n === at ? { ...line, context: 'eyJmb3JnZWQiOnRydWV9' } : line))
    const report = await opened(await real.sealed(lines))
    expect(report).toMatchObject({ verdict: 'false', exported: { state: 'holds' } })
    expect(report.findings[0]).toMatchObject({ state: 'false', lines: [at + 1] })
    expect(report.rows.find(({ line }) => line === at + 1)?.state).toBe('false')
  })

  it('says that the end is missing, and calls nothing false', async () => {
    const cut = (await realBundle(of)).subarray(0, -300)
    const report = await opened(cut)
    expect(report.verdict).toBe('incomplete')
    expect(report.exported).toBe(undefined)
    expect(report.findings.every(({ state }) => state === 'incomplete')).toBe(true)
  })

  it('lists the first contexts of a long bundle, and judges all of them', async () => {
    const talk = new Talk(of)
    for (let batch = 0; batch < 17; batch++) {
      await talk.say(
        talk.c2s,
        Array.from({ length: 64 }, (_, at) => talk.question({ exchange: batch * 64 + at + 1 })),
      )
    }
    const seen: number[] = []
    const report = await opened(await bundleOf(talk.entries, { exporter: of.client }), {
      progress: (read) => seen.push(read),
    })
    expect(report.contexts).toBe(17 * 64)
    expect(report.rows).toHaveLength(MOST_ROWS)
    expect(seen.toSorted((a, b) => a - b)).toEqual(seen)
  })

  it('gives up when it is closed', async () => {
    const closing = new AbortController()
    closing.abort()
    await expect(opened(await realBundle(of), { signal: closing.signal })).rejects.toThrow()
  })

  it('reads what is no bundle as what it is', async () => {
    const report = await opened(Buffer.from('{"verified":true}\n'))
    expect(report.verdict).not.toBe('holds')
    expect(report.findings.length).toBeGreaterThan(0)
  })
})

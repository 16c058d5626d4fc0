import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { BundleMessage } from '../../../src/contracts/bundleView.ts'
import { bundleFile } from '../../../src/extension/bundle/bundleFile.ts'
import { BundleView } from '../../../src/extension/bundle/bundleView.ts'
import type { KnownKeys } from '../../../src/extension/evidence/knownHere.ts'
import { systemClock as clock } from '../../../src/support/clock.ts'
import { Emitter } from '../../../src/support/emitter.ts'
import { parties, type Parties, realBundle } from '../../fakes/evidenceBundle.ts'

const folder = mkdtempSync(join(tmpdir(), 'countersign-bundle-'))
const path = join(folder, 'session.countersign')
let of: Parties
let bytes: Uint8Array
beforeAll(async () => {
  of = await parties()
  bytes = await realBundle(of)
})
afterAll(() => {
  rmSync(folder, { recursive: true, force: true })
})

/** A file on the disk, opened; `changed` is what the editor's watcher says of it. */
function opened(trusted: readonly string[], content: Uint8Array = bytes) {
  writeFileSync(path, content)
  const posted: BundleMessage[] = []
  const failed: string[] = []
  const changed = new Emitter<void>()
  const known: KnownKeys = new Map(trusted.map((kid) => [kid, { window: {}, whose: kid }]))
  const view = new BundleView({
    source: async (signal) => await bundleFile(path, signal),
    watch: (listener) => changed.event(listener),
    known: async () => known,
    clock,
    post: (message) => posted.push(message),
    failed: ({ sentence }) => failed.push(String(sentence)),
  })
  const ends = () => posted.filter(({ type }) => type !== 'working')
  const verdicts = () => ends().map((message) => (message.type === 'report' ? message.report.verdict : message.type))
  return { view, posted, failed, verdicts, changed: () => changed.fire() }
}

describe('an open bundle', () => {
  it('is verified when it is opened, and again when its file is another one', async () => {
    const { view, verdicts, changed } = opened([of.client.kid, of.gateway.kid])
    await expect.poll(verdicts).toEqual(['holds'])
    const altered = Buffer.from(bytes)
    const middle = altered.length >> 1
    altered[middle] = (altered[middle] ?? 0) ^ 1
    writeFileSync(path, altered)
    // As an editor writes: many events for one change.
    for (let event = 0; event < 5; event++) changed()
    await expect.poll(verdicts).toEqual(['holds', 'false'])
    writeFileSync(path, bytes)
    changed()
    await expect.poll(verdicts).toEqual(['holds', 'false', 'holds'])
    view.dispose()
  })

  it('says that its file is gone, and what it is worth when it comes back', async () => {
    const { view, verdicts, failed, changed } = opened([of.client.kid, of.gateway.kid])
    await expect.poll(verdicts).toEqual(['holds'])
    rmSync(path)
    changed()
    await expect.poll(verdicts).toEqual(['holds', 'failed'])
    expect(failed).toHaveLength(1)
    writeFileSync(path, bytes)
    changed()
    await expect.poll(verdicts).toEqual(['holds', 'failed', 'holds'])
    view.dispose()
  })

  it('keeps a key that was trusted here when its file changes, and tells a webview that comes back', async () => {
    const { view, posted, verdicts, changed } = opened([of.gateway.kid])
    await expect.poll(verdicts).toEqual(['incomplete'])
    view.receive({ type: 'trust', kid: of.client.kid })
    await expect.poll(verdicts).toEqual(['incomplete', 'holds'])
    changed()
    await expect.poll(verdicts).toEqual(['incomplete', 'holds', 'holds'])
    view.receive({ type: 'ready' })
    expect(posted.at(-1)).toBe(posted.at(-2))
    view.dispose()
  })

  it('says nothing more when it is closed', async () => {
    const { view, posted, verdicts, changed } = opened([of.client.kid, of.gateway.kid])
    await expect.poll(verdicts).toEqual(['holds'])
    view.receive({ type: 'again' })
    view.dispose()
    changed()
    const before = posted.length
    const other = opened([of.client.kid, of.gateway.kid])
    await expect.poll(other.verdicts).toEqual(['holds'])
    expect(posted.length).toBe(before)
    other.view.dispose()
  })
})

import { monitorEventLoopDelay } from 'node:perf_hooks'
import { pathToFileURL } from 'node:url'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import type { Page } from 'playwright-core'
import { NO_FILTER } from '../../../src/contracts/panelContexts.ts'
import { type Measured, ratio, type Setting } from '../measured.ts'
import { percentile } from '../stats.ts'
import { BenchHost } from './host.ts'

const ROWS = 100_000
const FRAMES = 300
/** Of an hour at 200 contexts a second. The webview sees a tenth of the messages, because ten times as many rows come at once. */
const TAIL = 720_000
const MIB = 1024 * 1024

/** The panel with 100,000 contexts in a real browser: opening, scrolling, filtering, and memory over an hour's tail. */
export async function measurePanel({ root, rounds }: Setting): Promise<Measured> {
  const stageFile = pathToFileURL(`${root}test/webview/stage.mjs`).href
  const inPageFile = pathToFileURL(`${root}test/webview/inPage.mjs`).href
  const { openStage }: typeof import('../../webview/stage.mjs') = await import(stageFile)
  const inPage: typeof import('../../webview/inPage.mjs') = await import(inPageFile)
  const stage = await openStage()
  const opened: number[] = []
  const frames: number[] = []
  let tail: { host: number[]; page: number[] } = { host: [], page: [] }
  let filter: { took: number; blocked: number } = { took: 0, blocked: 0 }
  for (let round = 0; round < rounds; round++) {
    const { page, host, close } = await stage.open({
      view: 'contexts',
      host: (post) => {
        const made = new BenchHost(post)
        made.bring(ROWS)
        return made
      },
    })
    await page.addInitScript(inPage.watchFirstRow)
    for (let at = 0; at < 5; at++) {
      await page.reload()
      await page.locator('.li[role="option"]').first().waitFor()
      opened.push((await page.evaluate(inPage.firstRow)) ?? Number.NaN)
    }
    frames.push(...(await page.evaluate(inPage.scrollFrames, FRAMES)))
    if (round === 0) {
      filter = await filtering(host)
      tail = await anHour(page, host)
    }
    await close()
  }
  await stage.close()
  const grown = (heap: readonly number[]) => (heap.at(-1) ?? 0) - (heap[1] ?? 0)
  return {
    tables: [
      {
        title: 'panel, 100,000 contexts',
        columns: ['p50', 'p99', 'most'],
        rows: [
          { name: 'opens, ms', values: three(opened) },
          { name: 'a frame while scrolling, ms', values: three(frames) },
          { name: 'filter by text, ms in all', values: [filter.took, undefined, undefined] },
          { name: 'the host stood still for it, ms', values: [undefined, undefined, filter.blocked] },
        ],
      },
      {
        title: 'memory over 720,000 contexts, MiB',
        columns: ['begin', '1/6', '2/6', '3/6', '4/6', '5/6', 'end'],
        rows: [
          { name: 'host', values: tail.host },
          { name: 'webview', values: tail.page },
        ],
      },
    ],
    ratios: {
      'panel: opens, ms': ratio(percentile(opened, 50), '<', 500),
      'panel: longest frame, ms': ratio(percentile(frames, 100), '<=', 50),
      'panel: host memory, MiB grown': ratio(grown(tail.host), '<=', 8),
      'panel: webview memory, MiB grown': ratio(grown(tail.page), '<=', 8),
    },
    skipped: [],
  }
}

const three = (values: readonly number[]) => [50, 99, 100].map((p) => percentile(values, p))

/** A word that is in no name, so that every row is looked at. */
async function filtering(host: BenchHost): Promise<{ took: number; blocked: number }> {
  const delay = monitorEventLoopDelay({ resolution: 1 })
  delay.enable()
  const started = performance.now()
  let { list } = host.feed.setFilter({ filter: { ...NO_FILTER, text: 'tool:write nowhere' }, hold: false })
  while (list.unseen > 0) {
    await new Promise((resolve) => setImmediate(resolve))
    list = host.feed.contextRows({ view: list.view, from: 0, to: 0 }).list
  }
  delay.disable()
  return { took: performance.now() - started, blocked: delay.max / 1e6 }
}

async function anHour(page: Page, host: BenchHost): Promise<{ host: number[]; page: number[] }> {
  setFlagsFromString('--expose-gc')
  const collect: () => void = runInNewContext('gc')
  const cdp = await page.context().newCDPSession(page)
  await page.reload()
  await page.locator('.li[role="option"]').first().waitFor()
  const heaps: { host: number[]; page: number[] } = { host: [], page: [] }
  const look = async () => {
    // Twice, a turn apart: what arrays held is given back after the collection that found them unused.
    for (let times = 0; times < 2; times++) {
      collect()
      await new Promise((resolve) => setTimeout(resolve, 50))
    }
    const { heapUsed, external } = process.memoryUsage()
    heaps.host.push((heapUsed + external) / MIB)
    await cdp.send('HeapProfiler.collectGarbage')
    const { usedSize } = await cdp.send('Runtime.getHeapUsage')
    heaps.page.push(usedSize / MIB)
  }
  await look()
  for (let part = 0; part < 6; part++) {
    for (let brought = 0; brought < TAIL / 6; brought += 200) {
      host.bring(200)
      await new Promise((resolve) => setTimeout(resolve, 10))
    }
    await look()
  }
  return heaps
}

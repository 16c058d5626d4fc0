import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { ModuleWatch } from '../../../src/extension/identity/moduleWatch.ts'

/** Modules whose state a test sets; `undefined` does not answer, and `hangs` never comes back. */
function watching(...paths: readonly string[]) {
  const states = new Map<string, string | undefined>(paths.map((path) => [path, 'a']))
  const hanging = new Set<string>()
  const asked: string[] = []
  const read: string[] = []
  const watch: ModuleWatch = new ModuleWatch({
    glance: async ({ path }) => {
      asked.push(path)
      if (hanging.has(path)) await new Promise<never>(() => {})
      const state = states.get(path)
      if (state === undefined) throw new Error('gone')
      return state
    },
    read: async (ref) => {
      read.push(ref)
      settle(ref)
    },
  })
  function settle(path: string) {
    const state = states.get(path)
    if (state === undefined) watch.failed(path, { path })
    else watch.read(path, { path }, state)
  }
  for (const path of paths) settle(path)
  return { watch, states, hanging, asked, read, settle }
}

describe('the watch over modules', () => {
  beforeEach(() => void vi.useFakeTimers())
  afterEach(() => void vi.useRealTimers())

  it('asks nothing and keeps no timer while nobody looks', async () => {
    const { watch, asked } = watching('m', 'n')
    expect(vi.getTimerCount()).toBe(0)
    const look = watch.look()
    await vi.advanceTimersByTimeAsync(3_500)
    expect(asked.filter((path) => path === 'm')).toHaveLength(3)
    look.dispose()
    expect(vi.getTimerCount()).toBe(0)
    await vi.advanceTimersByTimeAsync(60_000)
    expect(asked).toHaveLength(6)
  })

  it('ends with the last one who looks, and only then', async () => {
    const { watch, asked } = watching('m')
    const [one, two] = [watch.look(), watch.look()]
    one.dispose()
    one.dispose()
    await vi.advanceTimersByTimeAsync(1_000)
    expect(asked).toHaveLength(1)
    two.dispose()
    expect(vi.getTimerCount()).toBe(0)
  })

  it('reads a module that changed within two seconds, once, and no other', async () => {
    const { watch, states, read } = watching('m', 'n')
    watch.look()
    await vi.advanceTimersByTimeAsync(1_500)
    expect(read).toEqual([])
    states.set('m', 'b')
    await vi.advanceTimersByTimeAsync(2_000)
    expect(read).toEqual(['m'])
    await vi.advanceTimersByTimeAsync(10_000)
    expect(read).toEqual(['m'])
  })

  it('asks one that hangs once, however often somebody looks, and goes on with the others', async () => {
    const { watch, hanging, asked, states, read } = watching('m', 'n')
    hanging.add('m')
    for (let times = 0; times < 5; times++) {
      const look = watch.look()
      await vi.advanceTimersByTimeAsync(2_000)
      look.dispose()
    }
    expect(asked.filter((path) => path === 'm')).toHaveLength(1)
    states.set('n', 'b')
    watch.look()
    await vi.advanceTimersByTimeAsync(2_000)
    expect(read).toEqual(['n'])
  })

  it('does not try every second to load what does not load', async () => {
    const { watch, states, read, asked } = watching('m')
    states.set('m', undefined)
    watch.look()
    await vi.advanceTimersByTimeAsync(1_000)
    expect(read).toEqual(['m'])
    await vi.advanceTimersByTimeAsync(120_000)
    // After 5, 10, 20, 40 seconds, and then once a minute.
    expect(read).toHaveLength(5)
    expect(asked).toHaveLength(1)
    states.set('m', 'a')
    await vi.advanceTimersByTimeAsync(60_000)
    const recovered = read.length
    await vi.advanceTimersByTimeAsync(5_000)
    expect(read).toHaveLength(recovered)
    expect(asked.length).toBeGreaterThan(4)
  })

  it('forgets what left the settings, and everything when it ends', async () => {
    const { watch, asked, settle } = watching('m', 'n')
    watch.look()
    watch.keep(new Set(['n']))
    await vi.advanceTimersByTimeAsync(1_000)
    expect(asked).toEqual(['n'])
    watch.dispose()
    expect(vi.getTimerCount()).toBe(0)
    settle('m')
    expect(vi.getTimerCount()).toBe(0)
  })
})

import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { keyProcessEnvironment } from '../../../src/keys/hsm/environment.ts'
import { Pause } from '../../../src/keys/hsm/pause.ts'
import { lanesOf, PROFILES } from '../../../src/keys/hsm/profiles.ts'

const module = { kind: 'module', path: '/m.so' } as const

describe('how many lanes a key signs in', () => {
  it('is what the user says, else what the profile says, else one', () => {
    const several = PROFILES.find(({ lanes }) => lanes > 1)
    expect(lanesOf(module, several?.name ?? '')).toBe(several?.lanes)
    expect(lanesOf({ ...module, lanes: 7 }, several?.name ?? '')).toBe(7)
    expect(lanesOf({ ...module, lanes: 1 }, several?.name ?? '')).toBe(1)
    expect(lanesOf(module, null)).toBe(1)
    expect(lanesOf(module, 'Nobody')).toBe(1)
    expect(lanesOf({ kind: 'vault' }, 'vault')).toBe(1)
  })

  it('is how many threads the process has for them, where the usual four are too few', () => {
    expect(keyProcessEnvironment({ ...module, lanes: 16 }, {})).toEqual({ UV_THREADPOOL_SIZE: '16' })
    expect(keyProcessEnvironment({ ...module, lanes: 4 }, {})).toEqual({})
    // Not from the environment of the editor: somebody may have made it smaller there.
    expect(keyProcessEnvironment(module, { UV_THREADPOOL_SIZE: '1' })).toEqual({})
  })
})

describe('the pause of a token that is away', () => {
  beforeEach(() => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] })
  })
  afterEach(() => {
    vi.useRealTimers()
  })

  /** Milliseconds until it is over. */
  const waited = async (pause: Pause) => {
    const began = performance.now()
    const over = pause.over(undefined)
    await vi.runAllTimersAsync()
    await over
    return performance.now() - began
  }

  it('begins with the second failure in a row, grows, and ends with a signature', async () => {
    const pause = new Pause()
    expect(await waited(pause)).toBe(0)
    pause.extend()
    expect(await waited(pause)).toBe(0)
    pause.extend()
    // Others that failed meanwhile, of the same cause.
    pause.extend()
    pause.extend()
    const lengths = [await waited(pause)]
    for (let failures = 3; failures <= 8; failures++) {
      pause.extend()
      lengths.push(await waited(pause))
    }
    expect(lengths).toEqual([101, 201, 401, 801, 1601, 2001, 2001])
    pause.extend()
    pause.end()
    expect(await waited(pause)).toBe(0)
  })

  it('ends for one who gives up', async () => {
    const pause = new Pause()
    for (let n = 0; n < 2; n += 1) pause.extend()
    await expect(pause.over(AbortSignal.abort())).rejects.toMatchObject({ code: 'cancelled' })
    const abort = new AbortController()
    const waiting = pause.over(abort.signal)
    abort.abort()
    await expect(waiting).rejects.toMatchObject({ code: 'cancelled' })
  })
})

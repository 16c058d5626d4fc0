import { describe, expect, it, vi } from 'vitest'
import { Later } from '../../../src/extension/later.ts'
import { Deferred } from '../../../src/session/deferred.ts'

function part() {
  return { dispose: vi.fn<() => void>() }
}

describe('a part that is loaded later', () => {
  it('is loaded once, when it is first needed', async () => {
    const made = part()
    const load = vi.fn<() => Promise<typeof made>>(async () => made)
    const later = new Later(load)
    expect(load).not.toHaveBeenCalled()
    expect(later.loaded).toBeUndefined()
    expect(await Promise.all([later.get(), later.get()])).toEqual([made, made])
    expect(later.loaded).toBe(made)
    expect(load).toHaveBeenCalledOnce()
    later.dispose()
    expect(made.dispose).toHaveBeenCalledOnce()
  })

  it('says what to do if it cannot be loaded, and is tried again', async () => {
    const cause = new Error('no such file')
    const load = vi.fn<() => Promise<ReturnType<typeof part>>>(async () => part()).mockRejectedValueOnce(cause)
    const later = new Later(load)
    const sentence = expect.stringContaining('Reload the window')
    await expect(later.get()).rejects.toMatchObject({ code: 'internal', message: sentence, cause })
    await later.get()
    expect(load).toHaveBeenCalledTimes(2)
  })

  it('is disposed if the window closes while it is loading, and nobody gets it', async () => {
    const made = part()
    const loading = new Deferred<typeof made>()
    const later = new Later(() => loading.promise)
    const waiting = later.get()
    later.dispose()
    loading.resolve(made)
    await expect(waiting).rejects.toMatchObject({ code: 'cancelled' })
    expect(made.dispose).toHaveBeenCalledOnce()
    expect(later.loaded).toBeUndefined()
    await expect(later.get()).rejects.toMatchObject({ code: 'cancelled' })
  })
})

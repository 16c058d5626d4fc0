import { describe, expect, it } from 'vitest'
import { AutoLock } from '../../../src/extension/identity/autoLock.ts'

const MINUTE = 60_000

/** A clock that moves when it is told, and the one timer that may run on it. */
function stand(minutes: number) {
  let now = 1_000_000
  let due: { at: number; readonly run: () => void } | undefined
  const seen = { minutes, locked: 0, timers: 0 }
  const autoLock = new AutoLock({
    minutes: () => seen.minutes,
    lock: () => {
      seen.locked++
    },
    clock: { now: () => now },
    after: (ms, run) => {
      expect(due, 'only one timer at a time').toBe(undefined)
      const mine = { at: now + ms, run }
      due = mine
      seen.timers++
      return {
        dispose: () => {
          if (due === mine) due = undefined
        },
      }
    },
  })
  return {
    autoLock,
    seen,
    waits: () => due !== undefined,
    pass: (ms: number) => {
      const end = now + ms
      while (due !== undefined && due.at <= end) {
        const { at, run } = due
        now = at
        due = undefined
        run()
      }
      now = end
    },
    /** The wall clock jumps; what is left of the timer stays the same. */
    setBack: (ms: number) => {
      now -= ms
      if (due !== undefined) due = Object.assign(due, { at: due.at - ms })
    },
  }
}

describe('the lock after idleness', () => {
  it('has no timer before a token is unlocked, and none after everything was locked', () => {
    const { autoLock, waits, seen, pass } = stand(5)
    autoLock.used()
    expect(waits()).toBe(false)
    autoLock.unlocked()
    expect(waits()).toBe(true)
    autoLock.locked()
    expect(waits()).toBe(false)
    pass(60 * MINUTE)
    expect(seen.locked).toBe(0)
  })

  it('locks once, exactly when nobody signed or commanded for that long', () => {
    const { autoLock, waits, seen, pass } = stand(5)
    autoLock.unlocked()
    pass(4 * MINUTE)
    autoLock.used()
    pass(5 * MINUTE - 1)
    expect(seen.locked).toBe(0)
    pass(1)
    expect(seen.locked).toBe(1)
    expect(waits()).toBe(false)
    pass(60 * MINUTE)
    expect(seen.locked).toBe(1)
  })

  it('notes a thousand signatures without a timer for each', () => {
    const { autoLock, seen, pass } = stand(5)
    autoLock.unlocked()
    for (let signature = 0; signature < 1000; signature++) {
      pass(100)
      autoLock.used()
    }
    expect(seen.locked).toBe(0)
    // One a minute at most.
    expect(seen.timers).toBeLessThan(5)
  })

  it('takes over a new time, and 0 means never', () => {
    const { autoLock, seen, pass, waits } = stand(0)
    autoLock.unlocked()
    expect(waits()).toBe(false)
    pass(10 * MINUTE)
    seen.minutes = 15
    autoLock.changed()
    pass(5 * MINUTE - 1)
    expect(seen.locked).toBe(0)
    pass(1)
    expect(seen.locked).toBe(1)
    autoLock.unlocked()
    seen.minutes = 0
    autoLock.changed()
    pass(600 * MINUTE)
    expect(seen.locked).toBe(1)
  })

  it('waits no longer than it says after the clock was set back', () => {
    const { autoLock, seen, pass, setBack } = stand(5)
    autoLock.unlocked()
    setBack(600 * MINUTE)
    pass(6 * MINUTE)
    expect(seen.locked).toBe(1)
  })

  it('counts the sleep of the machine, during which no timer runs', () => {
    const { autoLock, seen, pass, setBack } = stand(5)
    autoLock.unlocked()
    pass(30_000)
    setBack(-600 * MINUTE)
    // The first signature after it comes too late.
    autoLock.used()
    expect(seen.locked).toBe(1)
  })

  it('locks within a minute after the machine woke up', () => {
    const { autoLock, seen, pass, setBack } = stand(120)
    autoLock.unlocked()
    pass(30_000)
    setBack(-600 * MINUTE)
    pass(MINUTE)
    expect(seen.locked).toBe(1)
  })
})

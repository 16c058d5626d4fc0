/** Time as a port, so that tests own it. `now` is wall-clock milliseconds since 1970, `monotonic` never goes back. */
export interface Clock {
  now(): number
  monotonic(): number
}

export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
}

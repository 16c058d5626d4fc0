import type { Way } from '../fakes/chainRelay.ts'
import { CLEAN, clean, noCounts, report } from './counts.ts'
import { Cuts } from './cuts.ts'
import { type Framing, Stand } from './stand.ts'

/**
 * Sessions at once. They wait for acknowledgements and pauses most of the time, and so many keep one processor busy; with more,
 * four handshakes in a row of each can last longer than a call waits for its connection (25 s) where others work as well.
 */
const SLOTS = 12

/**
 * Cuts after each byte of one way: of the first connection of a session with its handshake and its first call, then of the
 * connection that a session is resumed on. FAULTS_STRIDE takes each n-th byte instead, for a look in between.
 * @param stride for carriers that are no news: each n-th byte of these
 */
export async function everyByte(framing: Framing, way: Way, stride: number): Promise<{ is: unknown; has: unknown }> {
  const counts = noCounts()
  const step = stride * Number(process.env['FAULTS_STRIDE'] ?? 1)
  const offsets = (from: number, to: number): number[] =>
    Array.from({ length: Math.ceil((to - from) / step) }, (_, index) => from + index * step)
  const stand = await Stand.open(framing)
  const cuts = new Cuts(stand, counts)
  for (const phase of ['first', 'resume'] as const) {
    const { handshake, call } = await cuts.measure(phase)
    // The last byte of a handshake is its own: the gateway has all of it, and its Ready has no way back.
    const calls = phase === 'first' ? offsets(handshake[way] + 1, call[way] + 1) : []
    await cuts.run({ phase, way, handshakes: offsets(0, handshake[way] + 1), calls, slots: SLOTS })
    report(`${framing}-${way}`, counts)
  }
  await stand.close()
  return { is: clean(counts), has: CLEAN }
}

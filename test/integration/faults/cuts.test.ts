import { expect, it } from 'vitest'
import { CLEAN, clean, noCounts, randomOf, stratified } from '../../faults/counts.ts'
import { Cuts } from '../../faults/cuts.ts'
import { type Framing, Stand } from '../../faults/stand.ts'

/**
 * A sample of what `npm run faults` does at every byte: the connection is cut after so many bytes of one way, also inside a
 * frame's header. Each call is answered right and once; only a cut inside the first handshake may cost an error, and then
 * the next call works.
 */
const SEED = Number(process.env['FAULTS_SEED'] ?? Date.now() % 2 ** 32)
const SAMPLE: { readonly [framing in Framing]: number } = { webSocket: 24, stream: 10 }

for (const framing of ['webSocket', 'stream'] as const) {
  for (const phase of ['first', 'resume'] as const) {
    it(`a cut anywhere in a ${phase} connection (${framing}, FAULTS_SEED=${SEED})`, async () => {
      const stand = await Stand.open(framing)
      const counts = noCounts()
      const cuts = new Cuts(stand, counts)
      const sizes = await cuts.measure(phase)
      let planned = 0
      for (const way of ['c2s', 's2c'] as const) {
        const random = randomOf(SEED)
        const [handshake, call] = [sizes.handshake[way], sizes.call[way]]
        // Ready is small, and what is lost with it is the most: the two ends then disagree about where the session is.
        const ready = stratified(handshake - 70, handshake, 6, random)
        const handshakes = [...stratified(0, handshake, SAMPLE[framing], random), ...ready]
        const calls = phase === 'first' ? stratified(handshake + 1, call, SAMPLE[framing], random) : []
        planned += handshakes.length + calls.length
        await cuts.run({ phase, way, handshakes, calls, slots: 12 })
      }
      await stand.close()
      expect(clean(counts)).toEqual(CLEAN)
      // An acknowledgement less, and the last bytes of a connection never come.
      expect(counts.cuts).toBeGreaterThan(0.9 * planned)
    })
  }
}

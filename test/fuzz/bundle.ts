/** One script with the parsers and what feeds them: `worker.ts` loads it once the coverage counts. */
export { fuzzTarget } from './engine/fuzz.ts'
export { TARGETS } from './targets/all.ts'

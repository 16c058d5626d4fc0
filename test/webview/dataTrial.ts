import type { PanelTrial, PanelTrialRow } from '../../src/contracts/panelTrial.ts'
import { ATTACKS } from '../../src/extension/trial/attacks.ts'
import { editor, hash, hex } from './seed.ts'

/** Outcomes as the integration test finds them, invented but for the attacks themselves: *Try to Break It* in each of its states. */
const SENTENCES = [
  ['peer-protocol', 'A record was changed on the way.'],
  ['replay', 'A statement has a sequence that was used before.'],
  ['batch-invalid', 'The proof does not lead from the statement to the root of its batch.'],
] as const

const CONTROLS: readonly PanelTrialRow[] = ['Two calls before', 'Two calls afterwards', 'The journal as it is'].map(
  (title, at) => ({
    id: `control-${at}`,
    title,
    text: 'Nobody attacks: it must go through.',
    state: 'passed',
    sentence: 'The server was given 403 bytes and answered; the agent was given 399 bytes.',
    ...(at < 2 && { reached: { whom: 'server', bytes: 403 } }),
    took: 180 + at,
  }),
)

const REFUSED: readonly PanelTrialRow[] = ATTACKS.map(({ id, attacker, title, change: text }, at) => {
  const [code, sentence] = SENTENCES[at % SENTENCES.length] ?? SENTENCES[0]
  const before = hex(hash(id)).slice(0, 32)
  const byte = (Number.parseInt(before.slice(10, 12), 16) ^ 1).toString(16).padStart(2, '0')
  return {
    id,
    attacker,
    title,
    text,
    state: 'refused',
    by: attacker === 'archive' ? 'verifier' : at % 4 === 3 ? 'editor' : 'gateway',
    code,
    sentence,
    ...(attacker !== 'archive' && { reached: { whom: 'server', bytes: 0 } as const }),
    change: {
      at: 138,
      before,
      after: id === 'drop-last-record' ? '' : `${before.slice(0, 10)}${byte}${before.slice(12)}`,
      from: 5,
      to: 6,
      lengths: { before: 7452, after: id === 'drop-last-record' ? 0 : 7452 },
    },
    took: 120 + ((at * 37) % 90),
  }
})

const ROWS = [...CONTROLS, ...REFUSED]
const key = { kid: editor.kid, custody: 'software' } as const

function waiting({ id, title, text, attacker }: PanelTrialRow): PanelTrialRow {
  return { id, title, text, state: 'waiting', ...(attacker !== undefined && { attacker }) }
}

/** The first `n` as they ended, the next one under way, the rest still to come. */
function until(n: number, next: 'running' | 'waiting'): PanelTrialRow[] {
  return ROWS.map((row, at) => (at < n ? row : { ...waiting(row), state: at === n ? next : 'waiting' }))
}

export function trial(scene: string): PanelTrial {
  switch (scene) {
    case 'trial-done':
      return { state: 'done', key, rows: ROWS }
    case 'trial-running':
      return { state: 'running', key, rows: until(7, 'running') }
    case 'trial-cancelled':
      return { state: 'cancelled', key, rows: until(7, 'waiting') }
    case 'trial-broken':
      return {
        state: 'done',
        key,
        rows: ROWS.map((row, at) =>
          at === 4 ? { ...row, state: 'failed', by: undefined, code: undefined, ...NOT_REFUSED } : row,
        ),
      }
    case 'trial-failed':
      return { state: 'failed', rows: [], sentence: 'The sample gateway did not start. Show Log says why.' }
    default:
      return { state: 'idle', rows: [] }
  }
}

const NOT_REFUSED = {
  sentence: 'It was answered as if nothing had happened. But 132 bytes had got through.',
  reached: { whom: 'server', bytes: 132 },
} as const

/**
 * Invented but consistent data for the panel's harness, through the real message contract: sizes are the real ones of
 * the suite, proofs are real RFC 9162 trees over SHA-384, so that what is drawn has the shape it will have.
 */
import type { PanelState } from '../../src/contracts/panel.ts'
import type { ContextRow } from '../../src/contracts/panelContext.ts'
import { hsm } from './dataHsm.ts'
import { sessions } from './dataSessions.ts'
import { dice, editor } from './seed.ts'

/** Five minutes of a quiet desk. */
function measures(): PanelState['counters']['measures'] {
  const throws = dice(3)
  const values = (low: number, high: number) => Array.from({ length: 60 }, () => low + (high - low) * throws() ** 2)
  return {
    rate: { now: 3.6, values: values(0, 9) },
    added: { now: 11.4, values: values(9, 24) },
    batch: { now: 2, values: values(1, 12).map(Math.round) },
    batchLimit: 64,
  }
}

export function state(version: number, rows: readonly ContextRow[], scene: string): PanelState {
  const of = (verdict: string) => rows.filter((row) => row.verdict === verdict).length
  const empty = scene === 'first'
  return {
    version,
    signer: empty
      ? { state: 'none' }
      : {
          state: scene === 'gone' ? 'gone' : 'ready',
          key: editor.name,
          token: 'Luna 7',
          kid: editor.kid,
          custody: 'hsm',
        },
    sessions: empty ? [] : sessions(),
    counters: {
      verified: of('verified'),
      pending: of('pending'),
      rejected: of('rejected'),
      unsigned: of('unsigned'),
      roots: new Set(rows.map((row) => row.batch?.id)).size,
      measures: measures(),
      unseen: empty ? 0 : 1,
    },
    hsm: hsm(scene),
    notices:
      scene === 'gone'
        ? [
            {
              id: 'gone',
              level: 'warning',
              title: 'Luna 7 does not answer',
              text: 'The token left slot 0. Without it nothing can be signed, so nothing goes out: 3 calls ended with an error, signer unavailable. Sessions stay open.',
              facts: [
                { label: 'module', value: 'Thales Luna, key process restarted 2 times' },
                { label: 'cause', value: 'CKR_TOKEN_NOT_PRESENT', code: true },
              ],
              actions: ['refreshInventory', 'selectSlot', 'showLog'],
              dismissable: true,
            },
          ]
        : [],
  }
}

import type { Operation } from '../../contracts/keyProcess.ts'

/** Milliseconds after which an unanswered request costs the process its life. */
export type Deadlines = Readonly<Record<Operation, number>>

export const DEADLINES: Deadlines = {
  start: 20_000,
  inventory: 30_000,
  glance: 10_000,
  login: 15_000,
  changePin: 20_000,
  resetPin: 30_000,
  // A smart card erases its memory for a minute and more.
  initToken: 180_000,
  logout: 10_000,
  open: 15_000,
  generate: 60_000,
  destroy: 20_000,
  probe: 60_000,
  inspectVault: 10_000,
  openVault: 20_000,
  createVault: 30_000,
  destroyVaultKey: 30_000,
  sign: 10_000,
}

/** What a person at the keypad of a token may take. Its module blocks the process meanwhile, so all else waits as long. */
export const KEYPAD_MS = 120_000

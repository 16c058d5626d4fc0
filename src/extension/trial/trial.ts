import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { PanelTrial, PanelTrialRow } from '../../contracts/panelTrial.ts'
import type { Journal } from '../../evidence/journal/journal.ts'
import { toCountersignError } from '../../support/errors.ts'
import { t } from '../../support/l10n.ts'
import type { Log } from '../../support/log.ts'
import type { Attack } from './attack.ts'
import { ATTACKS } from './attacks.ts'
import { Attempts, type Honest } from './attempts.ts'
import { type TrialGateway } from './gateway.ts'
import { findingsOf, readJournalFile } from './journalFile.ts'
import { Stand } from './stand.ts'
import { Tap } from './tap.ts'
import { brokeOff, type Outcome } from './verdict.ts'

export interface TrialPorts {
  /** Path of dist/keyProcess.js. */
  readonly keyProcess: string
  /** Starts the gateway that is attacked. @param folder where it may keep things */
  gateway(folder: string, signal: AbortSignal): Promise<TrialGateway>
  readonly log: Log
  /** Told of each row as it happens. */
  readonly tell: (trial: PanelTrial) => void
  /** Default: all. */
  readonly attacks?: readonly Attack[]
}

const CONTROLS = [
  { id: 'control-before', title: t('Two calls before'), text: t('Nobody attacks: the calls must be answered.') },
  {
    id: 'control-after',
    title: t('Two calls afterwards'),
    text: t('Nobody attacks: the same gateway must still answer.'),
  },
  {
    id: 'control-journal',
    title: t('The journal as it is'),
    text: t('Nobody altered it: the offline verifier must say that all holds.'),
  },
] as const

/**
 * *Try to Break It*: attacks the sample server's gateway in every way of the table, live, and reports what the code did about it.
 * Gateway, keys, pins and journals are the trial's own, in a folder of its own; when this returns, none of them is left.
 */
export async function runTrial(ports: TrialPorts, signal: AbortSignal): Promise<PanelTrial> {
  const folder = await mkdtemp(join(tmpdir(), 'countersign-trial-'))
  const trial = new Trial(ports, folder, signal)
  try {
    await trial.run()
    trial.end('done')
  } catch (thrown) {
    const { code, message } = toCountersignError(thrown)
    if (signal.aborted || code === 'cancelled') trial.end('cancelled')
    else trial.end('failed', message)
  } finally {
    await trial.close()
    await rm(folder, { recursive: true, force: true, maxRetries: 5 })
  }
  ports.tell(trial.state)
  return trial.state
}

class Trial {
  state: PanelTrial
  private readonly ports: TrialPorts
  private readonly folder: string
  private readonly signal: AbortSignal
  private readonly attacks: readonly Attack[]
  private gateway: TrialGateway | undefined
  private stand: Stand | undefined

  constructor(ports: TrialPorts, folder: string, signal: AbortSignal) {
    this.ports = ports
    this.folder = folder
    this.signal = signal
    this.attacks = ports.attacks ?? ATTACKS
    const attacked = this.attacks.map(({ id, attacker, title, change }) => ({ id, attacker, title, text: change }))
    const rows = [...CONTROLS, ...attacked].map((row) => ({ ...row, state: 'waiting' as const }))
    this.state = { state: 'running', rows }
  }

  async run(): Promise<void> {
    const { ports, folder, signal } = this
    ports.tell(this.state)
    const gateway = await ports.gateway(folder, signal)
    this.gateway = gateway
    const stand = await Stand.open({ keyProcess: ports.keyProcess, folder, log: ports.log }, gateway)
    this.stand = stand
    const { kid, custody } = stand.own.signer
    this.show({ key: { kid, custody } })
    const attempts = new Attempts(stand, await stand.journal('attacked'), signal)
    const honest = await this.honest(attempts, stand, gateway)
    for (const attack of this.attacks) await this.row(attack.id, () => attempts.attack(attack, honest))
    await this.row('control-after', () => attempts.control(new Tap()))
  }

  end(state: PanelTrial['state'], sentence?: string): void {
    const waiting = (row: PanelTrialRow) => (row.state === 'running' ? { ...row, state: 'waiting' as const } : row)
    this.state = {
      ...this.state,
      state,
      rows: this.state.rows.map(waiting),
      ...(sentence !== undefined && { sentence }),
    }
  }

  async close(): Promise<void> {
    await this.stand?.close()
    await this.gateway?.stop()
  }

  /** The controls that come first: their session is what attackers have recorded, their journal what is altered later. */
  private async honest(attempts: Attempts, stand: Stand, gateway: TrialGateway): Promise<Honest> {
    const earlier = new Tap()
    const journal: Journal = await stand.journal('honest')
    await this.row('control-before', () => attempts.control(earlier, journal))
    await journal.close()
    const file = await readJournalFile(join(this.folder, 'honest'), [stand.own.signer.kid, gateway.kid])
    await this.row('control-journal', async () => {
      const findings = await findingsOf(file.bytes, file.trusted)
      const bad = findings.find(({ state }) => state !== 'holds')
      const holds = findings.length > 0 && bad === undefined
      const sentence = holds ? t('All of it holds.') : (bad?.notes[0] ?? t('There is nothing in it.'))
      return { state: holds ? 'passed' : 'failed', sentence }
    })
    return { earlier, file }
  }

  private async row(id: string, work: () => Promise<Outcome>): Promise<void> {
    this.signal.throwIfAborted()
    this.update(id, { state: 'running' })
    const began = performance.now()
    let outcome: Outcome
    try {
      outcome = await work()
    } catch (thrown) {
      this.signal.throwIfAborted()
      outcome = brokeOff(thrown)
    }
    const { change, ...rest } = outcome
    this.update(id, { ...rest, ...(change !== undefined && { change }), took: performance.now() - began })
  }

  private update(id: string, change: Partial<PanelTrialRow>): void {
    this.show({ rows: this.state.rows.map((row) => (row.id === id ? { ...row, ...change } : row)) })
  }

  private show(change: Partial<PanelTrial>): void {
    this.state = { ...this.state, ...change }
    this.ports.tell(this.state)
  }
}

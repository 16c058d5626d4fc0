import { existsSync } from 'node:fs'
import { readdir, readFile } from 'node:fs/promises'
import { beforeAll, describe, expect, it } from 'vitest'
import { type PanelTrial, trialSchema } from '../../../src/contracts/panelTrial.ts'
import { ATTACKS } from '../../../src/extension/trial/attacks.ts'
import { KEYS } from '../../../src/extension/trial/attacks/keys.ts'
import { SIGNER } from '../../../src/extension/trial/attacks/signer.ts'
import { startSample } from '../../../src/extension/trial/gateway.ts'
import { runTrial, type TrialPorts } from '../../../src/extension/trial/trial.ts'
import { CountersignError } from '../../../src/support/errors.ts'
import { silentLog } from '../../../src/support/log.ts'
import * as v from 'valibot'
import { openCredulousGateway } from '../../fakes/credulousGateway.ts'
import { type Bundles, buildChain } from '../chain/build.ts'

/** Who has to refuse each attack, with which code and in which words. */
const EXPECTED: Readonly<Record<string, readonly [by: string | RegExp, code: string, sentence: RegExp]>> = {
  'flip-record': ['gateway', 'peer-protocol', /record was changed on the way/],
  'replay-record': ['gateway', 'peer-protocol', /lost, repeated or reordered/],
  'reorder-records': ['gateway', 'peer-protocol', /lost, repeated or reordered/],
  'drop-last-record': ['gateway', 'peer-protocol', /lost, repeated or reordered/],
  'reflect-record': ['gateway', 'peer-protocol', /lost, repeated or reordered/],
  'record-of-another-session': ['gateway', 'peer-protocol', /lost, repeated or reordered/],
  'flip-answer': ['editor', 'peer-protocol', /record was changed on the way/],
  // A gateway that is busy asks for a second hello, and then it is the one that sees it.
  'downgrade-suite': [/editor|gateway/, 'session-refused', /suite without shares|no common suite/],
  'replay-context': ['gateway', 'replay', /sequence that was used before/],
  'alter-context': ['gateway', 'statement-invalid', /bytes of a context are not the ones/],
  'alter-statement': ['gateway', 'batch-invalid', /proof does not lead/],
  'alter-root': ['gateway', 'signature-invalid', /signature on the root/],
  'sign-with-another-key': ['gateway', 'signature-invalid', /signature on the root/],
  'strip-signature': ['gateway', 'signature-invalid', /signature on the root/],
  'alg-none': ['gateway', 'signature-invalid', /signature on the root/],
  'alg-weaker': ['gateway', 'signature-invalid', /signature on the root/],
  'strip-proof': ['gateway', 'batch-invalid', /proof does not lead/],
  'swap-evidence': ['gateway', 'statement-invalid', /bytes of a context are not the ones/],
  'evidence-of-another-session': ['gateway', 'statement-invalid', /belongs to another session/],
  'swap-directions': ['gateway', 'signature-invalid', /signature on the root/],
  'another-server': ['gateway', 'batch-invalid', /proof does not lead/],
  'alter-answer': ['editor', 'statement-invalid', /bytes of a context are not the ones/],
  'strip-signature-of-answer': ['editor', 'signature-invalid', /signature on the root/],
  'wrong-audience': ['gateway', 'statement-invalid', /meant for somebody else/],
  'held-back': ['gateway', 'statement-invalid', /120 s off this clock/],
  'hide-a-context': ['gateway', 'statement-invalid', /missing before this one/],
  'another-gateway': ['editor', 'peer-changed', /another key/],
  'answer-to-another-question': ['editor', 'statement-invalid', /request that was never made/],
  'answer-of-another-session': ['editor', 'statement-invalid', /belongs to another session/],
  'old-answer': ['editor', 'statement-invalid', /120 s off this clock/],
  'journal-context': ['verifier', 'false', /bytes of a context are not the ones/],
  'journal-statement': ['verifier', 'false', /proof does not lead/],
  'journal-swap': ['verifier', 'false', /bytes of a context are not the ones/],
  'journal-remove': ['verifier', 'incomplete', /question is not in these files/],
  'journal-cut': ['verifier', 'incomplete', /no close statement/],
}

let bundles: Bundles
beforeAll(async () => {
  bundles = await buildChain()
})

/** What a trial was told to do, and where it did it. */
interface Run {
  readonly ports: TrialPorts
  readonly told: PanelTrial[]
  folder: string
}

function run(changes: Partial<TrialPorts> = {}): Run {
  const { cli, keyProcess, sampleServer } = bundles
  const told: PanelTrial[] = []
  const made: Run = {
    told,
    folder: '',
    ports: {
      keyProcess,
      log: silentLog,
      gateway: (folder, signal) => {
        made.folder = folder
        return startSample({ cli, sampleServer }, folder, silentLog, signal)
      },
      ...changes,
      tell: (trial) => {
        told.push(trial)
        changes.tell?.(trial)
      },
    },
  }
  return made
}

/** No folder, and no process of ours that was not there before. */
async function expectNothingLeft({ folder }: Run): Promise<void> {
  expect(folder).not.toBe('')
  expect(existsSync(folder)).toBe(false)
  await expect.poll(async () => await ours(folder), { timeout: 20_000 }).toEqual([])
}

/** Command lines of children of this process, and of whatever names the folder. */
async function ours(folder: string): Promise<string[]> {
  const ids = (await readdir('/proc').catch(() => [])).filter((name) => /^\d+$/.test(name))
  const all = await Promise.all(
    ids.map(async (id) => {
      const [command, stat] = await Promise.all(
        ['cmdline', 'stat'].map((name) => readFile(`/proc/${id}/${name}`, 'utf8').catch(() => '')),
      )
      const [state, parent] = (stat ?? '').replace(/^.*\) /s, '').split(' ')
      return { command: (command ?? '').replaceAll('\0', ' '), child: Number(parent) === process.pid && state !== 'Z' }
    }),
  )
  const key = bundles.keyProcess
  return all
    .filter(({ command, child }) => command.includes(folder) || (child && command.includes(key)))
    .map(({ command }) => command)
}

describe('against the sample gateway', () => {
  it('every attack is refused, by whom and as it should be, and what nobody attacks goes through', async () => {
    const made = run()
    const trial = await runTrial(made.ports, new AbortController().signal)
    expect(trial).toMatchObject({ state: 'done', key: { custody: 'software' } })
    expect(ATTACKS.map(({ id }) => id).sort()).toEqual(Object.keys(EXPECTED).sort())
    for (const row of trial.rows) {
      const [by, code, sentence] = EXPECTED[row.id] ?? []
      if (row.attacker === undefined) expect(row).toMatchObject({ state: 'passed' })
      else
        expect(row).toMatchObject({
          state: 'refused',
          by: expect.stringMatching(by ?? /^$/),
          code,
          sentence: expect.stringMatching(sentence ?? /^$/),
        })
      if (row.reached !== undefined) expect(row.reached.bytes === 0, row.id).toBe(row.attacker !== undefined)
      if (row.attacker !== undefined) expect(row.change?.before, row.id).not.toBe(row.change?.after)
    }
    // Live: each row is told while it runs, and what is told is what the panel takes.
    for (const { id } of ATTACKS) {
      expect(
        made.told.some(({ rows }) => rows.some((row) => row.id === id && row.state === 'running')),
        id,
      ).toBe(true)
    }
    for (const each of made.told) expect(v.safeParse(trialSchema, each).success).toBe(true)
    await expectNothingLeft(made)
  })

  it('cancelled in the middle, it leaves nothing', async () => {
    const cancel = new AbortController()
    const made = run({
      tell: ({ rows }) => {
        if (rows.some(({ id, state }) => id === 'alter-context' && state === 'running')) cancel.abort()
      },
    })
    const trial = await runTrial(made.ports, cancel.signal)
    expect(trial.state).toBe('cancelled')
    expect(trial.rows.find(({ id }) => id === 'flip-record')?.state).toBe('refused')
    expect(trial.rows.filter(({ state }) => state === 'running')).toEqual([])
    expect(trial.rows.find(({ id }) => id === 'journal-cut')?.state).toBe('waiting')
    await expectNothingLeft(made)
  })

  it('cancelled before anything runs, it leaves nothing', async () => {
    const cancel = new AbortController()
    const made = run({ tell: () => cancel.abort() })
    expect((await runTrial(made.ports, cancel.signal)).state).toBe('cancelled')
    await expectNothingLeft(made)
  })

  it('says why, where the gateway does not start', async () => {
    const sentence = 'The sample gateway did not start. Show Log says why.'
    const made = run({
      gateway: (folder) => {
        made.folder = folder
        return Promise.reject(new CountersignError('server-start', sentence))
      },
    })
    expect(await runTrial(made.ports, new AbortController().signal)).toMatchObject({ state: 'failed', sentence })
    await expectNothingLeft(made)
  })
})

describe('against a gateway that verifies no evidence', () => {
  it('says of each attack that it was not refused', async () => {
    // To these two it gives no answer at all, which takes long to be sure of.
    const unanswered = ['swap-evidence', 'swap-directions']
    const attacks = [...KEYS, ...SIGNER].filter(({ id }) => !unanswered.includes(id))
    const made = run({
      attacks,
      gateway: (folder) => {
        made.folder = folder
        return openCredulousGateway()
      },
    })
    const trial = await runTrial(made.ports, new AbortController().signal)
    expect(trial.state).toBe('done')
    const states = Object.fromEntries(trial.rows.map(({ id, state }) => [id, state]))
    expect(states).toMatchObject({ 'control-before': 'passed', 'control-after': 'passed' })
    for (const { id, reaches } of attacks) {
      // What is done to an answer is for the editor to see, and it looks.
      expect(states[id], id).toBe(reaches === 'agent' ? 'refused' : 'failed')
    }
    const reached = trial.rows.filter(
      ({ attacker, reached: them }) => attacker !== undefined && them?.whom === 'server',
    )
    expect(reached.every(({ reached: them }) => (them?.bytes ?? 0) > 0)).toBe(true)
    await expectNothingLeft(made)
  })
})

import { describe, expect, it } from 'vitest'
import { confirmationProblem } from '../../../src/extension/commands/confirmation.ts'
import { destroyWarning, retireWarning, revokeWarning } from '../../../src/extension/commands/keys/consequences.ts'
import { idProblem, keyIdBytes, labelProblem } from '../../../src/extension/commands/keys/keyNames.ts'
import { outcomeLine, questionAfter, rotationPlan } from '../../../src/extension/commands/keys/rotate/outcomes.ts'
import { probeResult } from '../../../src/extension/commands/probe/probeResult.ts'
import { probeReport } from '../../../src/extension/commands/probe/probeText.ts'
import type { ProbeReport } from '../../../src/keys/hsm/probe.ts'

describe('a typed confirmation', () => {
  it('holds for exactly the name', () => {
    expect(confirmationProblem('mcp-identity-key', 'mcp-identity-key', 'destroy it')).toBe(undefined)
    for (const typed of ['', 'MCP-identity-key', 'mcp-identity-ke', 'mcp-identity-key ', 'yes']) {
      expect(confirmationProblem(typed, 'mcp-identity-key', 'destroy it'), typed).toContain('nothing is done')
    }
  })

  it('never holds for an empty name', () => {
    expect(confirmationProblem('', '', 'destroy it')).not.toBe(undefined)
  })
})

describe('names of keys', () => {
  it('refuses a label that is taken, and what nobody can read', () => {
    const taken = new Set(['mcp-identity-key'])
    expect(labelProblem('mcp-identity-key', taken)).toContain('never replaced')
    expect(labelProblem('mcp-identity-key-2', taken)).toBe(undefined)
    for (const label of ['', 'a\u202eb', 'x'.repeat(201)]) expect(labelProblem(label, taken), label).not.toBe(undefined)
  })

  it('takes a CKA_ID of whole bytes, or none', () => {
    expect(idProblem('')).toBe(undefined)
    expect(keyIdBytes('')).toBe(undefined)
    expect(idProblem('0aFF')).toBe(undefined)
    expect(keyIdBytes('0aFF')).toEqual(Uint8Array.of(0x0a, 0xff))
    for (const id of ['a', '0x0a', 'gg', '00'.repeat(65)]) expect(idProblem(id), id).not.toBe(undefined)
  })
})

describe('what stops when a key ends', () => {
  const use = { label: 'old', identity: true, gateways: ['desk', 'lab'] }

  it('names the gateways of the identity, and what an unfinished rotation means', () => {
    for (const text of [
      retireWarning(use),
      revokeWarning(use),
      destroyWarning({ ...use, place: 'Luna 7, slot 0', vault: false }),
    ]) {
      expect(text).toContain('desk, lab')
      expect(text).toContain('Nothing can be signed until you choose another key')
    }
    const inVault = destroyWarning({ ...use, place: 'the embedded vault', vault: true })
    expect(inVault).toContain('makes another key when one is needed next')
    expect(inVault).not.toContain('Nothing can be signed')
    expect(retireWarning({ ...use, successor: 'new' })).toContain('rotation to new was begun')
  })

  it('says that no session ends with a key that does not sign', () => {
    const text = retireWarning({ ...use, identity: false })
    expect(text).toContain('no session ends')
    expect(text).not.toContain('desk')
  })

  it('says that gateways do not learn of a revocation by themselves', () => {
    expect(revokeWarning(use)).toContain('operators have to mark the kid as revoked')
  })
})

const KID = 'x'.repeat(43)

describe('what gateways say to the next key', () => {
  it('asks nothing where all accepted it, or where there is none', () => {
    expect(questionAfter([], KID)).toBe(undefined)
    expect(questionAfter([{ gateway: 'desk', status: 'accepted' }], KID)).toBe(undefined)
  })

  it('can be taken back only while nobody took it', () => {
    const pending = { gateway: 'desk', status: 'pending' } as const
    expect(questionAfter([pending], KID)?.mayCancel).toBe(true)
    const mixed = questionAfter([pending, { gateway: 'lab', status: 'accepted' }], KID)
    expect(mixed?.mayCancel).toBe(false)
    expect(mixed?.message).toBe('1 of 2 gateways accepted the new key.')
    expect(mixed?.detail).toContain('desk waits for its operator')
    expect(mixed?.detail).toContain(`countersign trust confirm ${KID}`)
    expect(mixed?.detail).toContain('cannot be cancelled any more')
  })

  it('gives each gateway its line, with the reason where there is one', () => {
    const line = outcomeLine({ gateway: 'desk', status: 'unreached', reason: 'It does not answer.' })
    expect(line).toBe('desk was not told (It does not answer.)')
  })

  it('shows both keys in words before anything is signed', () => {
    const plan = rotationPlan(
      { label: 'old', words: ['babab', 'dabad'] },
      { label: 'new', words: ['zusuz', 'tutut'], place: 'Luna 7, slot 0' },
      ['desk'],
    )
    expect(plan).toMatch(/old: old\nbabab dabad\n\nnew: new in Luna 7, slot 0\nzusuz tutut/)
    expect(plan).toContain('PINs are asked anew')
    expect(plan).toContain('desk')
  })
})

describe('what is told of a probe', () => {
  const step = (name: 'generate' | 'sign' | 'verify' | 'destroy') => ({ step: name, ok: true, ms: 1.25 })
  const good: ProbeReport = {
    algorithm: 'ML-DSA-65',
    steps: [step('generate'), step('sign'), step('destroy'), step('verify')],
    works: true,
    claims: undefined,
  }

  it('is in the order in which it was thought of, with what each step took', () => {
    const result = probeResult(good, 1)
    expect(result.steps.map(({ step }) => step)).toEqual(['generate', 'sign', 'verify', 'destroy'])
    const report = probeReport('ops', [result])
    expect(report).toMatchObject({ holds: true, message: 'ops does what it says: ML-DSA-65.' })
    expect(report.detail).toContain('the signature verifies in software, 1.3 ms')
  })

  it('does not call good what failed or was never verified', () => {
    const refused = { ...step('sign'), ok: false, error: 'CKR_MECHANISM_INVALID' }
    const failed = probeResult({ ...good, algorithm: 'ML-DSA-87', steps: [step('generate'), refused] }, 1)
    const report = probeReport('ops', [failed, probeResult(good, 1)])
    expect(report.holds).toBe(false)
    expect(report.message).toBe('ops lists ML-DSA-87 and does only ML-DSA-65.')
    expect(report.detail).toContain('CKR_MECHANISM_INVALID')
    const silent = { ...good, steps: good.steps.filter(({ step }) => step !== 'verify') }
    expect(probeReport('ops', [probeResult(silent, 1)]).holds).toBe(false)
  })
})

import { BatchCache } from './batchCache.ts'
import { checkContext, checkInclusion, checkQuestion, checkSession, checkTrust, digestOf } from './checks.ts'
import { said } from '../support/l10n.ts'
import { badStatement, EvidenceError } from './errors.ts'
import type { Expect, Expectations } from './expectations.ts'
import { parseStatement } from './statement.ts'
import type { OfflineEvidence, Statement } from './types.ts'
import { Checklist, type Verdict } from './verdict.ts'

/**
 * Verifies evidence: the receiving end of a session, the panel and the offline verifier all come through here. A
 * signature that covers many contexts is verified once.
 */
export class EvidenceVerifier {
  private readonly batches: BatchCache

  /** @param cached how many verified batches are remembered; 0 recomputes everything every time */
  constructor(cached = 128) {
    this.batches = new BatchCache(cached)
  }

  /**
   * Runs the checks in their order and stops at the first that fails. What the statement claims is compared with
   * expectations only after its signature was verified.
   * @returns a verdict, also for hostile evidence
   * @throws what is not about the evidence: a cryptographic backend that could not be loaded
   */
  async verify(evidence: OfflineEvidence, expect: Expect = {}): Promise<Verdict> {
    const checks = new Checklist()
    try {
      const statement = parseStatement(evidence.statement)
      checks.draft.statement = statement
      checks.draft.digest = digestOf(evidence.statement)
      checks.passed('statement well formed', said`${evidence.statement.length} B`)
      const entry = this.batches.read(evidence.jws, evidence.signer)
      checkInclusion(evidence, entry.batch.payload)
      const { length } = evidence.proof
      checks.passed('proof leads to the root', length === 1 ? said('1 node') : said`${length} nodes`)
      if (!entry.holds) await this.batches.verify(entry, evidence.signer)
      checks.draft.batch = entry.batch.payload
      checks.passed('signature on the root', said`${evidence.signer.algorithm}`)
      compare(checks, evidence, statement, typeof expect === 'function' ? expect(statement) : expect)
      return checks.verdict()
    } catch (thrown) {
      if (thrown instanceof EvidenceError) return checks.failed(thrown)
      throw thrown
    }
  }
}

/** Everything that needs no signature: synchronous, so that nothing changes between a check and what follows from it. */
function compare(checks: Checklist, evidence: OfflineEvidence, statement: Statement, expected: Expectations): void {
  const { kid } = evidence.signer
  if (expected.trusts === undefined) {
    checks.lack('trust')
    checks.notAsked('key active at that time', said('the signer was compared with nothing'))
  } else {
    checkTrust(kid, statement.ts, expected.trusts)
    checks.passed('key active at that time', said`${kid}`)
  }
  // A key that answers itself would make a question and its answer out of one end alone.
  if (statement.aud === kid) throw badStatement('A statement is meant for its own signer.')
  compareSession(checks, statement, expected.session)
  checkContext(statement, evidence.head, evidence.context)
  if (evidence.head === undefined) checks.lack('head')
  if (evidence.context === undefined) {
    checks.lack('context')
    checks.notAsked('context is as stated', said('only the digest of the context was kept'))
  } else {
    checks.passed('context is as stated', said`${evidence.context.length} B`)
  }
  compareQuestion(checks, statement, expected.question)
}

function compareSession(checks: Checklist, statement: Statement, expected: Expectations['session']): void {
  if (expected?.position === undefined) checks.lack('past')
  if (expected === undefined) {
    checks.lack('session')
    checks.notAsked('session, audience, sequence', said('the session is not known here'))
  } else {
    checkSession(statement, expected)
    checks.passed('session, audience, sequence', said`sequence ${statement.seq}`)
  }
}

function compareQuestion(checks: Checklist, statement: Statement, question: Expectations['question']): void {
  if (statement.req === undefined) {
    checks.notAsked('bound to this question', said`a ${statement.kind} answers nothing`)
  } else if (question === undefined) {
    checks.lack('question')
    checks.notAsked('bound to this question', said('the question is not known here'))
  } else {
    checkQuestion(statement, question(statement.req))
    checks.passed('bound to this question', said`exchange ${statement.exchange}`)
  }
}

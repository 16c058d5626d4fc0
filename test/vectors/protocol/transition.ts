import { signingInput } from '../../../src/evidence/signingInput.ts'
import { buildTransition } from '../../../src/evidence/transition.ts'
import { encodeTransitionPayload } from '../../../src/evidence/transitionPayload.ts'
import { sha384 } from '../../../src/crypto/hash.ts'
import { encodeTransition, encodeTransitionAnswer } from '../../../src/session/transition/messages.ts'
import { TIME } from './contexts.ts'
import { type FixedIdentity, fixedIdentity, hex } from './inputs.ts'

/** One key that follows another, of a weaker algorithm: the document, and the two records about it. */
export function transitionVector(from: FixedIdentity): object {
  const to = fixedIdentity('next client', 'ML-DSA-65')
  const parts = { from, to, at: TIME }
  const inputOf = (signer: FixedIdentity) => signingInput({ kind: 'transition', ...parts }, signer).bytes
  const inputs = { from: inputOf(from), to: inputOf(to) }
  const document = buildTransition({
    ...parts,
    signatures: { from: from.sign(inputs.from), to: to.sign(inputs.to) },
  })
  return {
    seeds: { from: hex(from.seed), to: hex(to.seed) },
    kids: { from: from.kid, to: to.kid },
    at: TIME,
    payload: Buffer.from(encodeTransitionPayload(parts)).toString(),
    signingInputs: { from: hex(inputs.from), to: hex(inputs.to) },
    document: Buffer.from(document).toString(),
    payloads: {
      Transition: hex(encodeTransition(document)),
      TransitionAnswer: hex(encodeTransitionAnswer({ digest: sha384(document), status: 'pending' })),
    },
  }
}

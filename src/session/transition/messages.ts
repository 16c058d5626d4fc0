import { asBytes, asList, asText, decodeCbor, encodeCbor } from '../../contracts/cbor.ts'
import { HASH_LENGTH } from '../../crypto/hash.ts'
import { MAX_TRANSITION_BYTES } from '../../evidence/transition.ts'
import { ALERT, SessionError } from '../alerts.ts'
import { TRANSITION_STATUSES, type TransitionStatus } from '../api.ts'
import { MAX_PLAINTEXT } from '../channel/record.ts'

/** Payloads of the records of a transition: deterministic CBOR arrays (docs/PROTOCOL.md, "Transitions"). Parsers throw `decode`. */

/** `[document]`: exact bytes, 1 to 32768. */
export function encodeTransition(document: Uint8Array): Uint8Array {
  return encodeCbor([document])
}

export function parseTransitionRecord(payload: Uint8Array): Uint8Array {
  const [document] = asList(decodeCbor(payload, { bytes: MAX_PLAINTEXT, depth: 4 }), 'A Transition', 1)
  return asBytes(document, 'A Transition', { max: MAX_TRANSITION_BYTES })
}

/** `[digest, status]`: SHA-384 of the document that is answered, and what becomes of it. */
export interface TransitionAnswer {
  readonly digest: Uint8Array
  readonly status: TransitionStatus
}

export function encodeTransitionAnswer({ digest, status }: TransitionAnswer): Uint8Array {
  return encodeCbor([digest, status])
}

export function parseTransitionAnswer(payload: Uint8Array): TransitionAnswer {
  const [digest, said] = asList(decodeCbor(payload, { bytes: MAX_PLAINTEXT, depth: 4 }), 'A TransitionAnswer', 2)
  const text = asText(said, 'A TransitionAnswer', 16)
  const status = TRANSITION_STATUSES.find((known) => known === text)
  if (status === undefined) throw new SessionError(ALERT.decode, 'A TransitionAnswer says what none may say.')
  return { digest: asBytes(digest, 'A TransitionAnswer', HASH_LENGTH), status }
}

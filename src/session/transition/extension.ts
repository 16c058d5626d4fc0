import { CountersignError } from '../../support/errors.ts'
import { parseTransition, type TransitionDocument } from '../../evidence/transition.ts'
import { ALERT, SessionError } from '../alerts.ts'
import type { PeerIdentity } from '../api.ts'
import { type Extension, isMentioned, TRANSITION } from '../handshake/extensions.ts'

/** In M1, always the same: that this end understands transitions. It tells an eavesdropper nothing but that. */
export const OFFER: Extension = { name: TRANSITION, critical: false, data: new Uint8Array(0) }

/**
 * Whether a ClientHello offers the extension.
 * @throws SessionError alert 21 where it is critical or says more: M1 travels in the clear
 */
export function isOffered(extensions: readonly Extension[]): boolean {
  return isMentioned(extensions, TRANSITION)
}

/** In EE: that the gateway takes transitions of its clients, and the document of its own key, where it follows another one. */
export function answer(document: Uint8Array | undefined): Extension {
  return { ...OFFER, data: document ?? OFFER.data }
}

/** What EE says: whether the gateway takes transitions, and its own. */
export interface Answered {
  readonly understood: boolean
  /** Read, not verified: most clients know the new key already, and need no second and third signature. */
  readonly document: TransitionDocument | undefined
}

/**
 * @param gateway as SI names it, proven by now
 * @throws SessionError alert 21 for a document that is none, alert 42 for one that leads to another key than the gateway's
 */
export function readAnswer(extensions: readonly Extension[], gateway: PeerIdentity): Answered {
  const found = extensions.find(({ name }) => name === TRANSITION)
  if (found === undefined) return { understood: false, document: undefined }
  if (found.critical) throw malformed()
  if (found.data.length === 0) return { understood: true, document: undefined }
  const document = readDocument(found.data)
  if (document.transition.to.kid !== gateway.kid) {
    throw new SessionError(ALERT.badIdentity, 'The gateway shows the transition of another key than its own.')
  }
  return { understood: true, document }
}

/** @throws SessionError alert 21, whatever is wrong with it */
export function readDocument(data: Uint8Array): TransitionDocument {
  try {
    return parseTransition(data)
  } catch (cause) {
    if (cause instanceof CountersignError) throw malformed(cause)
    throw cause
  }
}

function malformed(cause?: unknown): SessionError {
  return new SessionError(ALERT.decode, 'A key transition is not as it must be.', { cause })
}

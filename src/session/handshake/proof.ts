import type { Role } from '../../contracts/signInput.ts'
import { constantTimeEqual } from '../../crypto/hash.ts'
import { verifySignature } from '../../crypto/signature.ts'
import { signatureMeets, type SuiteName } from '../../crypto/suite.ts'
import { signingInput } from '../../evidence/signingInput.ts'
import { ALERT, SessionError } from '../alerts.ts'
import type { PeerIdentity } from '../api.ts'
import type { Element } from './elements.ts'
import { finishedMac, type HandshakeKeys } from './keySchedule.ts'
import { parseFinished, parseSignature } from './messages.ts'
import { said } from '../../support/l10n.ts'

/** What the peer has to prove: that it holds its identity key and the secrets of this very handshake. */
export interface Proof {
  readonly role: Role
  readonly suite: SuiteName
  readonly peer: PeerIdentity
  /** The kid of this end. */
  readonly ownKid: string
  readonly signature: Element
  /** Transcript hash through the peer's identity element: what its signature covers. */
  readonly signed: Uint8Array
  readonly finished: Element
  /** Transcript hash through the peer's signature: what its Finished MAC covers. */
  readonly transcript: Uint8Array
  readonly keys: HandshakeKeys
}

/**
 * SIGMA-I's two checks, TLS 1.3's CertificateVerify and Finished (RFC 9846, sections 4.5.3 and 4.5.4).
 * @throws SessionError alert 42 for a key that may not be the peer's, alert 51 for a proof that does not hold
 */
export async function checkProof(proof: Proof): Promise<void> {
  const { role, suite, peer, ownKid, signed, transcript, keys } = proof
  // Without this a key that is used in both roles could be made to talk to itself.
  if (peer.kid === ownKid) throw new SessionError(ALERT.badIdentity, 'The other end has the identity of this one.')
  if (!signatureMeets(suite, peer.algorithm)) {
    throw new SessionError(
      ALERT.badIdentity,
      said`The other end has a weaker key than the suite asks for: ${peer.algorithm}.`,
    )
  }
  const { bytes } = signingInput({ kind: 'handshake', role, suite, hash: signed }, peer)
  const signature = parseSignature(proof.signature, peer)
  if (!(await verifySignature(peer.algorithm, peer.publicKey, bytes, signature))) {
    throw new SessionError(ALERT.badSignature, 'The handshake signature of the other end does not hold.')
  }
  if (!constantTimeEqual(parseFinished(proof.finished), finishedMac(keys, transcript))) {
    throw new SessionError(ALERT.badSignature, 'The Finished MAC of the other end does not hold.')
  }
}

import type { BatchSigner } from '../keys/batchSigner.ts'
import type { Signer } from '../keys/signer.ts'
import type { KeyWindow } from '../evidence/keyWindow.ts'
import type { TransitionDocument } from '../evidence/transition.ts'
import type { EvidenceSink } from '../evidence/types.ts'
import type { Clock } from '../support/clock.ts'
import type { Log } from '../support/log.ts'
import type { Disposable } from '../support/disposable.ts'
import type { PeerIdentity, SessionObserver, TransitionStatus, UpstreamLeg } from './api.ts'
import type { RekeyPolicy } from './rekey/epochUse.ts'

/** Who this end is: the public half of its key, the queue in front of the private half, and a name for people. */
export interface SessionIdentity {
  readonly signer: Pick<Signer, 'kid' | 'algorithm' | 'publicKey' | 'custody'>
  readonly batches: Pick<BatchSigner, 'sign' | 'enqueue' | 'withdraw'>
  /** Shown to people at the other end; control characters are dropped and 64 characters kept. */
  readonly name: string
}

/** A peer is accepted: at any time, or within a window, outside of which its statements are refused. */
export type Acceptance = 'accept' | KeyWindow

/** Where a client asks whether it trusts a gateway. Asked after the gateway proved its key, before the client names itself. */
export interface TrustPort {
  /**
   * @param transition that the gateway showed: it leads to its key, and no signature of it was verified
   * @throws CountersignError `peer-unknown`, `peer-changed`, `signature-invalid`: there will be no session
   */
  checkGateway(peer: PeerIdentity, transition?: TransitionDocument): Promise<Acceptance>
}

/** Where a gateway asks whether it serves a client. Asked after the client proved its key. */
export interface ClientPort {
  /** @throws CountersignError `peer-unknown`, `peer-revoked`, `peer-expired`: there will be no session */
  checkClient(peer: PeerIdentity, where: { readonly address: string; readonly loopback: boolean }): Promise<Acceptance>
  /** The same about a client whose session runs; it enrols nobody. Left out where nothing can change. @throws as `checkClient` */
  recheckClient?(peer: PeerIdentity): Promise<Acceptance>
}

/** Where a gateway asks what becomes of a client's key transition. */
export interface TransitionPort {
  /**
   * @param document which says that it is from the key of `peer`, and is not verified yet
   * @throws CountersignError `signature-invalid`: the client did what it may not, and its session ends
   */
  receiveTransition(document: TransitionDocument, peer: PeerIdentity): Promise<TransitionStatus>
}

/** What a gateway tells its clients of how it reaches its servers: kinds, never addresses. */
export interface LegsPort {
  readonly legs: readonly UpstreamLeg[]
  readonly onLegs: (listener: () => void) => Disposable
}

/** What only a gateway has. */
export interface GatewayPorts {
  /** What becomes of the key transitions of clients. Without it they are refused. */
  readonly transitions?: TransitionPort | undefined
  /** Without it clients are not told how their servers are reached. */
  readonly legs?: LegsPort | undefined
}

/** What a root wires into a session, on either side. */
export interface SessionPorts {
  readonly identity: SessionIdentity
  readonly sink: EvidenceSink
  readonly observer: SessionObserver
  readonly clock: Clock
  readonly log: Log
  /** Stricter limits for an epoch than those of the protocol, for roots that want them. */
  readonly rekey?: RekeyPolicy
}

import type { KeyWindow } from '../../evidence/keyWindow.ts'
import type { SuiteName } from '../../crypto/suite.ts'
import type { PeerIdentity } from '../api.ts'
import type { Carrier } from '../carrier/carrier.ts'
import type { Channel } from '../channel/channel.ts'
import type { ApplicationSecrets } from './keySchedule.ts'
import type { ResumeOffer } from '../resume/offer.ts'
import type { HandshakeRecorder } from './report.ts'

/** What a handshake leaves behind: two proven parties and fresh keys. */
export interface Established {
  readonly suite: SuiteName
  readonly self: PeerIdentity
  readonly peer: PeerIdentity
  /** When the peer's key counts: its statements of any other time are refused. */
  readonly window: KeyWindow
  /** Both ends said that they know key transitions. */
  readonly transitions: boolean
  /** Both ends said that the gateway tells how it reaches its servers. */
  readonly legs: boolean
  readonly secrets: ApplicationSecrets
  /** th(CF), 48 bytes, public: both ends have the same or neither has a session. */
  readonly transcript: Uint8Array
  readonly recorder: HandshakeRecorder
  /** At the gateway: the client wants to go on with a session; `transcript` is th(SF), which the binder covers. */
  readonly resume?: { readonly offer: ResumeOffer; readonly transcript: Uint8Array }
}

/** A handshake that is done, and what it runs on. */
export interface Opened {
  readonly established: Established
  readonly carrier: Carrier
  readonly channel: Channel
  /** Of the Ready record, in bytes. */
  readonly ready: number
}

import type { JournalLine } from '../../evidence/journal/format.ts'
import type { Attacker } from '../../contracts/panelTrial.ts'
import type { Signer } from '../../keys/signer.ts'
import type { Hooks, Tap } from './tap.ts'

/** What an attacker has before they begin. */
export interface Loot {
  /** What passed in this session before: one call and its answer, as frames and as records. */
  readonly tap: Tap
  /** The same of an earlier session, which is over. */
  readonly earlier: Tap
  /** Public halves of the editor's key. */
  readonly own: Signer
  /** A key of the attacker's own. */
  readonly strange: Signer
}

interface Told {
  readonly id: string
  readonly attacker: Attacker
  readonly title: string
  /** What is changed, in a sentence. */
  readonly change: string
}

/** On a session with the gateway, after its first call and before the next ones. */
export interface SessionAttack extends Told {
  readonly on: 'session'
  /** Whom the change would reach, were it not refused. */
  readonly reaches: 'server' | 'agent'
  /** How many calls are made at once, so that one signature covers them. Default 1. */
  readonly calls?: number
  /** The editor says goodbye afterwards: what is missing shows when something follows. */
  readonly goodbye?: true
  arm(loot: Loot): Hooks
}

/** While the session is made. */
export interface HandshakeAttack extends Told {
  readonly on: 'handshake'
  arm(loot: Loot): Hooks
}

/** By a gateway that is not the sample's: with another key, or with the very same one and a false answer. */
export interface GatewayAttack extends Told {
  readonly on: 'gateway'
  readonly key: 'strange' | 'own'
  /** To a statement of its second answer, before the gateway's key signs it. */
  readonly lie?: (statement: Uint8Array) => Uint8Array
}

/** On the evidence, when the session is long over. */
export interface ArchiveAttack extends Told {
  readonly on: 'archive'
  edit(lines: readonly JournalLine[]): readonly JournalLine[]
}

export type Attack = SessionAttack | HandshakeAttack | GatewayAttack | ArchiveAttack

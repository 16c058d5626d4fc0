import { isKid } from '../crypto/jwk.ts'
import type { Clock } from '../support/clock.ts'
import { CountersignError } from '../support/errors.ts'
import { said } from '../support/l10n.ts'
import type { KeyWindow } from '../evidence/keyWindow.ts'
import { type TransitionDocument, verifyTransition } from '../evidence/transition.ts'
import { MAX_FORMER, peerFile, type ProvenPeer, type RememberedPeer } from './peers.ts'
import type { StateList } from './stateList.ts'
import { keepTransition } from './transitionStore.ts'

/** What a person is asked when a gateway is met for the first time, or has another key than the one that was pinned. */
export interface FirstUse extends ProvenPeer {
  readonly address: string
  /** The pinned key signed that this one follows it: what is asked is a rotation, and no first use. */
  readonly rotation?: GatewayRotation
}

export interface GatewayRotation {
  /** The kid that was pinned. */
  readonly from: string
  /** Ms since 1970: from when on the new key stands for the old one. */
  readonly at: number
}

/**
 * How a client decides about a gateway's key. An explicit kid is compared and nothing else; with first use the person is
 * asked once, and again about a key that the pinned one signed for. Any other key is refused.
 */
export type PinPolicy =
  | { readonly kind: 'kid'; readonly kid: string }
  /** `ask` resolves to whether the person accepts. It should say that accepting tells the client's identity to the gateway. */
  | { readonly kind: 'first-use'; readonly ask: (question: FirstUse) => Promise<boolean> }

/** A policy bound to the address that is being connected to: what a session asks. */
export interface GatewayTrust {
  /**
   * @param transition that the gateway showed, not verified: looked at only where the pinned key is another one
   * @returns 'accept', or the window outside of which statements of the key are to be refused
   * @throws CountersignError `peer-unknown`, `peer-changed`, `signature-invalid`, `file-unreadable`, `file-permissions`
   */
  checkGateway(peer: ProvenPeer, transition?: TransitionDocument): Promise<'accept' | KeyWindow>
}

/** The gateways that this client has accepted, by address. */
export class GatewayPins {
  private readonly file: StateList<RememberedPeer>
  private readonly clock: Clock
  private readonly folder: string

  /** @param folder of the client's state; made when first needed */
  constructor(folder: string, clock: Clock) {
    this.folder = folder
    this.file = peerFile(folder, 'gateways.json')
    this.clock = clock
  }

  list(): Promise<readonly RememberedPeer[]> {
    return this.file.read()
  }

  /** Forgets a gateway: the next connection is a first use again. */
  forget(address: string): Promise<void> {
    return this.file.change((peers) => peers.filter((peer) => peer.address !== address))
  }

  /** @throws CountersignError `config-invalid` for a kid that is none */
  trust(address: string, policy: PinPolicy): GatewayTrust {
    if (policy.kind === 'kid') {
      // A pin that no key can have would refuse everything, which looks like an attack and is a typing error.
      if (!isKid(policy.kid))
        throw new CountersignError('config-invalid', 'The pinned kid is not a key thumbprint of 43 characters.')
      return { checkGateway: (peer, transition) => explicitly(peer, policy.kid, address, transition) }
    }
    return { checkGateway: (peer, transition) => this.firstUse(peer, address, policy.ask, transition) }
  }

  private async firstUse(
    peer: ProvenPeer,
    address: string,
    ask: (question: FirstUse) => Promise<boolean>,
    transition: TransitionDocument | undefined,
  ): Promise<'accept' | KeyWindow> {
    const known = (await this.file.read()).find((pinned) => pinned.address === address)
    if (known === undefined) return await this.meet(peer, address, ask)
    if (known.kid === peer.kid) return known.from === undefined ? 'accept' : { from: known.from }
    const rotation = await rotationTo(peer, known.kid, transition)
    if (rotation === undefined || transition === undefined) throw changed(peer, known.kid, address)
    if (this.clock.now() < rotation.at) throw tooEarly(rotation, address)
    return await this.follow(peer, address, ask, rotation, transition)
  }

  private async meet(
    { kid, name, custody }: ProvenPeer,
    address: string,
    ask: (question: FirstUse) => Promise<boolean>,
  ): Promise<'accept'> {
    if (!(await ask({ kid, name, custody, address }))) {
      throw new CountersignError('peer-unknown', said`The gateway at ${shownAddress(address)} was not accepted.`)
    }
    const since = new Date(this.clock.now()).toISOString()
    await this.file.change((peers) => {
      // Two windows may have asked at once. The first answer stands, and it must not have been about another key.
      const meanwhile = peers.find((pinned) => pinned.address === address)
      if (meanwhile === undefined) return [...peers, { kid, name, since, address }]
      if (meanwhile.kid !== kid) throw changed({ kid }, meanwhile.kid, address)
      return peers
    })
    return 'accept'
  }

  /** Both keys signed. That is what a thief of one unlocked minute could have as well, so the person decides. */
  private async follow(
    { kid, name, custody }: ProvenPeer,
    address: string,
    ask: (question: FirstUse) => Promise<boolean>,
    rotation: GatewayRotation,
    transition: TransitionDocument,
  ): Promise<KeyWindow> {
    if (!(await ask({ kid, name, custody, address, rotation }))) {
      const sentence = said`The new key of the gateway at ${shownAddress(address)} (${kid}) was not accepted; its old key is the one that is pinned.`
      throw new CountersignError('peer-changed', sentence)
    }
    await keepTransition(this.folder, transition)
    const now = new Date(this.clock.now()).toISOString()
    await this.file.change((peers) => {
      const meanwhile = peers.find((pinned) => pinned.address === address)
      if (meanwhile?.kid === kid) return peers
      if (meanwhile?.kid !== rotation.from) throw changed({ kid }, meanwhile?.kid ?? 'none', address)
      const { since, before = [] } = meanwhile
      const former = [...before, { kid: rotation.from, since, until: now }].slice(-MAX_FORMER)
      const moved = { kid, name, since: now, address, from: rotation.at, before: former }
      return peers.map((pinned) => (pinned === meanwhile ? moved : pinned))
    })
    return { from: rotation.at }
  }
}

/** A pin that somebody wrote down is moved by whoever wrote it: the sentence says where to. */
async function explicitly(
  peer: ProvenPeer,
  kid: string,
  address: string,
  transition: TransitionDocument | undefined,
): Promise<'accept'> {
  if (peer.kid === kid) return 'accept'
  if ((await rotationTo(peer, kid, transition)) === undefined) throw changed(peer, kid, address)
  const sentence = said`The gateway at ${shownAddress(address)} has replaced its key ${kid} by ${peer.kid}, and the old key signed for the new one. If its operator says the same, pin ${peer.kid}.`
  throw new CountersignError('peer-changed', sentence)
}

/**
 * What a transition says, where it leads from the pinned key to the one that is there.
 * @throws CountersignError `signature-invalid`: a document that both keys are named in and did not sign is no mistake
 */
async function rotationTo(
  { kid }: ProvenPeer,
  pinned: string,
  document: TransitionDocument | undefined,
): Promise<GatewayRotation | undefined> {
  if (document === undefined) return undefined
  const { from, to } = document.transition
  if (from.kid !== pinned || to.kid !== kid) return undefined
  const { at } = await verifyTransition(document)
  return { from: pinned, at }
}

function changed({ kid }: Pick<ProvenPeer, 'kid'>, pinned: string, address: string): CountersignError {
  const sentence = said`The gateway at ${shownAddress(address)} has another key (${kid}) than the one that was pinned (${pinned}). If it was not replaced on purpose, somebody stands in between.`
  return new CountersignError('peer-changed', sentence)
}

function tooEarly({ at }: GatewayRotation, address: string): CountersignError {
  const sentence = said`The gateway at ${shownAddress(address)} already shows its next key, which counts from ${dateOf(at)}. Compare the clocks of both ends.`
  return new CountersignError('peer-changed', sentence)
}

function dateOf(at: number): string {
  const date = new Date(at)
  // A signed time may be one that no calendar has.
  return Number.isNaN(date.getTime()) ? `${at} ms` : date.toISOString()
}

/** An address for logs and errors: neither what may follow a `?` nor the arguments of a command, where tokens stand. */
export function shownAddress(address: string): string {
  if (URL.canParse(address)) {
    const { protocol, host, pathname } = new URL(address)
    return `${protocol}//${host}${pathname === '/' ? '' : pathname}`
  }
  const command = /^\["((?:[^"\\]|\\.)*)"/.exec(address)?.[1]
  return command === undefined ? address : `the command ${command}`
}

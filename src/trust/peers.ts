import * as v from 'valibot'
import type { Custody } from '../contracts/custody.ts'
import { parseStrictJson } from '../contracts/strictJson.ts'
import { isKid } from '../crypto/jwk.ts'
import { CountersignError } from '../support/errors.ts'
import { said } from '../support/l10n.ts'
import { StateList } from './stateList.ts'

/** A peer as a session proved it: the key behind the kid is its own; name and custody are its claims. */
export interface ProvenPeer {
  readonly kid: string
  readonly name: string
  readonly custody: Custody
}

/** A key that was pinned until another one followed it. Times are ISO 8601, UTC. */
export interface FormerKey {
  readonly kid: string
  readonly since: string
  readonly until: string
}

/** One remembered decision. */
export interface RememberedPeer {
  readonly kid: string
  /** As the peer called itself then. */
  readonly name: string
  /** ISO 8601, UTC. */
  readonly since: string
  /** Of a gateway: the address that the person connected to. */
  readonly address?: string
  /** Of a gateway whose key follows another one: from when on it counts, ms since 1970, as both keys signed. */
  readonly from?: number
  /** The keys that it had before, oldest first. */
  readonly before?: readonly FormerKey[]
  /** Of a client: written by the gateway's operator, who no longer wants it served. */
  readonly revoked?: boolean
}

const MAX_PEERS = 1024
export const MAX_FORMER = 16
const common = {
  kid: v.pipe(
    v.string(),
    v.check((value) => isKid(value)),
  ),
  name: v.pipe(v.string(), v.maxLength(256)),
  since: v.pipe(v.string(), v.isoTimestamp()),
}
const former = v.strictObject({ kid: common.kid, since: common.since, until: common.since })
/** What one file does not know must not be written into it in the belief that it does something: a pin cannot be revoked. */
const DOCUMENTS = {
  'gateways.json': document({
    ...common,
    address: v.exactOptional(v.pipe(v.string(), v.maxLength(4096))),
    from: v.exactOptional(v.pipe(v.number(), v.safeInteger(), v.minValue(0))),
    before: v.exactOptional(v.pipe(v.array(former), v.maxLength(MAX_FORMER))),
  }),
  'clients.json': document({ ...common, revoked: v.exactOptional(v.boolean()) }),
} as const

function document<M extends v.ObjectEntries>(members: M) {
  return v.strictObject({
    v: v.literal(1),
    peers: v.pipe(v.array(v.strictObject(members)), v.maxLength(MAX_PEERS)),
  })
}

/** Remembered peers on disk. */
export function peerFile(folder: string, name: PeerFileName): StateList<RememberedPeer> {
  const parse = (text: string, path: string): readonly RememberedPeer[] => parsePeers(text, name, path)
  return new StateList({ folder, name, parse, encode: encodePeers, most: MAX_PEERS })
}

/** The files that peers are remembered in. */
export type PeerFileName = keyof typeof DOCUMENTS

/**
 * The peers of a state file.
 * @param path for the message
 * @throws CountersignError `file-unreadable`
 */
export function parsePeers(text: string, name: PeerFileName, path: string): readonly RememberedPeer[] {
  try {
    return v.parse(DOCUMENTS[name], parseStrictJson(text)).peers
  } catch (cause) {
    const sentence = said`${path} is not what was written there: restore it, or remove it and compare the keys of all peers again.`
    throw new CountersignError('file-unreadable', sentence, { cause })
  }
}

export function encodePeers(peers: readonly RememberedPeer[]): string {
  return `${JSON.stringify({ v: 1, peers }, undefined, 2)}\n`
}

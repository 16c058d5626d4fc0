import { encodeCbor } from '../../contracts/cbor.ts'
import { concat, encodeUtf8, u32 } from '../../crypto/encoding.ts'
import { sha384 } from '../../crypto/hash.ts'
import type { SuiteName } from '../../crypto/suite.ts'
import type { PeerIdentity } from '../api.ts'
import { encodeIdentity } from '../handshake/identity.ts'

/** What a rekey is bound to. */
export interface RekeyBinding {
  /** Of the session, 48 bytes. */
  readonly sid: Uint8Array
  /** Names this connection, 48 bytes: without it a thief of session keys could move a rekey to another one. */
  readonly conn: Uint8Array
  /** th_e: th(CF) of this connection in epoch 0, else the rk of the rekey before. 48 bytes. */
  readonly transcript: Uint8Array
  /** The epoch that begins. */
  readonly epoch: number
  readonly suite: SuiteName
}

/**
 * rk = SHA-384(sid ‖ conn ‖ th_e ‖ u32 epoch ‖ suite ‖ RekeyInit ‖ unsigned RekeyAck), each behind its length as u32. 48 bytes.
 * @param init payload of the RekeyInit as sent
 * @param ack `unsignedAck` of the RekeyAck
 */
export function rekeyHash(
  { sid, conn, transcript, epoch, suite }: RekeyBinding,
  init: Uint8Array,
  ack: Uint8Array,
): Uint8Array {
  return sha384(...[sid, conn, transcript, u32(epoch), encodeUtf8(suite), init, ack].map(prefixed))
}

/** What the gateway signs: H(rk ‖ its identity), prefixed as above. */
export function gatewayHash(rk: Uint8Array, gateway: PeerIdentity): Uint8Array {
  return sha384(prefixed(rk), prefixed(identityOf(gateway)))
}

/** What the client signs: H(rk ‖ sigS ‖ its identity). With the gateway's signature in it, it is an answer to it. */
export function clientHash(rk: Uint8Array, signature: Uint8Array, client: PeerIdentity): Uint8Array {
  return sha384(prefixed(rk), prefixed(signature), prefixed(identityOf(client)))
}

function identityOf(identity: PeerIdentity): Uint8Array {
  return encodeCbor(encodeIdentity(identity))
}

function prefixed(bytes: Uint8Array): Uint8Array {
  return concat(u32(bytes.length), bytes)
}

import { AEAD_KEY_LENGTH, AEAD_NONCE_LENGTH } from '../../crypto/aead.ts'
import { concat, encodeUtf8 } from '../../crypto/encoding.ts'
import { HASH_LENGTH, hmacSha384, sha384 } from '../../crypto/hash.ts'
import { expandLabel, extract, ZERO } from '../../crypto/hkdf.ts'
import { wipe } from '../../crypto/random.ts'

/**
 * The key schedule: TLS 1.3's (RFC 9846, section 7.1) without pre-shared keys, SHA-384 throughout.
 *
 *     early = Extract(0, 0)
 *     hs    = Extract(ExpandLabel(early, "derived", H("")), ss)       ss = ML-KEM secret ‖ ECDH secret
 *     c_hs, s_hs = ExpandLabel(hs, "c hs" | "s hs", th(M2))
 *     ms_0  = Extract(ExpandLabel(hs, "derived", H("")), 0)
 *     c_ap, s_ap, exp, res = ExpandLabel(ms_0, "c ap" | "s ap" | "exp" | "res", th(CF))
 *     conn  = SHA-384("cs1 conn" ‖ th(CF))
 *
 * and at each rekey (docs/PROTOCOL.md, "Rekey"), rk in place of th(CF):
 *
 *     ms_e+1 = Extract(ExpandLabel(ms_e, "rekey", rk), ss)
 *     c_ap, s_ap, res = ExpandLabel(ms_e+1, "c ap" | "s ap" | "res", rk)
 */
export interface TrafficKeys {
  /** AES-256 key, 32 bytes. */
  readonly key: Uint8Array
  /** 12 bytes; nonce = iv XOR (0⁴ ‖ sequence). */
  readonly iv: Uint8Array
}

export interface HandshakeKeys extends TrafficKeys {
  /** Key of the Finished MAC, 48 bytes. */
  readonly finished: Uint8Array
}

/** The secrets of one epoch of a connection. */
export interface EpochSecrets {
  readonly client: TrafficKeys
  readonly server: TrafficKeys
  /** res: key of the binder of a later resume, 48 bytes. */
  readonly resumption: Uint8Array
  /** ms_e, 48 bytes: what the next epoch is derived from. */
  readonly master: Uint8Array
}

export interface ApplicationSecrets extends EpochSecrets {
  /** Names this connection, 48 bytes, public. */
  readonly conn: Uint8Array
}

const EMPTY = new Uint8Array(0)
const EMPTY_HASH = sha384()

export class KeySchedule {
  private secret: Uint8Array

  /** @param shared ML-KEM secret ‖ ECDH secret; wiped here */
  constructor(shared: Uint8Array) {
    const early = extract(ZERO, ZERO)
    const salt = expandLabel(early, 'derived', EMPTY_HASH, HASH_LENGTH)
    this.secret = extract(salt, shared)
    wipe(shared, salt)
  }

  /** @param throughM2 th(M2), 48 bytes */
  handshakeKeys(throughM2: Uint8Array): { readonly client: HandshakeKeys; readonly server: HandshakeKeys } {
    return {
      client: handshakeKeysOf(expandLabel(this.secret, 'c hs', throughM2, HASH_LENGTH)),
      server: handshakeKeysOf(expandLabel(this.secret, 's hs', throughM2, HASH_LENGTH)),
    }
  }

  /** Ends the handshake: its own secret is gone afterwards. @param throughCF th(CF), 48 bytes */
  applicationSecrets(throughCF: Uint8Array): ApplicationSecrets {
    const salt = expandLabel(this.secret, 'derived', EMPTY_HASH, HASH_LENGTH)
    const master = extract(salt, ZERO)
    wipe(salt)
    this.wipe()
    return { ...epochSecrets(master, throughCF), conn: sha384(concat(encodeUtf8('cs1 conn'), throughCF)) }
  }

  wipe(): void {
    wipe(this.secret)
  }
}

/**
 * The secrets of the next epoch. The old ones stay as they are: who rekeys wipes them after the switch.
 * @param master ms_e, 48 bytes
 * @param rk hash of the rekey's transcript, 48 bytes
 * @param shared ML-KEM secret ‖ ECDH secret; wiped here
 */
export function nextEpoch(master: Uint8Array, rk: Uint8Array, shared: Uint8Array): EpochSecrets {
  const salt = expandLabel(master, 'rekey', rk, HASH_LENGTH)
  const next = extract(salt, shared)
  wipe(shared, salt)
  return epochSecrets(next, rk)
}

/** HMAC-SHA-384 over the transcript hash through the sender's own signature, 48 bytes. */
export function finishedMac(keys: HandshakeKeys, transcript: Uint8Array): Uint8Array {
  return hmacSha384(keys.finished, transcript)
}

export function wipeKeys(keys: TrafficKeys | HandshakeKeys): void {
  wipe(keys.key, keys.iv)
  if ('finished' in keys) wipe(keys.finished)
}

export function wipeEpoch({ client, server, resumption, master }: EpochSecrets): void {
  wipeKeys(client)
  wipeKeys(server)
  wipe(resumption, master)
}

/** @param context th(CF) of epoch 0, rk of later ones, 48 bytes */
function epochSecrets(master: Uint8Array, context: Uint8Array): EpochSecrets {
  return {
    client: trafficKeys(expandLabel(master, 'c ap', context, HASH_LENGTH)),
    server: trafficKeys(expandLabel(master, 's ap', context, HASH_LENGTH)),
    resumption: expandLabel(master, 'res', context, HASH_LENGTH),
    master,
  }
}

function trafficKeys(secret: Uint8Array): TrafficKeys {
  const keys = {
    key: expandLabel(secret, 'key', EMPTY, AEAD_KEY_LENGTH),
    iv: expandLabel(secret, 'iv', EMPTY, AEAD_NONCE_LENGTH),
  }
  wipe(secret)
  return keys
}

function handshakeKeysOf(secret: Uint8Array): HandshakeKeys {
  const finished = expandLabel(secret, 'finished', EMPTY, HASH_LENGTH)
  return { ...trafficKeys(secret), finished }
}

import { AEAD_NONCE_LENGTH, open, seal } from '../../crypto/aead.ts'
import { secretBytes, wipe } from '../../crypto/random.ts'
import { ALERT, SessionError } from '../alerts.ts'
import { type TrafficKeys, wipeKeys } from '../handshake/keySchedule.ts'
import { MAX_RECORDS } from '../limits.ts'
import { encodeHeader, MAX_PLAINTEXT, parseFrame } from './record.ts'

/**
 * One direction of one epoch: keys and the next sequence, which are never used apart. A sequence is a nonce, and a nonce
 * used twice would give away the authentication key of GCM; so the counter has no setter, and 2^20 is its end.
 */
abstract class Direction {
  readonly epoch: number
  private readonly keys: TrafficKeys
  private readonly nonceBytes = secretBytes(AEAD_NONCE_LENGTH)
  private next = 0

  constructor(keys: TrafficKeys, epoch: number) {
    this.keys = keys
    this.epoch = epoch
  }

  wipe(): void {
    wipeKeys(this.keys)
    wipe(this.nonceBytes)
    this.next = MAX_RECORDS
  }

  protected get key(): Uint8Array {
    return this.keys.key
  }

  protected get sequence(): number {
    return this.next
  }

  /** Takes the next sequence. @throws SessionError alert 114 after 2^20 records, and after `wipe` */
  protected take(): number {
    if (this.next >= MAX_RECORDS)
      throw new SessionError(ALERT.rekeyRequired, 'The keys of this connection are used up.')
    return this.next++
  }

  /**
   * iv XOR (0⁴ ‖ sequence as u64 big-endian) (RFC 9846, section 5.3), until the next call: one buffer serves all records,
   * since that of sequence 0 is the iv itself and has to be wiped.
   */
  protected nonce(sequence: number): Uint8Array {
    const nonce = this.nonceBytes
    nonce.set(this.keys.iv)
    const last = new DataView(nonce.buffer, AEAD_NONCE_LENGTH - 8)
    last.setBigUint64(0, last.getBigUint64(0) ^ BigInt(sequence))
    return nonce
  }
}

export class SealingDirection extends Direction {
  /** The frame of one record. Calls must reach the carrier in order: the other end takes no other. */
  seal(type: number, plaintext: Uint8Array): Uint8Array {
    if (plaintext.length > MAX_PLAINTEXT)
      throw new SessionError(ALERT.internal, 'A record would be larger than 256 KiB.')
    const sequence = this.take()
    const length = plaintext.length + 16
    const header = encodeHeader({ type, epoch: this.epoch, sequence, length })
    return seal(this.key, this.nonce(sequence), header, plaintext, header)
  }
}

export class OpeningDirection extends Direction {
  /**
   * Opens the next record.
   * @throws SessionError alert 20 for anything but exactly the next record of this epoch, as it was sealed
   */
  open(frame: Uint8Array): { readonly type: number; readonly payload: Uint8Array } {
    const { header, aad, sealed } = parseFrame(frame)
    if (header.epoch !== this.epoch || header.sequence !== this.sequence) {
      throw new SessionError(ALERT.badRecord, 'A record was lost, repeated or reordered on the way.')
    }
    try {
      const payload = open(this.key, this.nonce(header.sequence), aad, sealed)
      this.take()
      return { type: header.type, payload }
    } catch (cause) {
      if (cause instanceof SessionError) throw cause
      throw new SessionError(ALERT.badRecord, 'A record was changed on the way.', { cause })
    }
  }
}

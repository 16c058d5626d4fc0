import { AEAD_TAG_LENGTH } from '../../crypto/aead.ts'
import { readU32, readU64 } from '../../crypto/encoding.ts'
import { ALERT, SessionError } from '../alerts.ts'
import { MAX_RECORD } from '../limits.ts'

/** The registry of record types. Numbers below 0x40 are handshake elements. */
export const RECORD = {
  Ready: 0x40,
  Fragment: 0x41,
  Batch: 0x42,
  Ack: 0x43,
  Window: 0x44,
  Abort: 0x45,
  RekeyInit: 0x46,
  RekeyAck: 0x47,
  RekeyDone: 0x48,
  EpochStart: 0x49,
  Ping: 0x4a,
  Pong: 0x4b,
  Alert: 0x4c,
  Transition: 0x4d,
  TransitionAnswer: 0x4e,
  Legs: 0x4f,
} as const

export type RecordType = (typeof RECORD)[keyof typeof RECORD]

/** `type u8 ‖ epoch u32 ‖ sequence u64 ‖ length u32`, 17 bytes; `length` counts the ciphertext with its 16-byte tag. */
export interface RecordHeader {
  readonly type: number
  readonly epoch: number
  readonly sequence: number
  readonly length: number
}

export const HEADER_LENGTH = 17
export const MAX_PLAINTEXT = MAX_RECORD - AEAD_TAG_LENGTH
export const MAX_FRAME = HEADER_LENGTH + MAX_RECORD

const EPOCH_AT = 1
const SEQUENCE_AT = 5
const LENGTH_AT = 13

export function encodeHeader({ type, epoch, sequence, length }: RecordHeader): Uint8Array {
  const bytes = new Uint8Array(HEADER_LENGTH)
  const view = new DataView(bytes.buffer)
  view.setUint8(0, type)
  view.setUint32(EPOCH_AT, epoch)
  view.setBigUint64(SEQUENCE_AT, BigInt(sequence))
  view.setUint32(LENGTH_AT, length)
  return bytes
}

/** Splits a frame. @throws SessionError alert 20 or 22: nothing here is authentic before the ciphertext was opened */
export function parseFrame(frame: Uint8Array): {
  readonly header: RecordHeader
  readonly aad: Uint8Array
  readonly sealed: Uint8Array
} {
  if (frame.length > MAX_FRAME) throw new SessionError(ALERT.overflow, 'A record is larger than 256 KiB.')
  if (frame.length < HEADER_LENGTH + AEAD_TAG_LENGTH) throw new SessionError(ALERT.badRecord, 'A record is cut off.')
  const header = {
    type: frame[0] ?? 0,
    epoch: readU32(frame, EPOCH_AT),
    sequence: sequenceOf(frame),
    length: readU32(frame, LENGTH_AT),
  }
  const sealed = frame.subarray(HEADER_LENGTH)
  if (sealed.length !== header.length) throw new SessionError(ALERT.badRecord, 'A record is not as long as it says.')
  return { header, aad: frame.subarray(0, HEADER_LENGTH), sealed }
}

/** The epoch that a frame claims to be of; undefined where it has no header. Not authentic before the frame was opened. */
export function epochOf(frame: Uint8Array): number | undefined {
  return frame.length < HEADER_LENGTH ? undefined : readU32(frame, EPOCH_AT)
}

function sequenceOf(frame: Uint8Array): number {
  try {
    return readU64(frame, SEQUENCE_AT)
  } catch (cause) {
    throw new SessionError(ALERT.badRecord, 'A record has an impossible sequence.', { cause })
  }
}

import { concat, readU32, u32 } from '../../crypto/encoding.ts'
import { sha384 } from '../../crypto/hash.ts'
import { ALERT, SessionError } from '../alerts.ts'

/**
 * The elements of the handshake. On the wire and in the transcript an element is `type u8 ‖ length u32 ‖ bytes`; a
 * handshake message is its elements, one after the other. Numbers from 0x40 on are record types, so that a handshake
 * message can never be read as a record.
 */
export const ELEMENT = {
  M1: 0x01,
  M2: 0x02,
  EE: 0x03,
  SI: 0x04,
  SV: 0x05,
  SF: 0x06,
  CI: 0x07,
  CV: 0x08,
  CF: 0x09,
  Retry: 0x0a,
  /** A sealed flight: AEAD ciphertext of further elements. Only what is inside enters the transcript. */
  sealed: 0x0b,
  /** An alert before there are application keys: CBOR `[code, text]`. Anybody can make one; it can only abort. */
  alert: 0x0f,
  /** Stands in the transcript for a first M1 that was answered with Retry. Never sent. */
  helloHash: 0xfe,
} as const

export type ElementType = (typeof ELEMENT)[keyof typeof ELEMENT]

export interface Element {
  readonly type: number
  readonly body: Uint8Array
  /** The element exactly as sent: what the transcript hashes. */
  readonly bytes: Uint8Array
}

const HEADER_LENGTH = 5

export function element(type: ElementType, body: Uint8Array): Element {
  return { type, body, bytes: concat(Uint8Array.of(type), u32(body.length), body) }
}

/** The place of a first M1 in the transcript, once Retry answered it: its hash is all that a gateway without a memory can have. */
export function helloHash(hash: Uint8Array): Element {
  return element(ELEMENT.helloHash, hash)
}

/** H(M1): SHA-384 of the whole element, 48 bytes. */
export function hashOfHello(m1: Element): Uint8Array {
  return sha384(m1.bytes)
}

/** Reads the elements of a message one by one; `end` makes sure that there were no others. */
export class ElementReader {
  private readonly bytes: Uint8Array
  private offset = 0

  constructor(bytes: Uint8Array) {
    this.bytes = bytes
  }

  /** @throws SessionError alert 21 where the bytes are no element, alert 10 where they are another one */
  take(type: ElementType): Element {
    const { bytes, offset } = this
    if (bytes.length - offset < HEADER_LENGTH) throw malformed('is cut off')
    if (bytes[offset] !== type) throw new SessionError(ALERT.unexpectedMessage, 'A handshake message came out of turn.')
    const end = offset + HEADER_LENGTH + readU32(bytes, offset + 1)
    if (end > bytes.length) throw malformed('is cut off')
    this.offset = end
    return { type, body: bytes.slice(offset + HEADER_LENGTH, end), bytes: bytes.slice(offset, end) }
  }

  /** @throws SessionError alert 21 */
  end(): void {
    if (this.offset !== this.bytes.length) throw malformed('has bytes left over')
  }
}

/** The one element of a message. @throws SessionError as `ElementReader` */
export function onlyElement(bytes: Uint8Array, type: ElementType): Element {
  const reader = new ElementReader(bytes)
  const only = reader.take(type)
  reader.end()
  return only
}

function malformed(how: string): SessionError {
  return new SessionError(ALERT.decode, `A handshake message ${how}.`)
}

import { createCipheriv, createDecipheriv } from 'node:crypto'
import { CountersignError } from '../support/errors.ts'

/** AES-256-GCM (NIST SP 800-38D). A nonce must never repeat under one key: nonces come from sequence numbers. */
export const AEAD_KEY_LENGTH = 32
export const AEAD_NONCE_LENGTH = 12
export const AEAD_TAG_LENGTH = 16

const NOTHING = new Uint8Array(0)
const OPTIONS = { authTagLength: AEAD_TAG_LENGTH }

/**
 * Encrypts. Returns ciphertext ‖ tag, 16 bytes longer than `plaintext`.
 * @param front what the result begins with: a frame is then made without another copy
 * @throws CountersignError `length` unless `key` has 32 and `nonce` 12 bytes
 */
export function seal(
  key: Uint8Array,
  nonce: Uint8Array,
  aad: Uint8Array,
  plaintext: Uint8Array,
  front: Uint8Array = NOTHING,
): Uint8Array {
  checkLengths(key, nonce)
  const cipher = createCipheriv('aes-256-gcm', key, nonce, OPTIONS)
  cipher.setAAD(aad)
  const body = cipher.update(plaintext)
  cipher.final()
  const sealed = new Uint8Array(front.length + body.length + AEAD_TAG_LENGTH)
  sealed.set(front)
  sealed.set(body, front.length)
  sealed.set(cipher.getAuthTag(), front.length + body.length)
  return sealed
}

/**
 * Decrypts ciphertext ‖ tag. Nothing of the plaintext is returned unless the tag holds.
 * @throws CountersignError `length` for key or nonce, `decrypt-failed` for everything else
 */
export function open(key: Uint8Array, nonce: Uint8Array, aad: Uint8Array, sealed: Uint8Array): Uint8Array {
  checkLengths(key, nonce)
  if (sealed.length < AEAD_TAG_LENGTH) throw new CountersignError('decrypt-failed', 'A sealed message is too short.')
  const tagStart = sealed.length - AEAD_TAG_LENGTH
  const decipher = createDecipheriv('aes-256-gcm', key, nonce, OPTIONS)
  decipher.setAAD(aad)
  decipher.setAuthTag(sealed.subarray(tagStart))
  const body = decipher.update(sealed.subarray(0, tagStart))
  try {
    decipher.final()
  } catch (cause) {
    // `update` already decrypted: unauthenticated plaintext must not lie around for whoever finds the buffer.
    body.fill(0)
    throw new CountersignError('decrypt-failed', 'A sealed message was changed or has another key.', { cause })
  }
  return new Uint8Array(body.buffer, body.byteOffset, body.byteLength)
}

function checkLengths(key: Uint8Array, nonce: Uint8Array): void {
  // Node accepts nonces of other lengths and hashes them (SP 800-38D, section 7.1): another function than the one specified.
  if (key.length !== AEAD_KEY_LENGTH || nonce.length !== AEAD_NONCE_LENGTH) {
    throw new CountersignError('length', 'AES-256-GCM needs a key of 32 bytes and a nonce of 12.')
  }
}

import { open, seal } from '../../../src/crypto/aead.ts'
import { ECDH_LENGTHS, type EcdhName, generateEcdhKey } from '../../../src/crypto/ecdh.ts'
import { decodeBase64url, decodeUtf8, encodeBase64url, encodeUtf8 } from '../../../src/crypto/encoding.ts'
import { encapsulate, KEM_LENGTHS, type KemName } from '../../../src/crypto/kem.ts'
import { exact, must, mustEqual, type Target } from '../engine/target.ts'
import { HASH, text } from './samples.ts'

const key = HASH.subarray(0, 32)
const nonce = HASH.subarray(0, 12)
/** The base point of P-384 (SEC 2, section 2.5.1). */
const P384 =
  '04aa87ca22be8b05378eb1c71ef320ad746e1d3b628ba79b9859f741e082542a385502f25dbf55296c3a545e3872760ab73617de4a96262c6f5d9e98bf9292dc29f8f41dbd289a147ce9da3113b5f0b8c00a60b1ce1d7e819d7a431d7c90ea0e5f'

/** What a peer sends as its share: whatever it is, a secret of the right length or a refusal. */
function share(name: EcdhName, seed: Uint8Array): Target {
  const own = generateEcdhKey(name)
  const run: Target['run'] = (bytes) =>
    must(own.derive(bytes).length === ECDH_LENGTHS[name].secret, 'gives another secret')
  return {
    name: `share-${name.toLowerCase()}`,
    format: 'bytes',
    codes: ['length', 'peer-protocol'],
    seeds: [seed],
    run,
    share: 0.1,
  }
}

function kem(name: KemName): Target {
  const length = KEM_LENGTHS[name]
  return {
    name: `key-${name.toLowerCase()}`,
    format: 'bytes',
    codes: ['length', 'peer-protocol'],
    seeds: [new Uint8Array(length.publicKey), new Uint8Array(length.publicKey).fill(0xcc)],
    share: 0.1,
    async run(bytes) {
      const { ciphertext, sharedSecret } = await encapsulate(name, bytes)
      must(
        ciphertext.length === length.ciphertext && sharedSecret.length === length.sharedSecret,
        'gives other lengths',
      )
    },
  }
}

export const CRYPTO: readonly Target[] = [
  share('X25519', Uint8Array.of(9, ...new Uint8Array(31))),
  share('P-384', Buffer.from(P384, 'hex')),
  kem('ML-KEM-768'),
  kem('ML-KEM-1024'),
  {
    name: 'sealed',
    format: 'bytes',
    codes: ['decrypt-failed'],
    seeds: [seal(key, nonce, HASH, HASH), seal(key, nonce, HASH, new Uint8Array(0))],
    run: exact(
      (bytes) => open(key, nonce, HASH, bytes),
      (plaintext) => seal(key, nonce, HASH, plaintext),
    ),
  },
  {
    name: 'base64url',
    format: 'bytes',
    codes: ['decode'],
    seeds: ['', 'AA', 'AAA', 'AAAA', '_-8'].map(text),
    tokens: ['=', '+', '/', ' ', '\n', 'A', '_'],
    run: exact(
      (bytes) => decodeBase64url(Buffer.from(bytes).toString('latin1')),
      (value) => encodeUtf8(encodeBase64url(value)),
    ),
  },
  {
    name: 'utf8',
    format: 'bytes',
    codes: ['decode'],
    seeds: ['', 'aü€\u{1f600}', '\ufeffa'].map(text),
    tokens: ['\xed\xa0\x80', '\xef\xbb\xbf', '\xc0\x80', '\xf4\x90\x80\x80'],
    run(bytes) {
      const decoded = decodeUtf8(bytes)
      mustEqual(decoded, new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes), 'reads another text')
      mustEqual(encodeUtf8(decoded), Uint8Array.from(bytes), 'writes other bytes than it read')
    },
  },
]

import { encodeUtf8, u32 } from '../../../src/crypto/encoding.ts'
import { Cookies } from '../../../src/session/handshake/cookie.ts'
import * as rekey from '../../../src/session/rekey/messages.ts'
import { parseResume, RESUME, resumeExtension } from '../../../src/session/resume/offer.ts'
import { encodeCbor } from '../../../src/contracts/cbor.ts'
import type { PeerIdentity } from '../../../src/session/api.ts'
import { exact, must, parses, type Target } from '../engine/target.ts'
import { HASH, PUBLIC_KEY, SIGNATURE } from './samples.ts'

const SUITE = 'MLKEM1024_X25519_MLDSA87_AES256GCM_SHA384'
const READ = ['decode', 'peer-protocol'] as const
const peer: PeerIdentity = { kid: '', algorithm: 'ML-DSA-87', publicKey: PUBLIC_KEY, name: 'x', custody: 'unknown' }
const [kem, share] = [new Uint8Array(1568).fill(7), HASH.subarray(0, 32)]
const offer = { sid: HASH, attempt: 3, count: 70_000, head: HASH, sent: 2, held: 1024 }
const secrets = [
  { epoch: 0, secret: HASH },
  { epoch: 1, secret: HASH },
]
const cookies = new Cookies({ now: () => 0, monotonic: () => 60_000 })
const cookie = cookies.issue({ hello: HASH, suite: SUITE }, '192.0.2.7')

/** What came with Retry, rekey and resume. */
export const RESUMES: readonly Target[] = [
  {
    name: 'rekey-init',
    format: 'cbor',
    codes: READ,
    seeds: [rekey.encodeRekeyInit({ epoch: 1, kemKey: kem, share })],
    run: exact((bytes) => rekey.parseRekeyInit(bytes, SUITE), rekey.encodeRekeyInit),
  },
  {
    name: 'rekey-ack',
    format: 'cbor',
    codes: READ,
    seeds: [rekey.encodeRekeyAck({ ciphertext: kem, share, signature: SIGNATURE })],
    run: exact((bytes) => rekey.parseRekeyAck(bytes, SUITE, peer), rekey.encodeRekeyAck),
  },
  {
    name: 'rekey-done',
    format: 'cbor',
    codes: READ,
    seeds: [rekey.encodeRekeyDone(SIGNATURE)],
    run: exact((bytes) => rekey.parseRekeyDone(bytes, peer), rekey.encodeRekeyDone),
  },
  {
    name: 'epoch-start',
    format: 'cbor',
    codes: READ,
    seeds: [rekey.encodeEpochStart(1), rekey.encodeEpochStart(2 ** 32 - 1)],
    run: exact(rekey.parseEpochStart, rekey.encodeEpochStart),
  },
  {
    name: 'resume-extension',
    format: 'cbor',
    codes: READ,
    seeds: [secrets.slice(0, 1), secrets].map((some) => resumeExtension(offer, some, HASH).data),
    run: exact(
      (data) => parseResume([{ name: RESUME, critical: true, data }]),
      (read) => {
        if (read === undefined) throw new Error('the extension was overlooked')
        const { sid, attempt, count, head, sent, held, binders } = read
        return encodeCbor([sid, attempt, count, head, sent, held, binders.map(({ epoch, mac }) => [epoch, mac])])
      },
    ),
  },
  {
    name: 'cookie',
    format: 'bytes',
    codes: ['session-refused'],
    seeds: [cookie],
    tokens: [u32(48), encodeUtf8(SUITE)].map((bytes) => Buffer.from(bytes).toString('latin1')),
    // Whoever changes a bit of one has another cookie, or none.
    run: parses((bytes) => {
      const { hello, suite } = cookies.open(bytes, '192.0.2.7')
      must(Buffer.compare(hello, HASH) === 0 && suite === SUITE, 'takes a cookie that was never given out')
    }),
  },
]

import { encodeBundleLine, parseBundleLine } from '../../../src/evidence/bundle/format.ts'
import { parseManifest, sealManifest } from '../../../src/evidence/bundle/manifest.ts'
import { encodeManifestPayload, parseManifestPayload } from '../../../src/evidence/bundle/manifestPayload.ts'
import { readBundle } from '../../../src/evidence/bundle/reader.ts'
import { buildJws } from '../../../src/crypto/jws.ts'
import { digestOf } from '../../../src/evidence/checks.ts'
import { OfflineVerifier } from '../../../src/evidence/offline.ts'
import { encodeBase64url, joined } from '../../../src/crypto/encoding.ts'
import type { Random } from '../engine/random.ts'
import { cutUp, must, mustEqualEach, stable, type Target } from '../engine/target.ts'
import { BATCH, CALL, HASH, HEAD, KID, PUBLIC_KEY, SIGNATURE, STATEMENTS, text } from './samples.ts'

const key = { algorithm: 'ML-DSA-87', publicKey: PUBLIC_KEY } as const
const at = 1_790_000_000_000
const name = encodeBase64url(HASH)
const fields = { at, lines: 4, records: 1, redacted: 0, digest: HASH }
const signer = { kid: KID, algorithm: 'ML-DSA-87', custody: 'hsm' } as const
const MANIFEST = sealManifest(fields, signer, SIGNATURE)
const record = {
  type: 'record',
  batch: digestOf(BATCH.jws),
  statement: STATEMENTS[0] ?? CALL,
  index: 0,
  proof: BATCH.proofs[0] ?? [],
  how: 'sent',
  at,
} as const
const LINES: readonly Uint8Array[] = [
  encodeBundleLine({ type: 'bundle', exporter: KID, at, selection: { kind: 'time', from: 1, to: 2 } }),
  encodeBundleLine({ type: 'key', kid: KID, key, from: 1, until: 9, revoked: 5 }),
  encodeBundleLine({
    type: 'handshake',
    sid: name,
    conn: name,
    transcript: name,
    suite: 'MLKEM1024_X25519_MLDSA87_AES256GCM_SHA384',
    at,
  }),
  encodeBundleLine({ type: 'transition', document: text('{}') }),
  encodeBundleLine({ type: 'batch', digest: digestOf(BATCH.jws), kid: KID, jws: BATCH.jws }),
  encodeBundleLine({ ...record, redacted: false, head: HEAD, context: CALL }),
  encodeBundleLine({ ...record, redacted: true, head: undefined, context: undefined }),
  encodeBundleLine({ type: 'manifest', jws: MANIFEST }),
]
const BUNDLE = joined(LINES.flatMap((line) => [line, Uint8Array.of(10)]))
const READ = ['decode', 'length', 'algorithm-unsupported'] as const
const TOKENS = ['bundle', 'selection', 'redacted', 'revoked', 'until', 'all', 'contexts', 'session', 'sid', 'context']

/** Evidence bundles: what an outsider is handed by somebody that nobody trusts. */
export const BUNDLES: readonly Target[] = [
  {
    name: 'bundle-line',
    format: 'json',
    codes: READ,
    seeds: LINES,
    tokens: TOKENS,
    run: stable(parseBundleLine, encodeBundleLine),
  },
  {
    name: 'manifest',
    format: 'json',
    codes: ['decode'],
    seeds: [MANIFEST],
    tokens: ['header', 'crit', 'custody', 'countersign-batch'],
    run: stable(parseManifest, ({ jws }) => text(buildJws(jws.protectedBytes, jws.payload, jws.signature))),
  },
  {
    name: 'manifest-payload',
    format: 'json',
    codes: ['decode'],
    seeds: [encodeManifestPayload(fields, 'hsm')],
    tokens: ['lines', 'records', 'redacted', 'custody', 'software'],
    run: stable(parseManifestPayload, (payload) => encodeManifestPayload(payload, payload.custody)),
  },
  {
    name: 'bundle',
    format: 'lines',
    codes: [],
    seeds: [BUNDLE],
    tokens: ['\n', '\r\n', KID],
    longest: 64 * 1024,
    share: 0.05,
    run: async (bytes, random) => {
      const read = async (input: AsyncIterable<Uint8Array>) => await gathered(readBundle(input))
      mustEqualEach(await read(pieces(bytes, random)), await read(whole(bytes)), 'reads something else in pieces')
    },
  },
  {
    name: 'bundle-verifier',
    format: 'lines',
    codes: [],
    seeds: [BUNDLE],
    tokens: ['\n', '\r\n', KID],
    longest: 64 * 1024,
    share: 0.05,
    run: verified,
  },
]

/** No signature in the seeds holds, so whatever is made of them must not hold either. */
async function verified(bytes: Uint8Array): Promise<void> {
  const verifier = new OfflineVerifier(new Map([[KID, {}]]))
  const findings = await gathered(verifier.verifyFile('bundle', whole(bytes)))
  for (const { record: found, manifest, state } of findings) {
    must((found === undefined && manifest === undefined) || state !== 'holds', 'says that forged evidence holds')
  }
  findings.push(...verifier.finish())
  must(verifier.summary.exitCode !== 0, 'says that a forged bundle holds')
}

async function* pieces(bytes: Uint8Array, random: Random): AsyncGenerator<Uint8Array> {
  yield* cutUp(bytes, random)
}

async function* whole(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes
}

async function gathered<T>(items: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = []
  for await (const item of items) all.push(item)
  return all
}

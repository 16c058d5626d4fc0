import { decodeCbor, encodeCbor } from '../../../src/contracts/cbor.ts'
import { concat, joined, u32 } from '../../../src/crypto/encoding.ts'
import { FrameSplitter } from '../../../src/session/carrier/stdio.ts'
import { encodeHeader, parseFrame, RECORD } from '../../../src/session/channel/record.ts'
import * as payloads from '../../../src/session/contexts/messages.ts'
import { exact, must, mustBeBytes, parses, sameInPieces, type Target } from '../engine/target.ts'
import { BATCH, HASH, HEAD, STATEMENTS } from './samples.ts'

const READ = ['decode', 'peer-protocol'] as const

/** Payload of one type of record, in deterministic CBOR: one line for each. */
function payload<T>(
  name: string,
  seeds: readonly T[],
  parse: (bytes: Uint8Array) => T,
  encode: (value: T) => Uint8Array,
): Target {
  return { name, format: 'cbor', codes: READ, seeds: seeds.map(encode), run: exact(parse, encode) }
}

const entries = STATEMENTS.map((statement, index) => ({
  statement,
  index,
  proof: BATCH.proofs[index] ?? [],
  transfer: index === 0 ? 9 : null,
  head: HEAD,
}))
const alert = { code: 110, text: 'a statement' }
const piece = { exchange: 1, transfer: 0, offset: 0, total: 48, bytes: HASH }
const sealed = new Uint8Array(40).fill(5)
const frame = concat(encodeHeader({ type: RECORD.Batch, epoch: 1, sequence: 2 ** 40, length: sealed.length }), sealed)
const framed = (...frames: readonly Uint8Array[]): Uint8Array => joined(frames.flatMap((one) => [u32(one.length), one]))
const document = { a: [1, -1, null, true, 'ü', HASH], b: { '': {}, c: 2 ** 53 - 1 } }

export const RECORDS: readonly Target[] = [
  payload(
    'fragment',
    [piece, { ...piece, offset: 3, total: 2 ** 24, bytes: HEAD }],
    payloads.parseFragment,
    payloads.encodeFragment,
  ),
  payload('batch-record', [{ jws: BATCH.jws, entries }], payloads.parseBatch, payloads.encodeBatch),
  payload('ack', [{ seq: 70_000, head: HASH }], payloads.parseAck, payloads.encodeAck),
  payload(
    'window',
    [
      [],
      [
        { exchange: 0, bytes: 1 },
        { exchange: 3, bytes: 65_536 },
      ],
    ],
    payloads.parseWindows,
    payloads.encodeWindows,
  ),
  payload('abort', [0, 2 ** 32], payloads.parseAbort, payloads.encodeAbort),
  payload('ping', [1], payloads.parsePing, payloads.encodePing),
  payload('alert-record', [alert], payloads.parseAlertRecord, ({ code, text }) =>
    payloads.encodeAlertRecord(code, text),
  ),
  payload(
    'ready',
    [null, false as const, { count: 3, head: HASH, sent: 70_000, held: 0 }].map((resumed) => ({
      serverTime: 1_790_000_000_000,
      sid: HASH,
      resumed,
    })),
    payloads.parseReady,
    payloads.encodeReady,
  ),
  {
    name: 'record-frame',
    format: 'bytes',
    codes: ['peer-protocol'],
    seeds: [frame, concat(encodeHeader({ type: 0x4c, epoch: 0, sequence: 0, length: 16 }), HASH.subarray(0, 16))],
    run: exact(parseFrame, ({ header, sealed }) => concat(encodeHeader(header), sealed)),
  },
  {
    name: 'frame-splitter',
    format: 'bytes',
    codes: ['limit'],
    seeds: [framed(frame, new Uint8Array(0), HASH), framed(HEAD), framed()],
    run(bytes, random) {
      const frames = sameInPieces(() => new FrameSplitter(), bytes, random)
      const again = framed(...frames)
      mustBeBytes(again, bytes.subarray(0, again.length), 'gives frames that are not the bytes that came')
      must(bytes.length - again.length < 4 + 256 * 1024 + 17, 'holds more than one frame back')
    },
  },
  {
    name: 'cbor',
    format: 'cbor',
    codes: ['decode'],
    seeds: [encodeCbor(document), encodeCbor('x'.repeat(300)), encodeCbor([[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]])],
    run: exact((bytes) => decodeCbor(bytes, { bytes: 64 * 1024 }), encodeCbor),
  },
  {
    name: 'cbor-copies',
    format: 'cbor',
    codes: ['decode'],
    seeds: [encodeCbor(document)],
    // Buffers of a carrier are used again: a value that is a view of one would change under its reader.
    run: parses((bytes) => {
      const own = Uint8Array.from(bytes)
      const value = decodeCbor(own, { bytes: 64 * 1024 })
      own.fill(0)
      mustBeBytes(encodeCbor(value), bytes, 'gives a view of the buffer that it read')
    }),
  },
]

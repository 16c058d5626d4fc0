// PROTOCOL.md, "Records" and "Rekey".
import { asBytes, asList, asNumber, type Cbor, decode, encode, must } from './cbor.ts'
import type { Established, Frames, OwnKey } from './handshake.ts'
import * as P from './primitives.ts'

export const TYPE = {
  ready: 0x40,
  fragment: 0x41,
  batch: 0x42,
  ack: 0x43,
  window: 0x44,
  abort: 0x45,
  rekeyInit: 0x46,
  rekeyAck: 0x47,
  rekeyDone: 0x48,
  epochStart: 0x49,
  ping: 0x4a,
  pong: 0x4b,
  alert: 0x4c,
  legs: 0x4f,
} as const

/** One direction in one epoch. */
class Direction {
  readonly epoch: number
  private readonly keys: P.TrafficKeys
  private sequence = 0

  constructor(secret: Buffer, epoch: number) {
    this.keys = P.trafficKeys(secret)
    this.epoch = epoch
  }

  seal(type: number, payload: Cbor): Buffer {
    const text = encode(payload)
    const header = this.header(type, text.length + 16)
    return Buffer.concat([header, P.aeadSeal(this.keys.key, this.nonce(), header, text)])
  }

  open(frame: Buffer): { readonly type: number; readonly payload: readonly Cbor[] } {
    must(frame.length >= 33, 20, 'a short record')
    must(frame.length <= 17 + 262_144, 22, 'a long record')
    const type = frame.readUInt8()
    // "Anything but exactly the next record as it was sealed": the header is the one that we expect.
    const header = this.header(type, frame.length - 17)
    must(frame.subarray(0, 17).equals(header), 20, 'not the next record')
    const text = P.aeadOpen(this.keys.key, this.nonce(), header, frame.subarray(17))
    return { type, payload: asList(decode(text)) }
  }

  private header(type: number, length: number): Buffer {
    const { epoch, sequence } = this
    return Buffer.concat([Buffer.of(type), P.uint(32, epoch), P.uint(64, sequence), P.uint(32, length)])
  }

  /** iv XOR (0x00 × 4 ‖ sequence); each is used once. */
  private nonce(): Buffer {
    const sequence = Buffer.concat([Buffer.alloc(4), P.uint(64, this.sequence)])
    this.sequence += 1
    return Buffer.from(this.keys.iv.map((byte, index) => byte ^ (sequence[index] ?? 0)))
  }
}

/** Application keys of one connection, and its epochs. */
export class Records {
  readonly suite: P.Suite
  readonly conn: Buffer
  private readonly frames: Frames
  private readonly gateway: Established['gateway']
  private th: Buffer
  private ms: Buffer
  private out: Direction
  private in: Direction
  /** From RekeyDone to EpochStart: the direction that EpochStart begins. */
  private next: Direction | undefined
  /** `res` of the epochs that the gateway may be in: one, or two from RekeyDone to EpochStart. */
  readonly res = new Map<number, Buffer>()

  constructor(frames: Frames, made: Established) {
    this.frames = frames
    this.suite = made.suite
    this.conn = made.conn
    this.gateway = made.gateway
    this.th = made.th
    this.ms = made.ms
    this.out = new Direction(made.c_ap, 0)
    this.in = new Direction(made.s_ap, 0)
    this.res.set(0, made.res)
  }

  get epoch(): number {
    return this.in.epoch
  }

  send(type: number, payload: Cbor): void {
    this.frames.send(this.out.seal(type, payload))
  }

  open(frame: Buffer): { readonly type: number; readonly payload: readonly Cbor[] } {
    if (this.next === undefined || frame.length < 5 || frame.readUInt32BE(1) !== this.next.epoch) {
      const record = this.in.open(frame)
      must(record.type !== TYPE.epochStart, 10, 'EpochStart inside an epoch')
      return record
    }
    const record = this.next.open(frame)
    must(record.type === TYPE.epochStart, 10, 'an epoch that does not start with EpochStart')
    must(asNumber(asList(record.payload, 1)[0]) === this.next.epoch, 10, 'EpochStart of another epoch')
    this.res.delete(this.in.epoch)
    this.in = this.next
    this.next = undefined
    return record
  }

  /** Sends RekeyInit. What it returns takes the payload of RekeyAck and sends RekeyDone. `label` is for liars. */
  rekey(sid: Buffer, own: OwnKey, label = 'countersign/1 client rekey'): (ack: readonly Cbor[]) => void {
    const epoch = this.out.epoch + 1
    const shares = P.freshShares(this.suite)
    const init: Cbor = [epoch, shares.kem, shares.share]
    this.send(TYPE.rekeyInit, init)
    return (ack) => {
      const [kem, share, sigS] = asList(ack, 3).map((member) => asBytes(member))
      must(kem !== undefined && share !== undefined && sigS !== undefined, 21, 'RekeyAck')
      const ss = shares.secret(kem, share)
      const suite = Buffer.from(this.suite)
      const rk = P.H(P.lp(sid, this.conn, this.th, P.uint(32, epoch), suite, encode(init), encode([kem, share])))
      const { alg, pub, bytes } = this.gateway
      const theirs = P.signingInput('countersign/1 server rekey', this.suite, P.H(P.lp(rk, bytes)))
      P.verified(alg, pub, theirs, sigS, 'sigS')
      const ours = own.sign(P.signingInput(label, this.suite, P.H(P.lp(rk, sigS, own.bytes))))
      this.send(TYPE.rekeyDone, [ours])
      this.ms = P.extract(P.expandLabel(this.ms, 'rekey', rk, 48), ss)
      this.th = rk
      this.out = new Direction(P.expandLabel(this.ms, 'c ap', rk, 48), epoch)
      this.next = new Direction(P.expandLabel(this.ms, 's ap', rk, 48), epoch)
      this.res.set(epoch, P.expandLabel(this.ms, 'res', rk, 48))
    }
  }
}

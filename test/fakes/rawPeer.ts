import { encodeBase64url } from '../../src/crypto/encoding.ts'
import { sha384 } from '../../src/crypto/hash.ts'
import { randomBytes } from '../../src/crypto/random.ts'
import { DEFAULT_SUITES } from '../../src/crypto/suite.ts'
import { buildBatch, sealBatch } from '../../src/evidence/batch.ts'
import { chainNext, chainStart } from '../../src/evidence/chain.ts'
import type { Statement } from '../../src/evidence/types.ts'
import { Channel } from '../../src/session/channel/channel.ts'
import { RECORD } from '../../src/session/channel/record.ts'
import { encodeBatch, parseAlertRecord } from '../../src/session/contexts/messages.ts'
import { Deadline } from '../../src/session/handshake/deadline.ts'
import { Flights } from '../../src/session/handshake/flights.ts'
import { Initiator } from '../../src/session/handshake/initiator.ts'
import { systemClock } from '../../src/support/clock.ts'
import type { MemoryCarrier } from './memoryCarrier.ts'
import type { Party } from './party.ts'
import type { SeedSigner } from './seedSigner.ts'

const NONE = new Uint8Array(0)

/** The JSON that a statement is, with members that a test may change, drop or add. */
export type LooseStatement = { -readonly [name in keyof Statement]?: unknown } & { [name: string]: unknown }

/** A client that holds valid session keys and a listed identity, and says what a test wants. */
export class RawPeer {
  readonly sid: string
  readonly carrier: MemoryCarrier
  readonly channel: Channel
  readonly aud: string
  /** Records that came, with their payload. */
  readonly records: { type: number; payload: Uint8Array }[] = []
  private readonly signer: SeedSigner
  private seq = 0
  private prev: Uint8Array

  private constructor(carrier: MemoryCarrier, channel: Channel, sid: string, aud: string, signer: SeedSigner) {
    this.carrier = carrier
    this.channel = channel
    this.sid = sid
    this.aud = aud
    this.signer = signer
    this.prev = chainStart(sid, 'c2s')
    carrier.onFrame((frame) => this.records.push(channel.open(frame)))
    carrier.resume()
  }

  static async connect(party: Party, carrier: MemoryCarrier): Promise<RawPeer> {
    const deadline = new Deadline(10_000)
    const trust = { checkGateway: async () => 'accept' as const }
    const options = { identity: party.ports.identity, suites: DEFAULT_SUITES, trust, clock: systemClock }
    const { secrets, peer } = await new Initiator(options, new Flights(carrier, deadline.signal), deadline).run()
    deadline.dispose()
    const channel = new Channel(carrier, secrets, 'client')
    return new RawPeer(carrier, channel, encodeBase64url(secrets.conn), peer.kid, party.signer)
  }

  /** A statement that is right in everything; `changes` make it wrong. Advances the own chain. */
  statement(body: Uint8Array, changes: LooseStatement = {}): Uint8Array {
    const statement: LooseStatement = {
      v: 1,
      typ: 'countersign-statement',
      sid: this.sid,
      dir: 'c2s',
      seq: this.seq,
      kind: 'request',
      server: 'files',
      exchange: this.seq + 1,
      head: encodeBase64url(sha384(NONE)),
      method: 'ping',
      id: '1',
      ts: Date.now(),
      aud: this.aud,
      salt: encodeBase64url(randomBytes(32)),
      ctx: { alg: 'sha-384', digest: encodeBase64url(sha384(body)), length: body.length },
      prev: encodeBase64url(this.prev),
      ack: { seq: 0, head: encodeBase64url(chainStart(this.sid, 's2c')) },
      ...changes,
    }
    const bytes = new TextEncoder().encode(JSON.stringify(statement))
    this.seq += 1
    this.prev = chainNext(this.prev, bytes)
    return bytes
  }

  /** The payload of a Batch record over one statement. */
  async batch(statement: Uint8Array, transfer: number | null, signer: SeedSigner = this.signer): Promise<Uint8Array> {
    const unsigned = buildBatch([statement], signer)
    const signature = await signer.sign({ kind: 'batch', statements: [statement] })
    const { jws } = sealBatch(unsigned, signature)
    return encodeBatch({ jws, entries: [{ statement, index: 0, proof: [], transfer, head: NONE }] })
  }

  /** Also types that are not in the registry. */
  async send(type: number, payload: Uint8Array): Promise<void> {
    await this.channel.send(type, payload)
  }

  /** The code of the alert that ended the session. */
  async alert(): Promise<number> {
    await this.carrier.closed
    const last = this.records.at(-1)
    return last?.type === RECORD.Alert ? parseAlertRecord(last.payload).code : -1
  }
}

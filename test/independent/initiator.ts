// PROTOCOL.md, "Contexts over records", "Exchange", "Closing", "Resume": the client, one thing after the other.
// It reads only while it waits for something, so that it does things in the order in which a test says them.
import { asBytes, asList, asNumber, asText, type Cbor, decode, encode, must, Refused, Told } from './cbor.ts'
import { type Established, Frames, handshake, type HandshakeOptions, type OwnKey, throwAlert } from './handshake.ts'
import * as P from './primitives.ts'
import { Records, TYPE } from './records.ts'
import {
  Chain,
  checkStatement,
  type Context,
  type Json,
  makeStatement,
  type Signed,
  signBatch,
  verifyBatch,
} from './statements.ts'

const NOTHING = Buffer.alloc(0)
const LIMIT = { exchange: 1_048_576, session: 67_108_864 }

/** One exchange: what was released of it, in order. */
export interface Exchange {
  readonly server: string
  /** Digest of the statement of the request. */
  readonly request: string
  readonly kinds: string[]
  readonly bodies: string[]
  status: number
  headers: ReadonlyMap<string, string>
  end: unknown
}

interface Lies {
  readonly label?: string
  readonly binder?: Buffer
  readonly attempt?: number
}

/** A handshake and its Ready. */
async function connection(url: string, own: OwnKey, options: HandshakeOptions, session?: Buffer) {
  const frames = await Frames.open(url)
  const made = await handshake(frames, own, options)
  const records = new Records(frames, made)
  const frame = await frames.next()
  must(frame !== undefined, 10, 'the connection ended before Ready')
  throwAlert(frame)
  const ready = records.open(frame)
  must(ready.type === TYPE.ready, 10, 'Ready comes first')
  const [time, sid, resumed] = asList(ready.payload, 3)
  must(Math.abs(asNumber(time) - Date.now()) <= 120_000, 112, 'clock')
  must(session === undefined ? resumed === null : resumed !== null, 10, 'resumed')
  const named = session === undefined || resumed === false ? made.conn : session
  must(asBytes(sid, 48).equals(named), 10, 'another sid')
  return { frames, made, records, resumed: resumed ?? null }
}

export class Initiator {
  readonly sid: Buffer
  readonly exchanges = new Map<number, Exchange>()
  /** Every statement that we signed; the index is its sequence. */
  readonly signed: Signed[] = []
  readonly handshake: Established
  /** Statements that the gateway sent again after a resume, so far. */
  repeated = 0
  records: Records
  private readonly url: string
  private readonly own: OwnKey
  private frames: Frames
  readonly sent: Chain
  readonly received: Chain
  /** `ack.seq` of the gateway's last statement. It may be older than Acks that came meanwhile. */
  acknowledged = 0
  /** How many of our statements the gateway acknowledged, in Acks or in statements. */
  private acked = 0
  private attempt = 0
  private closed = false
  /** What the gateway said last of how it reaches its servers. */
  legs: readonly (readonly [server: string, reach: string, proxied: boolean])[] | undefined
  // Of one connection:
  private again = 0
  private transfers = 0
  private expected = 0
  private bodies = new Map<number, { exchange: number; total: number; bytes: Buffer }>()
  private rekeyed: ((ack: readonly Cbor[]) => void) | undefined
  private pings = 0
  /** Credit: what we used and did not get back, what we have to return. Exchange 0 is the session. */
  private used = new Map<number, number>()
  private due = new Map<number, number>()

  private constructor(url: string, own: OwnKey, { frames, made, records }: Awaited<ReturnType<typeof connection>>) {
    this.url = url
    this.own = own
    this.frames = frames
    this.handshake = made
    this.records = records
    this.sid = made.conn
    this.sent = new Chain(this.sid, 'c2s')
    this.received = new Chain(this.sid, 's2c')
  }

  static async connect(url: string, own: OwnKey, options: HandshakeOptions): Promise<Initiator> {
    return new Initiator(url, own, await connection(url, own, options))
  }

  // "Contexts over records", sending

  /** Signs one request of MCP for each message, all with one signature, and sends nothing. Returns their exchanges. */
  ask(server: string, messages: readonly unknown[], headers: readonly Cbor[] = [], lie: Json = {}): number[] {
    const ours = [
      ['accept', 'application/json, text/event-stream'],
      ['content-type', 'application/json'],
    ]
    const head = encode(['POST', [...ours, ...headers]])
    const made = messages.map((message) => {
      const [exchange, body] = [
        this.exchanges.size + 1,
        Buffer.from(typeof message === 'string' ? message : JSON.stringify(message)),
      ]
      const context: Context = { kind: 'request', server, exchange, head, body }
      const one = this.state(context, lie)
      const request = P.digest(one.statement)
      const fresh = { kinds: [], bodies: [], status: 0, headers: new Map(), end: undefined }
      this.exchanges.set(exchange, { server, request, ...fresh })
      return one
    })
    this.signed.push(...signBatch(this.own, made))
    return made.map(({ context }) => context.exchange)
  }

  private state(context: Context, lie: Json = {}): { context: Context; statement: Buffer } {
    const statement = makeStatement(this, this.handshake.gateway, context, lie)
    this.sent.add(statement)
    return { context, statement }
  }

  /** Sends what was signed from this sequence on: bodies, then batches. */
  transmit(from: number, repeated = false): void {
    const batches = new Map<Buffer, Cbor[]>()
    for (const { context, statement, jws, index, proof } of this.signed.slice(from)) {
      const { exchange, body, head } = context
      const transfer = body.length === 0 ? null : this.transfers++
      for (let at = 0; at < body.length; at += 196_608) {
        const piece = body.subarray(at, at + 196_608)
        this.records.send(TYPE.fragment, [exchange, transfer, at, body.length, piece])
      }
      // What is sent again costs credit of the session only, and so does a close.
      const cost = body.length + 1024 + head.length
      for (const payer of repeated || exchange === 0 ? [0] : [0, exchange]) {
        this.used.set(payer, (this.used.get(payer) ?? 0) + cost)
        must((this.used.get(payer) ?? 0) <= (payer === 0 ? LIMIT.session : LIMIT.exchange), 115, 'our own credit')
      }
      batches.set(jws, [...(batches.get(jws) ?? []), [statement, index, proof, transfer, head]])
    }
    for (const [jws, entries] of batches) this.records.send(TYPE.batch, [jws, entries])
  }

  /** Signs, sends, and waits for the ends. */
  async call(server: string, message: unknown, headers: readonly Cbor[] = []): Promise<Exchange> {
    const from = this.signed.length
    const [number = 0] = this.ask(server, [message], headers)
    this.transmit(from)
    return await this.ended(number)
  }

  async ended(number: number): Promise<Exchange> {
    await this.until(() => this.exchange(number).end !== undefined)
    return this.exchange(number)
  }

  /** Bytes of bodies that came and that no statement has named yet. */
  get arrived(): number {
    return [...this.bodies.values()].reduce((sum, { bytes }) => sum + bytes.length, 0)
  }

  exchange(number: number): Exchange {
    const exchange = this.exchanges.get(number)
    must(exchange !== undefined, 110, `exchange ${number} was never begun`)
    return exchange
  }

  // Receiving

  /** Reads records until something holds. */
  async until(holds: () => boolean): Promise<void> {
    while (!holds()) {
      const frame = await this.frames.next()
      if (frame === undefined) throw new Error('the connection is lost')
      try {
        this.take(frame)
      } catch (error) {
        // "Refused: n": we end the connection with alert n, unless an alert is what we got.
        if (error instanceof Refused && !(error instanceof Told)) {
          this.records.send(TYPE.alert, [error.code, error.message.slice(0, 200)])
        }
        this.frames.close()
        throw error
      }
    }
  }

  private take(frame: Buffer): void {
    const { type, payload } = this.records.open(frame)
    const [first, second] = payload
    switch (type) {
      case TYPE.fragment:
        return this.fragment(payload)
      case TYPE.batch:
        return this.batch(payload)
      case TYPE.ack:
        asList(payload, 2)
        must(this.sent.head(asNumber(first)).equals(asBytes(second, 48)), 110, 'Ack of another chain')
        this.acked = Math.max(this.acked, asNumber(first))
        return
      case TYPE.window:
        for (const returned of payload) {
          const [exchange, bytes] = asList(returned, 2)
          const left = (this.used.get(asNumber(exchange)) ?? 0) - asNumber(bytes, 1)
          must(left >= 0, 115, 'more credit returned than was used')
          this.used.set(asNumber(exchange), left)
        }
        return
      case TYPE.abort:
        return must(this.bodies.delete(asNumber(asList(payload, 1)[0])), 10, 'Abort of no body')
      case TYPE.rekeyAck:
        must(this.rekeyed !== undefined, 10, 'RekeyAck')
        this.rekeyed(payload)
        this.rekeyed = undefined
        return
      case TYPE.epochStart:
        return
      case TYPE.ping:
        return this.records.send(TYPE.pong, [asNumber(asList(payload, 1)[0])])
      case TYPE.pong:
        this.pings -= 1
        return must(this.pings >= 0, 10, 'Pong')
      case TYPE.legs:
        return this.told(payload)
      case TYPE.alert:
        throw new Told(asNumber(first), asText(second))
      default:
        throw new Refused(10, `record ${type}`)
    }
  }

  private told(payload: readonly Cbor[]): void {
    must(this.handshake.legs, 10, 'Legs that were not offered')
    must(payload.length <= 1024, 21, 'too many legs')
    this.legs = payload.map((leg) => {
      const [server, reach, proxied] = asList(leg, 3)
      const known = ['pipe', 'loopback', 'plain', 'tls', 'tls-classical', 'tls-mlkem'].includes(asText(reach))
      must(known && typeof proxied === 'boolean', 21, 'a leg')
      return [asText(server), asText(reach), proxied]
    })
  }

  private fragment(payload: readonly Cbor[]): void {
    const [exchange, transfer, offset, total] = asList(payload, 5)
      .slice(0, 4)
      .map((member) => asNumber(member))
    const piece = asBytes(payload[4])
    must(exchange !== undefined && transfer !== undefined && total !== undefined && exchange > 0, 21, 'Fragment')
    must(piece.length > 0 && piece.length <= 196_608 && total <= 16_777_216, 21, 'size of a Fragment')
    if (offset === 0) must(transfer === this.expected++, 21, 'transfer numbers are taken in order')
    const body = offset === 0 ? { exchange, total, bytes: NOTHING } : this.bodies.get(transfer)
    must(body?.exchange === exchange && body.total === total && body.bytes.length === offset, 21, 'Fragment')
    body.bytes = Buffer.concat([body.bytes, piece])
    must(body.bytes.length <= total, 21, 'a body past its total')
    this.bodies.set(transfer, body)
    // Exchange credit goes back on arrival, but what is sent again did not use any.
    if (this.again === 0) this.owe(exchange, piece.length)
    if ((this.due.get(exchange) ?? 0) >= LIMIT.exchange / 4) this.giveBack()
  }

  private batch(payload: readonly Cbor[]): void {
    const [jws, entries] = [asBytes(payload[0]), asList(payload[1])]
    must(payload.length === 2 && entries.length >= 1 && entries.length <= 64 && jws.length <= 8192, 21, 'Batch')
    for (const entry of entries) {
      must(!this.closed, 110, 'nothing follows a close')
      const [statement, index, proof, transfer, head] = asList(entry, 5)
      const nodes = asList(proof).map((one) => asBytes(one, 48))
      const transferred = transfer === null ? undefined : this.bodies.get(asNumber(transfer))
      must(transfer === null || transferred?.bytes.length === transferred?.total, 110, 'a body that is not complete')
      const [body, again] = [transferred?.bytes ?? NOTHING, this.again > 0]
      if (transfer !== null) must(this.bodies.delete(asNumber(transfer)), 110, 'no such body')

      // "Verification, strictly in order of sequence"
      const one = { statement: asBytes(statement), index: asNumber(index), proof: nodes, head: asBytes(head), body }
      verifyBatch(this.handshake.gateway, jws, one)
      const read = checkStatement(this, this.own, one, again)
      must(transferred === undefined || transferred.exchange === read.exchange, 110, 'a body of another exchange')
      this.acknowledged = read.acked
      this.acked = Math.max(this.acked, read.acked)
      this.received.add(one.statement)
      if (again) [this.again, this.repeated] = [this.again - 1, this.repeated + 1]
      this.release(read, one)
      this.owe(0, body.length + 1024 + one.head.length)
      if (!again && read.kind !== 'close') this.owe(read.exchange, 1024 + one.head.length)
    }
    this.records.send(TYPE.ack, [this.received.count, this.received.head()])
    this.giveBack()
  }

  private release(read: ReturnType<typeof checkStatement>, { head, body }: { head: Buffer; body: Buffer }): void {
    if (read.kind === 'close') {
      this.closed = true
      return
    }
    const exchange = this.exchange(read.exchange)
    must(exchange.server === read.server && exchange.request === read.req, 110, 'an answer to something else')
    must(exchange.end === undefined, 110, 'an answer after its end')
    exchange.kinds.push(read.kind)
    must(/^(response|head( event)*)?( ?end)?$/.test(exchange.kinds.join(' ')), 110, 'the order of an answer')
    if (read.kind === 'end') exchange.end = read.end
    if (read.kind === 'response' || read.kind === 'event') exchange.bodies.push(body.toString('utf8'))
    if (read.kind !== 'response' && read.kind !== 'head') return
    const [status, headers] = asList(decode(head), 2)
    exchange.status = asNumber(status, 200)
    exchange.headers = new Map(asList(headers).map((pair) => [asText(asList(pair, 2)[0]), asText(asList(pair)[1])]))
  }

  private owe(exchange: number, bytes: number): void {
    this.due.set(exchange, (this.due.get(exchange) ?? 0) + bytes)
  }

  private giveBack(): void {
    if (this.due.size > 0) this.records.send(TYPE.window, [...this.due])
    this.due.clear()
  }

  // "Heartbeat", "Rekey", "Closing"

  async ping(): Promise<void> {
    this.pings += 1
    this.records.send(TYPE.ping, [this.pings])
    await this.until(() => this.pings === 0)
  }

  /** Begins a rekey; `until` the epoch is another to see its end. */
  rekey({ label }: Lies = {}): void {
    this.rekeyed = this.records.rekey(this.sid, this.own, label)
  }

  /** An orderly close: ours, theirs, Alert 0, the end of the carrier. */
  async close(): Promise<void> {
    const nothing = { server: '-', exchange: 0, head: NOTHING, body: NOTHING }
    this.signed.push(...signBatch(this.own, [this.state({ kind: 'close', ...nothing })]))
    this.transmit(this.signed.length - 1)
    await this.until(() => this.closed)
    this.records.send(TYPE.alert, [0, ''])
    this.frames.close()
    while ((await this.frames.next()) !== undefined) continue
  }

  // "Resume"

  /** As if the network broke. */
  cut(): void {
    this.frames.cut()
  }

  /** A new connection for the session, and all again that the gateway does not have. False where it refuses. */
  async resume({ binder, attempt }: Lies = {}): Promise<boolean> {
    this.attempt += 1
    const { received, records, sid } = this
    const suites = [records.suite]
    const resume = (thSF: Buffer): Cbor => {
      const binders = [...records.res].map(([epoch, res]): Cbor => [epoch, binder ?? P.mac(res, thSF)])
      return [sid, attempt ?? this.attempt, received.count, received.head(), this.signed.length, 0, binders]
    }
    const next = await connection(this.url, this.own, { suites, pin: this.handshake.gateway.kid, resume }, sid)
    if (next.resumed === false) {
      next.frames.close()
      return false
    }
    const [count, head, sent, held] = asList(next.resumed, 4)
    must(this.sent.head(asNumber(count)).equals(asBytes(head, 48)), 110, 'a chain that is not ours')
    must(asNumber(count) >= this.acked && asNumber(sent) >= received.count, 110, 'the gateway forgot statements')
    this.frames = next.frames
    this.records = next.records
    ;[this.again, this.transfers, this.expected, this.pings] = [asNumber(sent) - received.count, 0, 0, 0]
    this.bodies.clear()
    this.due.clear()
    this.used = new Map([[0, asNumber(held)]])
    this.rekeyed = undefined
    this.transmit(asNumber(count), true)
    return true
  }
}

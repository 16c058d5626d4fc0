import { decodeUtf8, encodeBase64url, encodeUtf8 } from '../../src/crypto/encoding.ts'
import { sha384 } from '../../src/crypto/hash.ts'
import { buildJws, encodeHeader, signingInput } from '../../src/crypto/jws.ts'
import { merkleTree } from '../../src/crypto/merkle.ts'
import { randomBytes } from '../../src/crypto/random.ts'
import { SeedSigner as SeedKey } from '../../src/crypto/signature.ts'
import { DEFAULT_SUITES, type SuiteName } from '../../src/crypto/suite.ts'
import { chainNext, chainStart } from '../../src/evidence/chain.ts'
import type { Direction } from '../../src/evidence/types.ts'
import { BatchSigner } from '../../src/keys/batchSigner.ts'
import type { Signer } from '../../src/keys/signer.ts'
import type { Carrier } from '../../src/session/carrier/carrier.ts'
import { connectWebSocket } from '../../src/session/carrier/webSocket.ts'
import { Channel } from '../../src/session/channel/channel.ts'
import { RECORD } from '../../src/session/channel/record.ts'
import {
  type BatchEntry,
  encodeBatch,
  encodeFragment,
  encodeReady,
  parseAlertRecord,
  parseBatch,
  parseFragment,
  type Ready,
} from '../../src/session/contexts/messages.ts'
import { Deadline } from '../../src/session/handshake/deadline.ts'
import { ELEMENT } from '../../src/session/handshake/elements.ts'
import type { Established } from '../../src/session/handshake/established.ts'
import { Flights } from '../../src/session/handshake/flights.ts'
import { Initiator } from '../../src/session/handshake/initiator.ts'
import { Responder } from '../../src/session/handshake/responder.ts'
import { systemClock } from '../../src/support/clock.ts'
import { bounded } from './chainProcess.ts'
import { SeedSigner } from './seedSigner.ts'

const NONE = new Uint8Array(0)

/** An identity whose private key signs whatever its owner wants: what a thief of a key has, and a key process never gives. */
export class LooseKey {
  readonly signer: SeedSigner
  readonly kid: string
  private readonly key: SeedKey

  private constructor(signer: SeedSigner, key: SeedKey) {
    this.signer = signer
    this.kid = signer.kid
    this.key = key
  }

  static async create(seed: number): Promise<LooseKey> {
    const key = await SeedKey.create('ML-DSA-87', new Uint8Array(32).fill(seed))
    return new LooseKey(await SeedSigner.create(seed), key)
  }

  /** A batch over these statements, whatever they are, as flattened JWS. `changes` are made before the signature. */
  jws(statements: readonly Uint8Array[], changes: { header?: Members; payload?: Members } = {}): Uint8Array {
    const { root } = merkleTree(statements)
    const claims = { v: 1, typ: 'countersign-batch', alg: 'sha-384', n: statements.length }
    const payload = { ...claims, root: encodeBase64url(root), custody: 'software', ...changes.payload }
    const named = { alg: 'ML-DSA-87', typ: 'countersign-batch', kid: this.kid }
    const header =
      changes.header === undefined ? encodeHeader(named) : encodeUtf8(JSON.stringify({ ...named, ...changes.header }))
    const bytes = encodeUtf8(JSON.stringify(payload))
    return encodeUtf8(buildJws(header, bytes, this.key.sign(signingInput(header, bytes))))
  }
}

/** Members of a JSON document that a test may change, drop (undefined) or add. */
export type Members = Readonly<Record<string, unknown>>

/** A request that a gateway received: what its answers have to name. */
export interface Asked {
  readonly server: string
  readonly exchange: number
  readonly digest: string
  readonly body: Uint8Array
  readonly id: unknown
}

/** What is said in one exchange. */
export interface Draft {
  readonly kind: string
  readonly server: string
  readonly exchange: number
  readonly head?: Uint8Array
  readonly body?: Uint8Array
  readonly changes?: Members
}

/** An end of a session that holds a key which the other end accepts, and the session's keys, and keeps no other rule. */
export class KeyedPeer {
  readonly sid: string
  /** The kid of the other end. */
  readonly aud: string
  readonly dir: Direction
  readonly carrier: Carrier
  readonly channel: Channel
  readonly key: LooseKey
  /** Records that came. */
  readonly records: { readonly type: number; readonly payload: Uint8Array }[] = []
  /** Requests that came, complete. */
  readonly asked: Asked[] = []
  onAsked: (asked: Asked) => void = () => {}
  /** Own statements, as they were made. */
  readonly statements: Uint8Array[] = []
  private readonly bodies = new Map<number, Uint8Array[]>()
  private prev: Uint8Array
  private transfers = 0

  private readonly conn: Uint8Array
  private readonly asksToResume: boolean

  constructor(established: Established, carrier: Carrier, role: 'client' | 'server', key: LooseKey) {
    const { secrets, peer } = established
    this.conn = secrets.conn
    this.asksToResume = established.resume !== undefined
    this.sid = encodeBase64url(secrets.conn)
    this.aud = peer.kid
    this.dir = role === 'client' ? 'c2s' : 's2c'
    this.carrier = carrier
    this.key = key
    this.channel = new Channel(carrier, secrets, role)
    this.prev = chainStart(this.sid, this.dir)
    carrier.onFrame((frame) => this.take(frame))
    carrier.resume()
  }

  /** As a client. Resolves when the gateway said Ready. */
  static async connect(url: string, key: LooseKey, suites: readonly SuiteName[] = DEFAULT_SUITES): Promise<KeyedPeer> {
    const { carrier, established } = await handshakeWith(url, key.signer, suites)
    const peer = new KeyedPeer(established, carrier, 'client', key)
    await bounded(peer.until(RECORD.Ready), 20_000, 'Ready')
    return peer
  }

  /** As a gateway, up to Ready, which the caller sends. */
  static async accept(carrier: Carrier, key: LooseKey): Promise<KeyedPeer> {
    const deadline = new Deadline(10_000)
    const clients = { checkClient: async () => 'accept' as const }
    const where = { address: carrier.address, loopback: true }
    const options = { identity: identityOf(key.signer), suites: DEFAULT_SUITES, clients, where, clock: systemClock }
    try {
      const established = await new Responder(options, new Flights(carrier, deadline.signal), deadline).run()
      return new KeyedPeer(established, carrier, 'server', key)
    } finally {
      deadline.dispose()
    }
  }

  /** A statement that is right in everything but `changes`. It takes its place in the own chain. */
  statement({ kind, server, exchange, head = NONE, body = NONE, changes = {} }: Draft): Uint8Array {
    const other = this.dir === 'c2s' ? 's2c' : 'c2s'
    const bytes = encodeUtf8(
      JSON.stringify({
        v: 1,
        typ: 'countersign-statement',
        sid: this.sid,
        dir: this.dir,
        seq: this.statements.length,
        kind,
        server,
        exchange,
        head: digestOf(head),
        ...described(body),
        ts: Date.now(),
        aud: this.aud,
        salt: encodeBase64url(randomBytes(32)),
        ctx: { alg: 'sha-384', digest: digestOf(body), length: body.length },
        prev: encodeBase64url(this.prev),
        ack: { seq: 0, head: encodeBase64url(chainStart(this.sid, other)) },
        ...changes,
      }),
    )
    this.statements.push(bytes)
    this.prev = chainNext(this.prev, bytes)
    return bytes
  }

  /** Sends a body as one Fragment. Returns its transfer number. */
  async body(exchange: number, bytes: Uint8Array, changes: { offset?: number; total?: number } = {}): Promise<number> {
    const transfer = this.transfers++
    await this.send(
      RECORD.Fragment,
      encodeFragment({ exchange, transfer, offset: 0, total: bytes.length, bytes, ...changes }),
    )
    return transfer
  }

  /** Entries of one batch, with the proofs that lead to its root. */
  entries(parts: readonly { statement: Uint8Array; transfer: number | null; head?: Uint8Array }[]): BatchEntry[] {
    const { proofs } = merkleTree(parts.map(({ statement }) => statement))
    return parts.map(({ statement, transfer, head = NONE }, index) => ({
      statement,
      index,
      proof: proofs[index] ?? [],
      transfer,
      head,
    }))
  }

  /** Bodies, then one Batch over all drafts; `tamper` changes what is sent after everything was signed. */
  async say(
    drafts: readonly Draft[],
    tamper: (batch: { jws: Uint8Array; entries: BatchEntry[] }) => {
      jws: Uint8Array
      entries: readonly BatchEntry[]
    } = (batch) => batch,
  ): Promise<void> {
    const parts = []
    for (const draft of drafts) {
      const { body = NONE, head = NONE, exchange } = draft
      const transfer = body.length === 0 ? null : await this.body(exchange, body)
      parts.push({ statement: this.statement(draft), transfer, head })
    }
    const jws = this.key.jws(parts.map(({ statement }) => statement))
    await this.send(RECORD.Batch, encodeBatch(tamper({ jws, entries: this.entries(parts) })))
  }

  async send(type: number, payload: Uint8Array): Promise<void> {
    // Where the other end has already hung up, its alert says why.
    await this.channel.send(type, payload).catch(() => {})
  }

  /** A gateway's first word. It has no session but this one, and says so to whoever asks for another. */
  async ready(changes: Partial<Ready> = {}): Promise<void> {
    const resumed = this.asksToResume ? false : null
    await this.send(RECORD.Ready, encodeReady({ serverTime: Date.now(), sid: this.conn, resumed, ...changes }))
  }

  /** Code of the alert with which the other end ended the session; -1 where it ended it without one. */
  async alert(): Promise<number> {
    await bounded(this.carrier.closed, 15_000, 'the alert')
    const alert = this.records.find(({ type }) => type === RECORD.Alert)
    return alert === undefined ? -1 : parseAlertRecord(alert.payload).code
  }

  async until(type: number): Promise<void> {
    let over = false
    void this.carrier.closed.then(() => (over = true))
    while (!this.records.some((record) => record.type === type)) {
      if (over) throw new Error('the session ended')
      await new Promise((resolve) => setTimeout(resolve, 2))
    }
  }

  private take(frame: Uint8Array): void {
    // A gateway that refuses a client says so before there is a session, in the clear.
    const refused = frame[0] === ELEMENT.alert
    const record = refused ? { type: RECORD.Alert, payload: frame.slice(5) } : this.channel.open(frame)
    this.records.push(record)
    if (record.type === RECORD.Fragment) {
      const { transfer, bytes } = parseFragment(record.payload)
      this.bodies.set(transfer, [...(this.bodies.get(transfer) ?? []), bytes])
    } else if (record.type === RECORD.Batch) {
      for (const entry of parseBatch(record.payload).entries) this.takeEntry(entry)
    }
  }

  private takeEntry({ statement, transfer }: BatchEntry): void {
    const { kind, server, exchange }: { kind: string; server: string; exchange: number } = JSON.parse(
      decodeUtf8(statement),
    )
    if (kind !== 'request') return
    const body = Buffer.concat(this.bodies.get(transfer ?? -1) ?? [])
    const { id }: { id?: unknown } = body.length === 0 ? {} : JSON.parse(body.toString())
    const asked = { server, exchange, digest: digestOf(statement), body, id }
    this.asked.push(asked)
    this.onAsked(asked)
  }
}

/** The client's handshake with any signer, and nothing after it. */
export async function handshakeWith(
  url: string,
  signer: Signer,
  suites: readonly SuiteName[] = DEFAULT_SUITES,
): Promise<{ carrier: Carrier; established: Established }> {
  const carrier = await connectWebSocket(url)
  const deadline = new Deadline(10_000)
  const trust = { checkGateway: async () => 'accept' as const }
  const options = { identity: identityOf(signer), suites, trust, clock: systemClock }
  try {
    const established = await new Initiator(options, new Flights(carrier, deadline.signal), deadline).run()
    return { carrier, established }
  } catch (thrown) {
    await carrier.close()
    throw thrown
  } finally {
    deadline.dispose()
  }
}

export function digestOf(bytes: Uint8Array): string {
  return encodeBase64url(sha384(bytes))
}

/** Method and id of a body that is one JSON-RPC message, the id as its token. */
function described(body: Uint8Array): { method?: string; id?: string } {
  if (body.length === 0) return {}
  const { method, id }: { method?: string; id?: unknown } = JSON.parse(decodeUtf8(body))
  return { ...(method !== undefined && { method }), ...(id !== undefined && { id: JSON.stringify(id) }) }
}

function identityOf(signer: Signer) {
  return { signer, batches: new BatchSigner(signer), name: 'nobody you know' }
}

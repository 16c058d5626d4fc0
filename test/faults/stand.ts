import { connect as connectSocket, createServer, type Server } from 'node:net'
import { DEFAULT_SUITES } from '../../src/crypto/suite.ts'
import { ExchangeClient } from '../../src/mcp/exchange/client.ts'
import { type ExchangeHandler, ExchangeServer } from '../../src/mcp/exchange/gateway.ts'
import type { Session } from '../../src/session/api.ts'
import type { Carrier } from '../../src/session/carrier/carrier.ts'
import { StreamCarrier } from '../../src/session/carrier/stdio.ts'
import { connectWebSocket } from '../../src/session/carrier/webSocket.ts'
import { connectSession } from '../../src/session/client.ts'
import { acceptConnection, GatewayListener } from '../../src/session/gateway.ts'
import { SessionTable } from '../../src/session/resume/sessionTable.ts'
import { ByteRelay } from '../fakes/byteRelay.ts'
import { type ConnectChanges, Party } from '../fakes/party.ts'

/** What a client takes for the gateway. */
export interface Through {
  readonly url: string
  /** Of a relay for streams. */
  readonly port?: number
}

/** The two carriers: frames in WebSocket messages, and frames behind their length as on standard input and output. */
export type Framing = 'webSocket' | 'stream'

const HEADERS = [['content-type', 'application/json']] as const

/** A gateway on a real socket of this machine that carries out calls, and counts how often it did. */
export class Stand {
  readonly host: Party
  readonly framing: Framing
  /** How often each call was carried out, by its id. */
  readonly executions = new Map<string, number>()
  private listener: GatewayListener | undefined
  private server: Server | undefined
  private readonly table = new SessionTable()

  private constructor(host: Party, framing: Framing) {
    this.host = host
    this.framing = framing
  }

  static async open(framing: Framing): Promise<Stand> {
    const stand = new Stand(await Party.create(2, 'host'), framing)
    if (framing === 'webSocket') {
      // No Retry: with one a handshake is longer, and what is counted from its beginning is something else.
      const handshakes = { perAddress: 10_000, total: 10_000 }
      const listen = 'ws://127.0.0.1:0'
      stand.listener = await GatewayListener.listen({ ...stand.options(), handshakes, listen, onSession })
    } else {
      stand.server = createServer({ noDelay: true }, (socket) => {
        const carrier = new StreamCarrier(socket, socket, 'a pipe', true)
        const accepted = acceptConnection({ ...stand.options(), carrier }, stand.table)
        accepted.then(({ session, resumed }) => (resumed ? undefined : onSession(session))).catch(() => {})
      }).listen(0, '127.0.0.1')
      await new Promise((resolve) => stand.server?.once('listening', resolve))
    }
    function onSession(session: Session): void {
      void new ExchangeServer(session, stand.handle)
    }
    return stand
  }

  get port(): number {
    if (this.listener !== undefined) return Number(new URL(this.listener.url).port)
    const address = this.server?.address()
    return typeof address === 'object' ? (address?.port ?? 0) : 0
  }

  get url(): string {
    return `ws://127.0.0.1:${this.port}`
  }

  relay(): Promise<ByteRelay> {
    return ByteRelay.listen(this.port)
  }

  /** @throws CountersignError of `connectSession` */
  async connect(party: Party, relay: Through, changes: ConnectChanges = {}): Promise<Client> {
    const trust = { checkGateway: async () => 'accept' as const }
    const options = { ...party.ports, suites: DEFAULT_SUITES, trust, random: () => 0, ...changes }
    const session = await connectSession({ ...options, carrier: () => this.carrier(relay) })
    return { session, exchanges: new ExchangeClient(session) }
  }

  async close(): Promise<void> {
    await this.listener?.close()
    for (const session of this.table.all()) session.end(undefined, undefined)
    this.server?.close()
  }

  private carrier(relay: Through): Promise<Carrier> {
    if (this.framing === 'webSocket') return connectWebSocket(relay.url)
    return new Promise((resolve, reject) => {
      const socket = connectSocket({ host: '127.0.0.1', port: relay.port ?? 0, noDelay: true })
      socket.once('error', reject)
      socket.once('connect', () => {
        socket.off('error', reject)
        resolve(new StreamCarrier(socket, socket, 'a pipe', true))
      })
    })
  }

  private options() {
    const clients = { checkClient: async () => 'accept' as const }
    return { ...this.host.ports, suites: DEFAULT_SUITES, clients }
  }

  private readonly handle: ExchangeHandler = ({ body }, respond) => {
    const { id }: { id: number } = JSON.parse(Buffer.from(body).toString())
    this.executions.set(String(id), (this.executions.get(String(id)) ?? 0) + 1)
    respond.body(200, HEADERS, Buffer.from(answerTo(id)))
  }
}

export interface Client {
  readonly session: Session
  readonly exchanges: ExchangeClient
}

/** Resolves to the answer's bytes as text. @throws CountersignError of `ExchangeClient.open` */
export async function callThrough({ exchanges }: Client, id: number): Promise<string> {
  const body = Buffer.from(`{"jsonrpc":"2.0","id":${id},"method":"tools/call","params":{"name":"count"}}`)
  const response = await exchanges.open('stand', { method: 'POST', headers: HEADERS, body })
  if (response.kind === 'body') return Buffer.from(response.body).toString()
  const events = []
  for await (const event of response.events) events.push(Buffer.from(event).toString())
  return events.join('')
}

export function answerTo(id: number): string {
  return `{"jsonrpc":"2.0","id":${id},"result":{"content":[{"type":"text","text":"answer ${id}"}]}}`
}

/** Lets go of what a party was told: thousands of handshakes would not fit into memory. */
export function forget(party: Party): void {
  const kept = [party.journal, party.reports, party.settled, party.lines, party.received, party.epochs]
  for (const list of [...kept, party.connections, party.signer.inputs]) list.length = 0
}

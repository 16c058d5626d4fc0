import type { Responder } from '../exchange/gateway.ts'
import type { Header } from '../exchange/head.ts'
import { messageEvent } from '../exchange/sse.ts'

/** Written and not yet taken by a client; past it the server's output waits. */
const HIGH_WATER = 4 * 1024 * 1024
/** What a message costs beside its bytes: the shortest are far smaller than what waits for them. */
const MESSAGE_COST = 1024
const STREAM: readonly Header[] = [
  ['content-type', 'text/event-stream'],
  ['cache-control', 'no-cache'],
]
const BODY: readonly Header[] = [['content-type', 'application/json']]

/** Counts what all streams of one server hold, and holds back its output while that is too much. */
export class Pressure {
  private bytes = 0
  private readonly valve: { pause(): void; resume(): void }

  constructor(valve: { pause(): void; resume(): void }) {
    this.valve = valve
  }

  async during(length: number, work: Promise<void>): Promise<void> {
    const before = this.bytes
    this.bytes += length
    if (before < HIGH_WATER && this.bytes >= HIGH_WATER) this.valve.pause()
    try {
      await work
    } finally {
      const full = this.bytes >= HIGH_WATER
      this.bytes -= length
      if (full && this.bytes < HIGH_WATER) this.valve.resume()
    }
  }
}

interface AnswerOptions {
  readonly headers?: readonly Header[]
  readonly status?: number
}

/** One exchange that messages of a stdio server go to: a call in flight, or the GET stream. */
export class StdioStream {
  /** Resolves when nothing more will be written. */
  readonly finished: Promise<void>
  private readonly respond: Responder
  private readonly pressure: Pressure
  private readonly headers: readonly Header[]
  private readonly prefersStream: boolean
  private begun = false
  private last: Promise<void> = Promise.resolve()
  private finish: () => void = () => {}

  /** `headers` are added to the response, `mcp-session-id` among them. `prefersStream`: also of an answer that comes alone. */
  constructor(respond: Responder, pressure: Pressure, headers: readonly Header[], prefersStream: boolean) {
    this.respond = respond
    this.pressure = pressure
    this.headers = headers
    this.prefersStream = prefersStream
    this.finished = new Promise((resolve) => {
      this.finish = resolve
    })
  }

  /** The head of a stream, without waiting for a first message. */
  begin(): void {
    if (this.begun) return
    this.begun = true
    this.respond.head(200, [...STREAM, ...this.headers])
  }

  /** A message that does not end the exchange. */
  message(line: Uint8Array): void {
    this.begin()
    // One after the other: the responder's window is then the only place where events of a slow reader pile up twice.
    const event = messageEvent(line)
    this.last = this.last.then(() => this.respond.event(event))
    void this.pressure.during(line.length + MESSAGE_COST, this.last)
  }

  /** The message that the exchange was opened for. Alone it is a body; after others it is the last event. */
  answer(line: Uint8Array, { headers = this.headers, status = 200 }: AnswerOptions = {}): void {
    if (this.begun || (this.prefersStream && status === 200 && headers === this.headers)) {
      this.message(line)
      this.end()
    } else {
      this.respond.body(status, [...BODY, ...headers], line)
      this.finish()
    }
  }

  end(): void {
    this.begin()
    void this.last.then(() => this.respond.end('complete')).then(this.finish)
  }

  /** The client has left. */
  abandon(): void {
    this.finish()
  }
}

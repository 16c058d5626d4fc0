import type { Session, VerifiedContext } from '../../src/session/api.ts'
import { toCountersignError } from '../../src/support/errors.ts'

/** What one call sends and what it asks for: sizes in bytes, times in milliseconds. */
export interface Plan {
  readonly id: string
  readonly request: number
  readonly answer: number
  /** Events before the answer: 0 is an answer in one piece. */
  readonly events: number
  readonly work: number
}

const SERVER = 'world'
const EMPTY = new Uint8Array(0)
const bytes = (text: string): Uint8Array => new TextEncoder().encode(text)

function requestOf({ id, request, ...asked }: Plan): Uint8Array {
  const params = JSON.stringify({ ...asked, pad: 'q'.repeat(request) })
  return bytes(`{"jsonrpc":"2.0","id":${id},"method":"tools/call","params":${params}}`)
}

/** Everything that the answer to a call consists of, in order. */
function answersTo({ id, answer, events }: Omit<Plan, 'request'>): string[] {
  const result = `{"jsonrpc":"2.0","id":${id},"result":"${'a'.repeat(answer)}"}`
  if (events === 0) return [result]
  const notes = Array.from(
    { length: events },
    (_, index) => `data: {"jsonrpc":"2.0","method":"notifications/note","params":"${index} ${'n'.repeat(answer)}"}\n\n`,
  )
  return [...notes, `data: ${result}\n\n`]
}

/** The gateway's side: executes each request once, and counts. */
export class Work {
  readonly executed = new Map<string, number>()
  /** Runs before a context is taken: a slow consumer. */
  taking: () => Promise<void> = () => Promise.resolve()

  readonly serve = (session: Session): void => {
    const cancelled = new Set<number>()
    session.receive(async (context) => {
      await this.taking()
      const { kind, exchange } = context.statement
      if (kind === 'cancel') cancelled.add(exchange)
      if (kind === 'request') void this.answer(session, context, () => cancelled.has(exchange))
    })
  }

  /** Never rejects: whatever happens, there is one `end`, unless the session is over. */
  private async answer(session: Session, context: VerifiedContext, cancelled: () => boolean): Promise<void> {
    const { id = '', exchange } = context.statement
    this.executed.set(id, (this.executed.get(id) ?? 0) + 1)
    const { params } = JSON.parse(Buffer.from(context.body).toString())
    await new Promise((resolve) => setTimeout(resolve, params.work))
    const where = { server: SERVER, exchange, head: EMPTY, req: context.digest }
    const answers = cancelled() ? [] : answersTo({ ...params, id })
    const kind = params.events === 0 ? 'response' : 'event'
    const leaving = answers.map((body) => session.send({ kind, ...where, body: bytes(body) }))
    let reason = cancelled() ? 'cancelled' : 'complete'
    let ending = session.send({ kind: 'end', ...where, body: EMPTY, end: { events: answers.length, reason } })
    // As the real one does: what could not be signed is made known by an `end`, as often as it takes.
    for (;;) {
      const results = await Promise.allSettled([ending, ...leaving.splice(0)])
      const [ended] = results
      if (ended.status === 'fulfilled' || codeOf(ended.reason) === 'session-closed') return
      if (codeOf(ended.reason) !== 'signer-unavailable') return
      reason = 'broken'
      ending = session.send({ kind: 'end', ...where, body: EMPTY, end: { events: 0, reason } })
    }
  }
}

/** One call and all that became of it. */
export class Call {
  readonly plan: Plan
  readonly exchange: number
  readonly abort = new AbortController()
  readonly outcomes: string[] = []
  readonly got: string[] = []
  /** Of its request's statement, once that was sent. */
  digest: string | undefined
  readonly settled: Promise<void>
  private resolve: () => void = () => {}

  constructor(plan: Plan, exchange: number) {
    this.plan = plan
    this.exchange = exchange
    this.settled = new Promise((resolve) => (this.resolve = resolve))
  }

  settle(outcome: string): void {
    this.outcomes.push(outcome)
    this.resolve()
  }

  /** `answered` for exactly the right answer, else what is wrong with it. */
  judge(reason: string | undefined): string {
    const right = answersTo(this.plan)
    if (this.got.length === right.length && this.got.every((one, index) => one === right[index])) return 'answered'
    const part = this.got.every((one) => right.includes(one))
    if (!part || new Set(this.got).size < this.got.length) return 'wrong answer'
    return reason === 'complete' && this.got.length === right.length ? 'wrong answer' : `not answered: ${reason}`
  }
}

/** The client's side of one session: its calls, by exchange. */
export class Line {
  readonly session: Session
  readonly calls: Call[] = []
  /** Somebody did what may cost calls their outcome. */
  restarted = false
  closed = false
  over = false
  /** Runs before a context is taken: a slow consumer. */
  taking: () => Promise<void> = () => Promise.resolve()
  private readonly open = new Map<number, Call>()

  constructor(session: Session) {
    this.session = session
    session.receive(async (context) => {
      await this.taking()
      this.take(context)
    })
    void session.closed.then(() => {
      this.over = true
      // What was sent and not answered; what was not sent says so itself.
      for (const call of this.open.values()) if (call.digest !== undefined) this.finish(call, 'outcome-unknown')
    })
  }

  /** Never rejects; the call is settled once. */
  async call(plan: Plan): Promise<void> {
    const { session } = this
    const call = new Call(plan, session.nextExchange())
    this.calls.push(call)
    this.open.set(call.exchange, call)
    const where = { server: SERVER, exchange: call.exchange, head: EMPTY }
    try {
      const sent = await session.send({ kind: 'request', ...where, body: requestOf(plan) }, call.abort.signal)
      call.digest = sent.digest
      if (this.over && this.open.has(call.exchange)) this.finish(call, 'outcome-unknown')
      else if (call.abort.signal.aborted) this.sendCancel(call)
    } catch (error) {
      // Also where it was answered already: then it has two outcomes, and that is found.
      this.finish(call, codeOf(error))
    }
  }

  cancel(call: Call): void {
    if (call.abort.signal.aborted || call.outcomes.length > 0) return
    call.abort.abort()
    if (call.digest !== undefined) this.sendCancel(call)
  }

  private sendCancel({ exchange, digest }: Call): void {
    const req = digest === undefined ? {} : { req: digest }
    // A cancel that could not be signed is only a call that goes on.
    this.session.send({ kind: 'cancel', server: SERVER, exchange, head: EMPTY, body: EMPTY, ...req }).catch(() => {})
  }

  private take({ statement, body }: VerifiedContext): void {
    const call = this.open.get(statement.exchange)
    if (statement.kind === 'end') {
      if (call !== undefined) this.finish(call, call.judge(statement.end?.reason))
      return
    }
    // An answer to a call that has its outcome must not vanish unseen; one that was verified before the end of the session may.
    if (call === undefined && !this.over)
      this.calls.find(({ exchange }) => exchange === statement.exchange)?.settle('late answer')
    call?.got.push(Buffer.from(body).toString())
  }

  private finish(call: Call, outcome: string): void {
    this.open.delete(call.exchange)
    call.settle(outcome)
  }
}

function codeOf(error: unknown): string {
  return toCountersignError(error).code
}

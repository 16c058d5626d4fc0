import { type ChildProcess, fork } from 'node:child_process'
import {
  type Holds,
  type Operation,
  type Params,
  parseReply,
  parseResult,
  type Result,
} from '../../contracts/keyProcess.ts'
import { fromWire, type WireSentence } from '../../contracts/wireSentence.ts'
import { CountersignError, toCountersignError } from '../../support/errors.ts'
import { type Filling, said, type Sentence } from '../../support/l10n.ts'
import { type Deadlines, KEYPAD_MS } from './deadlines.ts'
import { keyProcessEnvironment } from './environment.ts'

interface Pending {
  readonly operation: Operation
  readonly keypad: boolean
  /** Milliseconds that it may take. */
  limit: number
  /** Undefined before its time has begun. */
  timer: NodeJS.Timeout | undefined
  /** Parses the result; throws `key-process-reply` where it is not one. */
  readonly accept: (result: unknown) => void
  readonly fail: (error: CountersignError) => void
}

/** Between asking a process to end and killing it: time for C_Logout and C_Finalize, not for a module that hangs. */
const GRACE_MS = 1_000
/** A process that answers each of these many requests late or not at all is broken; more would only pile up. */
const MAX_PENDING = 256

/**
 * One running key process. Every reply is parsed as if the process were hostile; the first that is not as it should be
 * ends it. Once ended, a connection stays ended: the supervisor makes a new one.
 */
export class Connection {
  private readonly child: ChildProcess
  private readonly deadlines: Deadlines
  private readonly pending = new Map<number, Pending>()
  private readonly onEnd: (error: CountersignError) => void
  private nextId = 1
  private end: CountersignError | undefined
  /** Resolves when the process is gone, not only told to go. */
  readonly exited: Promise<void>

  /** Starts a process; `start` tells it what to hold. */
  constructor(path: string, holds: Holds, deadlines: Deadlines, onEnd: (error: CountersignError) => void) {
    this.deadlines = deadlines
    this.onEnd = onEnd
    this.child = fork(path, [], {
      // Typed arrays cross as bytes; JSON would turn a PIN into a string that nobody can wipe.
      serialization: 'advanced',
      env: keyProcessEnvironment(holds, process.env),
      // Not inherited: with the editor's --inspect anybody could attach a debugger to the process that holds the keys.
      execArgv: [],
      // A module that prints must not write into the standard output of a gateway, nor a PIN into its log.
      stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
    })
    this.exited = new Promise((resolve) => {
      this.child.once('exit', () => resolve())
      // A process that could not be started never exits.
      this.child.once('error', () => resolve())
    })
    this.child.on('message', (raw) => this.receive(raw))
    this.child.on('error', (cause) => this.finish(gone(said('could not be started'), cause)))
    this.child.on('exit', (code, signal) => {
      const how = signal === null ? `ended with exit code ${code}` : `was ended by ${signal}`
      this.finish(gone(said`${how}${this.unanswered()}`))
    })
    this.rest()
  }

  /**
   * The first call. A process that holds nothing is ended.
   * @throws CountersignError of the module (`module-load`, …), `key-process-gone`, `signer-timeout`
   */
  async start(holds: Holds): Promise<void> {
    try {
      await this.call('start', { holds })
    } catch (thrown) {
      this.close(toCountersignError(thrown))
      throw thrown
    }
  }

  get alive(): boolean {
    return this.end === undefined
  }

  get pid(): number | undefined {
    return this.child.pid
  }

  /**
   * Sends one request and waits for its reply. An abort stops the waiting, not the token: the reply is dropped.
   * @param begins when its time begins, where it waits for another request that has a time of its own
   * @throws CountersignError of the process, `key-process-gone`, `key-process-reply`, `signer-timeout`, `cancelled`
   */
  call<O extends Operation>(
    operation: O,
    params: Params<O>,
    signal?: AbortSignal,
    begins?: Promise<unknown>,
  ): Promise<Result<O>> {
    return new Promise((resolve, reject) => {
      if (this.end !== undefined) return reject(this.end)
      if (signal?.aborted === true) return reject(cancelled())
      if (this.pending.size >= MAX_PENDING) {
        return reject(
          new CountersignError('limit', 'Too many requests wait for the key process. Try again in a moment.'),
        )
      }
      const id = this.nextId++
      const onAbort = () => reject(cancelled())
      signal?.addEventListener('abort', onAbort, { once: true })
      // The one parameter that can be null is a PIN that comes from the keypad.
      const asks = Object.values(params).includes(null)
      const keypad = asks || [...this.pending.values()].some((other) => other.keypad)
      if (asks) for (const other of this.pending.values()) this.prolong(other)
      const limit = this.deadlines[operation] + (keypad ? KEYPAD_MS : 0)
      const waiting: Pending = {
        operation,
        keypad,
        limit,
        timer: undefined,
        accept: (result) => {
          const parsed = parseResult(operation, result)
          signal?.removeEventListener('abort', onAbort)
          resolve(parsed)
        },
        fail: (error) => {
          signal?.removeEventListener('abort', onAbort)
          reject(error)
        },
      }
      this.pending.set(id, waiting)
      if (begins === undefined) this.startTime(waiting)
      else void begins.then(() => this.pending.has(id) && this.startTime(waiting))
      this.wake()
      this.child.send({ id, operation, params }, (error) => {
        if (error !== null) this.kill(gone(said('does not take requests any more'), error))
      })
    })
  }

  /** Ends the process at once, because of something that it did or did not do. */
  kill(error: CountersignError): void {
    this.child.kill('SIGKILL')
    this.finish(error)
  }

  /** Lets the process log out and end by itself; kills it where it does not. */
  close(error: CountersignError): void {
    // Whoever waits for the end of the process has to see it, however slowly it goes.
    this.child.ref()
    if (this.child.connected) this.child.disconnect()
    const timer = setTimeout(() => this.child.kill('SIGKILL'), GRACE_MS)
    this.child.once('exit', () => clearTimeout(timer))
    this.finish(error)
  }

  private startTime(waiting: Pending): void {
    clearTimeout(waiting.timer)
    waiting.timer = setTimeout(() => this.kill(timedOut(waiting.operation, waiting.limit)), waiting.limit)
  }

  private prolong(waiting: Pending): void {
    waiting.limit = this.deadlines[waiting.operation] + KEYPAD_MS
    if (waiting.timer !== undefined) this.startTime(waiting)
  }

  private receive(raw: unknown): void {
    if (this.end !== undefined) return
    try {
      const reply = parseReply(raw)
      const waiting = this.pending.get(reply.id)
      if (waiting === undefined) throw badReply(said('answered a request that nobody made'))
      if (reply.ok) waiting.accept(reply.result)
      else waiting.fail(toError(reply.error))
      this.pending.delete(reply.id)
      clearTimeout(waiting.timer)
      this.rest()
    } catch (thrown) {
      this.kill(toCountersignError(thrown))
    }
  }

  private finish(error: CountersignError): void {
    if (this.end !== undefined) return
    this.end = error
    for (const { timer, fail } of this.pending.values()) {
      clearTimeout(timer)
      fail(error)
    }
    this.pending.clear()
    this.onEnd(error)
  }

  private unanswered(): Filling {
    const [first] = this.pending.values()
    if (first === undefined) return ''
    return first.operation === 'sign'
      ? said(' in the middle of a signature')
      : said` while it worked on "${first.operation}"`
  }

  /** A program that has nothing else to do may end while a key process idles; it must not while it waits for a reply. */
  private wake(): void {
    this.child.ref()
    this.child.channel?.ref()
  }

  private rest(): void {
    if (this.pending.size > 0) return
    this.child.unref()
    this.child.channel?.unref()
  }
}

function toError(error: { code: CountersignError['code']; sentence: WireSentence; ckr?: number }): CountersignError {
  const cause = error.ckr === undefined ? undefined : { ckr: error.ckr }
  return new CountersignError(error.code, fromWire(error.sentence), { cause })
}

function gone(how: Sentence, cause?: unknown): CountersignError {
  return new CountersignError('key-process-gone', said`The key process ${how}. The next use starts a new one.`, {
    cause,
  })
}

export function badReply(what: Sentence): CountersignError {
  return new CountersignError(
    'key-process-reply',
    said`The key process ${what}; it was ended. Check the PKCS#11 module.`,
  )
}

function timedOut(operation: Operation, after: number): CountersignError {
  const seconds = after / 1000
  const sentence =
    operation === 'sign'
      ? said`The key process did not sign within ${seconds} s and was ended. Check the token and its connection.`
      : said`The key process did not answer "${operation}" within ${seconds} s and was ended. Check the token and its connection.`
  return new CountersignError('signer-timeout', sentence)
}

export function cancelled(): CountersignError {
  return new CountersignError('cancelled', 'The request was cancelled.')
}

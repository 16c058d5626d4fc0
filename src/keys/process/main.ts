import {
  type Handlers,
  type Operation,
  OPERATIONS,
  parseParams,
  parseRequest,
  type Result,
} from '../../contracts/keyProcess.ts'
import { wipe } from '../../crypto/random.ts'
import { CountersignError, toCountersignError } from '../../support/errors.ts'
import { said } from '../../support/l10n.ts'
import { createHolder, type Holder } from './holder.ts'
import { wireError } from './wireError.ts'

/**
 * Entry of `dist/keyProcess.js`, forked by the supervisor in keys/hsm. It holds one PKCS#11 module or the vault, answers
 * the messages of contracts/keyProcess.ts over its IPC channel, and has no other input: no network, no standard input.
 *
 * No SIGTERM handler, on purpose: the default ends the process at once, also while a module blocks the event loop.
 */
let holder: Holder | undefined

/** Until `start` said what to hold, there is nothing else to ask for. */
let handlers: Partial<Handlers> = {
  start: ({ holds }) => {
    holder = createHolder(holds)
    handlers = holder.handlers
    return holder.start()
  },
}

async function handle<O extends Operation>(operation: O, raw: unknown): Promise<Result<O>> {
  const handler = handlers[operation]
  if (handler === undefined) throw new CountersignError('usage', said`This key process does not answer "${operation}".`)
  return handler(parseParams(operation, raw))
}

async function answer(raw: unknown): Promise<void> {
  // A request that cannot be read has no id to answer to; its sender is broken, and waits no longer if we end.
  let request: ReturnType<typeof parseRequest>
  try {
    request = parseRequest(raw)
  } catch {
    return stop(2)
  }
  try {
    send({ id: request.id, ok: true, result: await handle(request.operation, request.params) })
  } catch (thrown) {
    wipeSecrets(request.params)
    send({ id: request.id, ok: false, error: wireError(toCountersignError(thrown, 'The key process failed.')) })
  }
}

/** Whatever went wrong, and also where parsing refused the request before anybody took over its secrets. */
function wipeSecrets(params: unknown): void {
  if (typeof params !== 'object' || params === null) return
  for (const value of Object.values(params)) {
    if (value instanceof Uint8Array) wipe(value)
    else wipeSecrets(value)
  }
}

function send(reply: object): void {
  process.send?.(reply, undefined, undefined, (error) => {
    if (error !== null) stop(0)
  })
}

function stop(code: number): void {
  holder?.dispose()
  process.exit(code)
}

if (process.send === undefined) {
  process.stderr.write(
    `The key process is started by Countersign; it answers ${Object.keys(OPERATIONS).length} messages.\n`,
  )
  process.exit(64)
}
// The channel ends with the parent, however it ends: without this line an unlocked token would outlive the editor.
process.on('disconnect', () => stop(0))
// Node opens a debugger on SIGUSR1, through which anybody who may send a signal could read the keys. A listener replaces that.
if (process.platform !== 'win32') process.on('SIGUSR1', () => {})
process.on('message', (raw) => void answer(raw))

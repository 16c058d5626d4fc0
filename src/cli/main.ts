import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { CountersignError, toCountersignError } from '../support/errors.ts'
import { StreamLog } from '../support/log.ts'
import { runAnnounce } from './announce.ts'
import { runConnect } from './connect.ts'
import { runExport } from './export.ts'
import type { CliContext } from './endpoint.ts'
import { runGateway } from './gateway.ts'
import { runIdentity } from './identity.ts'
import { runJournal } from './journal.ts'
import { runOwnKeys } from './ownKeys.ts'
import { runRotate } from './rotate.ts'
import { runTrust } from './trust.ts'
import { runVerify } from './verify.ts'

/** `countersign`: the composition root of the command line. Each command says on standard output only what it is asked for. */
const USAGE = `countersign: post-quantum sessions between agents and MCP servers, every context signed

  countersign identity create|show …                        make or show a key
  countersign identity rotate|announce …                    let one key follow another, and tell a gateway
  countersign identity retire|revoke|ring …                 end a key, print the windows of those that ended
  countersign gateway --config FILE [--stdio]               stand in front of MCP servers
  countersign authorize --config FILE --server NAME         let a gateway use a server that asks for OAuth
  countersign connect --server NAME [--config FILE] …       be an MCP server for one agent
  countersign trust list|confirm|refuse …                   decide about keys that follow those of clients
  countersign export --config FILE --out FILE …             hand evidence to an outsider, as one signed file
  countersign verify [--trust KID|FILE]… FILE…              verify evidence offline
  countersign journal keygen|decrypt|list …                 keys to encrypt journals to, what is in them, who writes them

Say "countersign COMMAND --help" for more.`

const COMMANDS = ['identity', 'gateway', 'authorize', 'connect', 'trust', 'export', 'verify', 'journal']

const keyProcessPath = fileURLToPath(new URL('./keyProcess.js', import.meta.url))
const log = new StreamLog((line) => process.stderr.write(line))
const io = {
  stdout: (line: string) => void process.stdout.write(`${line}\n`),
  stderr: (line: string) => void process.stderr.write(`${line}\n`),
}

/** For commands whose output may be longer than whoever reads it is fast. */
const long = {
  ...io,
  drained: async () => {
    if (process.stdout.writableNeedDrain) await once(process.stdout, 'drain')
  },
  ...(process.stderr.isTTY && { progress: (text: string) => void process.stderr.write(`\r\u001b[K${text}`) }),
}

const context: CliContext = { ...io, log, keyProcessPath }

// Whoever read our output may be gone, the log's reader first of all: that is no reason for a gateway to end.
for (const stream of [process.stdout, process.stderr]) stream.on('error', () => {})

async function main([command, ...rest]: readonly string[]): Promise<number> {
  switch (command) {
    case 'identity':
      return identity(rest)
    case 'trust':
      return runTrust(rest, context)
    case 'gateway':
      return runGateway(rest, context)
    case 'authorize':
      // Loads the libraries of OAuth, which no other command needs.
      return (await import('./authorize.ts')).runAuthorize(rest, context)
    case 'connect':
      return runConnect(rest, context)
    case 'journal':
      return runJournal(rest, io)
    case 'export':
      return runExport(rest, context)
    case 'verify':
      return runVerify(rest, long)
    case '--help':
    case 'help':
      io.stdout(USAGE)
      return 0
    case undefined:
    default:
      throw new CountersignError(
        'usage',
        command === undefined ? 'Say what to do.' : `There is no command "${command}".`,
      )
  }
}

/** Where to read on: what was wrong must not scroll away above the help of other commands. */
function hint([command = '', verb = '']: readonly string[]): string {
  if (!COMMANDS.includes(command)) return USAGE
  const words = command === 'identity' && /^[a-z]+$/.test(verb) ? `${command} ${verb}` : command
  return `Say "countersign ${words} --help" for its arguments.`
}

async function identity(argv: readonly string[]): Promise<number> {
  const [verb, ...rest] = argv
  switch (verb) {
    case 'rotate':
      return runRotate(rest, context)
    case 'announce':
      return runAnnounce(rest, context)
    case 'retire':
    case 'revoke':
    case 'ring':
      return runOwnKeys(verb, rest, context)
    case undefined:
    default:
      return runIdentity(argv, io, keyProcessPath)
  }
}

const argv = process.argv.slice(2).map((word) => (word === '-h' ? '--help' : word))
try {
  process.exitCode = await main(argv)
} catch (thrown) {
  const error = toCountersignError(thrown)
  io.stderr(`countersign: ${error.message} [${error.code}]`)
  if (error.code === 'usage') io.stderr(hint(argv))
  process.exitCode = error.code === 'usage' ? 2 : 1
}

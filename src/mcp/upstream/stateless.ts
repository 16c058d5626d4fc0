import { CountersignError } from '../../support/errors.ts'
import type { ExchangeRequest } from '../exchange/gateway.ts'
import { header } from '../exchange/head.ts'
import { decodeHeaderText, repeatedMember } from '../exchange/mcpHeaders.ts'
import { type Message, STATELESS } from '../message.ts'
import { type Mirrored, MirroredArguments } from '../mirroredArguments.ts'

/** What is looked at of a request. */
export type HttpRequest = Pick<ExchangeRequest, 'headers' | 'body'>

const DATE = /^\d{4}-\d\d-\d\d$/
const MAX_VERSIONS = 64
const DECIMAL = /^-?\d{1,15}(\.0+)?$/

/**
 * Whether a request without an MCP session is one of the stateless revision: each of its messages says so itself. A version
 * that nobody knows counts too: its server has to say which ones it knows.
 */
export function isStateless(request: HttpRequest, { protocolVersion }: Message): boolean {
  if (protocolVersion !== undefined) return !DATE.test(protocolVersion) || protocolVersion >= STATELESS
  const named = header(request.headers, 'mcp-protocol-version')
  return named !== undefined && DATE.test(named) && named >= STATELESS
}

/**
 * What the HTTP end of a server owes in the stateless revision, where that end is ours because the server speaks stdio. What
 * has to be known of the server for it is read from its answers that come by.
 */
export class StatelessFront {
  private readonly mirrored = new MirroredArguments()
  private versions: readonly string[] | undefined

  /**
   * Holds the headers of a request against its body; one without its envelope goes no further.
   * @throws CountersignError `envelope-missing`, `header-mismatch`
   */
  check(request: HttpRequest, message: Message): void {
    if (message.kind !== 'request') return
    checkEnvelope(request, message)
    checkMirrored(request, message.method === 'tools/call' ? this.mirrored.of(message.name, request.body) : [])
  }

  /** The versions that the server has, if this message is of none of them: a stdio server may have stopped looking. */
  supportedInstead({ protocolVersion = '' }: Message): readonly string[] | undefined {
    return this.versions?.includes(protocolVersion) === false ? this.versions : undefined
  }

  /** What wants to see the answer to a request of this method. */
  learner(method: string | undefined): ((answer: Uint8Array) => void) | undefined {
    if (method === 'tools/list') return (answer) => this.mirrored.learn(answer)
    if (method === 'server/discover') return (answer) => this.discovered(answer)
    return undefined
  }

  private discovered(answer: Uint8Array): void {
    const { result }: { result?: { supportedVersions?: unknown } } = JSON.parse(Buffer.from(answer).toString('utf8'))
    const versions = result?.supportedVersions
    if (!Array.isArray(versions)) return
    this.versions = versions.filter((version): version is string => typeof version === 'string').slice(0, MAX_VERSIONS)
  }
}

function checkEnvelope(request: HttpRequest, message: Message): void {
  if (message.protocolVersion === undefined || message.hasCapabilities !== true) {
    const sentence = 'The request lacks protocolVersion or clientCapabilities in its _meta. It was not passed on.'
    throw new CountersignError('envelope-missing', sentence)
  }
  const { headers } = request
  if (header(headers, 'mcp-protocol-version') !== message.protocolVersion) throw differs('MCP-Protocol-Version')
  // Those that are there were compared when the request came.
  if (header(headers, 'mcp-method') === undefined) throw differs('Mcp-Method')
  if (repeatedMember(message) !== undefined && header(headers, 'mcp-name') === undefined) throw differs('Mcp-Name')
}

function checkMirrored({ headers }: HttpRequest, mirrored: readonly Mirrored[]): void {
  for (const { header: name, value } of mirrored) {
    const said = decodeHeaderText(header(headers, name) ?? '')
    const same = typeof value === 'number' && DECIMAL.test(said ?? '') ? Number(said) === value : said === String(value)
    if (!same || header(headers, name) === undefined) throw differs(name)
  }
}

/** Codes of answers to which the stateless revision gives an HTTP status of their own. */
const STATUS: ReadonlyMap<unknown, number> = new Map([
  [-32700, 400],
  [-32600, 400],
  [-32601, 404],
  [-32020, 400],
  [-32021, 400],
  [-32022, 400],
])

/** The HTTP status of an answer of a stdio server that is an error. */
export function statusOfError(answer: Uint8Array): number {
  const { error }: { error?: { code?: unknown } } = JSON.parse(Buffer.from(answer).toString('utf8'))
  return STATUS.get(error?.code) ?? 200
}

function differs(name: string): CountersignError {
  return new CountersignError(
    'header-mismatch',
    `The header ${name} is not what the message says. It was not passed on.`,
  )
}

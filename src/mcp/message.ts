import { isUtf8 } from 'node:buffer'
import { walkJson } from '../contracts/jsonWalk.ts'
import { CountersignError } from '../support/errors.ts'
import { said, type Sentence } from '../support/l10n.ts'

/**
 * What must be known of a JSON-RPC message to route it. Nothing is built from the rest of it, and what is forwarded are
 * always the bytes that came.
 */
export interface Message {
  readonly kind: 'request' | 'notification' | 'response' | 'batch'
  readonly method?: string
  /** A response with an error. */
  readonly failed?: boolean
  /** The exact JSON token, quotes included, as all tokens here. */
  readonly id?: string
  /** `params._meta.progressToken` of a request, `params.progressToken` of a progress notification. */
  readonly progressToken?: string
  /** `params.requestId` of `notifications/cancelled`. */
  readonly requestId?: string
  /** `params._meta["io.modelcontextprotocol/subscriptionId"]`: the id of the `subscriptions/listen` it belongs to. */
  readonly subscription?: string
  /** Texts, not tokens. */
  readonly name?: string
  readonly uri?: string
  readonly protocolVersion?: string
  /** `params._meta["io.modelcontextprotocol/clientCapabilities"]` is there. */
  readonly hasCapabilities?: boolean
}

/** The revision from which every request stands alone: no `initialize`, no session id, and leaving a request cancels it. */
export const STATELESS = '2026-07-28'

const MAX_DEPTH = 512
const MAX_TOKEN = 1024

/** Members that decide something here. One that is there twice is refused: two parsers would read two messages. */
const MEMBERS: Readonly<Record<string, string>> = {
  jsonrpc: 'jsonrpc',
  id: 'id',
  method: 'method',
  params: 'params',
  result: 'result',
  error: 'error',
  'params/name': 'name',
  'params/arguments': 'arguments',
  'params/uri': 'uri',
  'params/requestId': 'requestId',
  'params/progressToken': 'ownProgressToken',
  'params/_meta': '_meta',
  'params/_meta/progressToken': 'progressToken',
  'params/_meta/io.modelcontextprotocol~1protocolVersion': 'protocolVersion',
  'params/_meta/io.modelcontextprotocol~1clientCapabilities': 'clientCapabilities',
  'params/_meta/io.modelcontextprotocol~1subscriptionId': 'subscription',
}

/** @throws CountersignError `context-refused` for what is not one JSON object or array in UTF-8, or has a member above twice */
export function readMessage(bytes: Uint8Array): Message {
  if (!isUtf8(bytes)) throw refused(said('is not UTF-8'))
  const found = new Map<string, string>()
  let batch = false
  const path: (string | undefined)[] = []
  try {
    walkJson(
      bytes,
      {
        open(depth, isObject) {
          path.length = depth
          if (depth === 1) batch = !isObject
          path[depth] = undefined
        },
        name(depth, start, end, escaped) {
          if (depth > 3) return
          const raw = slice(bytes, start, end)
          const name = escaped ? text(`"${raw}"`) : raw
          // As in a JSON pointer (RFC 6901, section 3). Without ~0 a member that is named "a~1b" would be taken for "a/b".
          path[depth] = name.replaceAll('~', '~0').replaceAll('/', '~1')
        },
        value(depth, start, end) {
          if (depth === 0 || depth > 3 || batch) return
          const member = memberAt(path, depth)
          if (member === undefined) return
          if (found.has(member)) throw refused(said`has "${member}" twice`)
          found.set(member, end - start > MAX_TOKEN ? '' : slice(bytes, start, end))
        },
      },
      { maxDepth: MAX_DEPTH, wellFormed: false },
    )
  } catch (thrown) {
    if (thrown instanceof CountersignError && thrown.code === 'decode') throw refused(said('is not valid JSON'), thrown)
    throw thrown
  }
  if (batch) return { kind: 'batch' }
  return describe(found)
}

/**
 * What is to be read of a server's line, for routing only. Agents read broken UTF-8 as this does, so a call is answered that would
 * otherwise wait for ever.
 */
export function legible(line: Uint8Array): Uint8Array {
  return isUtf8(line) ? line : Buffer.from(Buffer.from(line).toString('utf8'))
}

/** Equal for two spellings of one id (`"a"` and `"\u0061"`, `1` and `1.0`): a server may answer in another than it was asked in. */
export function tokenKey(token: string): string {
  return JSON.stringify(JSON.parse(token))
}

/** The id token of the message if it wants an answer; undefined for all else, also for what cannot be read. Never throws. */
export function answerId(bytes: Uint8Array): string | undefined {
  try {
    const message = readMessage(bytes)
    return message.kind === 'request' ? message.id : undefined
  } catch {
    return undefined
  }
}

function memberAt(path: readonly (string | undefined)[], depth: number): string | undefined {
  const names = path.slice(1, depth + 1)
  if (names.some((name) => name === undefined)) return undefined
  const key = names.join('/')
  return Object.hasOwn(MEMBERS, key) ? MEMBERS[key] : undefined
}

function describe(found: ReadonlyMap<string, string>): Message {
  const method = asText(found.get('method'))
  const id = scalar(found.get('id'))
  if (found.get('method') !== undefined && method === undefined) throw refused(said('has a method that is no text'))
  const answers = found.has('result') || found.has('error')
  if (method === undefined && !answers) throw refused(said('is neither a request nor an answer'))
  const progressToken = scalar(found.get('progressToken')) ?? scalar(found.get('ownProgressToken'))
  const optional = {
    method,
    id,
    progressToken,
    requestId: scalar(found.get('requestId')),
    subscription: scalar(found.get('subscription')),
    name: asText(found.get('name')),
    uri: asText(found.get('uri')),
    protocolVersion: asText(found.get('protocolVersion')),
  }
  const kind = method === undefined ? 'response' : id === undefined ? 'notification' : 'request'
  const known = Object.entries(optional).filter(([, value]) => value !== undefined)
  return {
    kind,
    failed: found.has('error'),
    ...(found.has('clientCapabilities') ? { hasCapabilities: true } : {}),
    ...(Object.fromEntries(known) as Partial<Record<keyof typeof optional, string>>),
  }
}

/** Strings and numbers: the only ids and tokens there are. */
function scalar(token: string | undefined): string | undefined {
  return token !== undefined && /^["\-0-9]/.test(token) ? token : undefined
}

function asText(token: string | undefined): string | undefined {
  return token?.startsWith('"') === true ? text(token) : undefined
}

function text(token: string): string {
  const parsed: unknown = JSON.parse(token)
  return typeof parsed === 'string' ? parsed : ''
}

function slice(bytes: Uint8Array, start: number, end: number): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset + start, end - start).toString('utf8')
}

function refused(how: Sentence, cause?: unknown): CountersignError {
  return new CountersignError('context-refused', said`The message ${how}. It was not passed on.`, { cause })
}

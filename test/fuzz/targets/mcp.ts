import { asBytes, asList, decodeCbor, encodeCbor } from '../../../src/contracts/cbor.ts'
import { concat } from '../../../src/crypto/encoding.ts'
import { isOneEvent } from '../../../src/evidence/eventData.ts'
import { questionOf } from '../../../src/extension/evidence/question.ts'
import { Tokens } from '../../../src/mcp/bridge/tokens.ts'
import { statusError } from '../../../src/mcp/client/statusError.ts'
import {
  allowedHeaders,
  decodeRequestHead,
  decodeResponseHead,
  encodeRequestHead,
  encodeResponseHead,
  isRequestHeader,
  mediaType,
} from '../../../src/mcp/exchange/head.ts'
import { checkMcpHeaders } from '../../../src/mcp/exchange/mcpHeaders.ts'
import { messageEvent, readEvent, SseSplitter } from '../../../src/mcp/exchange/sse.ts'
import { encodeGrant, parseGrant } from '../../../src/mcp/upstream/oauth/grantFile.ts'
import { LineSplitter } from '../../../src/mcp/lines.ts'
import { exact, must, mustBeBytes, parses, sameInPieces, stable, type Target } from '../engine/target.ts'
import { ANSWER, CALL, HEAD, json, NOTE, text } from './samples.ts'

const event = messageEvent(ANSWER)
const stream = concat(event, text(': ping\n\n'), messageEvent(NOTE), text('data: a\r\n\r\nid: 1\rdata\r\rdata: b\n\n'))
const STREAM_TOKENS = ['\n', '\r', '\r\n', '\n\n', '\r\r\n', 'data: x', ':', 'id: 1\0', '\xef\xbb\xbf', '\xef\xbb']
const LIMIT = 4096
const grant = {
  v: 1,
  url: 'https://h/mcp',
  issuer: 'https://i',
  authorizationEndpoint: 'https://i/a',
  tokenEndpoint: 'https://i/t',
  tokenMethods: ['none'],
  clientId: 'c',
  clientSecret: 's',
  clientMethod: 'none',
  resource: 'https://h/mcp',
  scope: 'a b',
  access: 'token',
  refresh: 'token',
  expires: 1,
}
const called = encodeCbor([
  'POST',
  [
    ['mcp-method', 'tools/call'],
    ['mcp-name', '=?base64?cmVhZA==?='],
  ],
])
const answered = encodeCbor([
  200,
  [
    ['content-type', 'text/event-stream; a=b'],
    ['mcp-session-id', 'x'],
    ['allow', 'GET, POST'],
  ],
])
const bare = encodeCbor(['GET', []])
const HEAD_TOKENS = [
  'mcp-',
  'mcp-param-',
  'mcp-session-id',
  'cookie',
  'accept',
  '\r\n',
  '\0',
  '\xff',
  '=?base64?',
  '?=',
  'PUT',
]
const lines = { name: 'lines', format: 'lines', codes: ['limit'], tokens: ['\n', '\r\n', '\r'] } as const

export const MCP: readonly Target[] = [
  {
    name: 'grant-file',
    format: 'json',
    codes: ['file-unreadable'],
    seeds: [json(grant)],
    tokens: [...Object.keys(grant), '__proto__', 'constructor', '\r\n', ' '],
    run: stable(
      (bytes) => {
        const read = parseGrant(Buffer.from(bytes).toString('utf8'))
        must(/^[\x21-\x7e]+$/.test(read.access), 'takes a token that would be two headers')
        return read
      },
      (value) => text(encodeGrant(value)),
    ),
  },
  {
    name: 'sse',
    format: 'bytes',
    codes: ['limit'],
    seeds: [event, stream, concat(text('\ufeff'), stream)],
    tokens: STREAM_TOKENS,
    run(bytes, random) {
      const events = sameInPieces(() => new SseSplitter(LIMIT), bytes, random)
      for (const one of events) {
        must(isOneEvent(one), 'cuts out what is not one event')
        readEvent(one)
      }
      const length = events.reduce((sum, { length }) => sum + length, 0)
      must(length <= bytes.length, 'gives more bytes than came')
    },
  },
  {
    name: 'sse-event',
    format: 'bytes',
    codes: [],
    seeds: [event, text('id:7\ndata')],
    tokens: STREAM_TOKENS,
    run: parses(readEvent),
  },
  {
    ...lines,
    seeds: [concat(CALL, text('\r\n\n'), NOTE, text('\n'))],
    run(bytes, random) {
      for (const line of sameInPieces(() => new LineSplitter(LIMIT), bytes, random))
        must(!line.includes(10), 'keeps a line end')
    },
  },
  {
    name: 'request-head',
    format: 'cbor',
    codes: ['decode'],
    seeds: [HEAD, called],
    tokens: HEAD_TOKENS,
    run: exact(decodeRequestHead, encodeRequestHead),
  },
  {
    name: 'response-head',
    format: 'cbor',
    codes: ['decode'],
    seeds: [answered, encodeCbor([599, []])],
    tokens: HEAD_TOKENS,
    run: exact(decodeResponseHead, (head) => {
      mediaType(head.headers)
      return encodeResponseHead(head)
    }),
  },
  {
    name: 'http-headers',
    format: 'bytes',
    codes: ['context-refused'],
    seeds: [text('Accept\nx\naccept\ny\nMcp-Session-Id\n1\nhost\nz'), text('content-type\na')],
    tokens: [...HEAD_TOKENS, '\n', 'Mcp-Session-Id\n', 'Accept\n'],
    // Whatever of an HTTP message is let through can be sent, and is read at the other end as the same.
    run: parses(
      (bytes) => allowedHeaders(Buffer.from(bytes).toString('latin1').split('\n'), isRequestHeader),
      (headers) => {
        if (headers.reduce((sum, [name, value]) => sum + name.length + 2 * value.length + 8, 0) > 16_000) return
        const bytes = encodeRequestHead({ method: 'GET', headers })
        mustBeBytes(encodeRequestHead(decodeRequestHead(bytes)), bytes, 'lets through headers that cannot travel')
      },
    ),
  },
  {
    name: 'mcp-headers',
    format: 'cbor',
    codes: ['decode', 'context-refused', 'header-mismatch'],
    seeds: [encodeCbor([called, CALL]), encodeCbor([bare, NOTE])],
    tokens: [...HEAD_TOKENS, 'tools/call', 'resources/read', 'read'],
    run: parses((bytes) => {
      const [head, body] = asList(decodeCbor(bytes, { bytes: 256 * 1024 }), 'A call', 2)
      const most = { max: 128 * 1024 }
      checkMcpHeaders(decodeRequestHead(asBytes(head, 'A head', most)), asBytes(body, 'A body', most))
    }),
  },
  {
    name: 'status-error',
    format: 'json',
    codes: [],
    seeds: [text('{"error":{"message":"no"}}')],
    tokens: ['\x1b[31m', '\\u202e'],
    run: parses(
      (body) => statusError('files', { kind: 'body', status: 500, headers: [], body }),
      ({ message }) =>
        must(message.length < 400 && !/[\x00-\x1f\x7f]/.test(message), 'passes on what could forge a log line'),
    ),
  },
  {
    name: 'question',
    format: 'json',
    codes: [],
    seeds: [CALL],
    run: parses((bytes) => questionOf('tools/call', bytes)),
  },
  {
    name: 'bearer',
    format: 'bytes',
    codes: [],
    seeds: [text('Bearer a-token')],
    run: (bytes) => {
      const tokens = new Tokens()
      tokens.accept('agent', 'a-token')
      const header = Buffer.from(bytes).toString('latin1')
      const known = /^bearer a-token$/i.test(header) && header.endsWith(' a-token')
      must((tokens.agentOf(header) === 'agent') === known, 'takes another header for the token')
    },
  },
]

import { describe, expect, it } from 'vitest'
import { encodeCbor } from '../../../src/contracts/cbor.ts'
import {
  allowedHeaders,
  decodeRequestHead,
  decodeResponseHead,
  encodeRequestHead,
  encodeResponseHead,
  isRequestHeader,
  isResponseHeader,
  mediaType,
} from '../../../src/mcp/exchange/head.ts'

describe('the headers that are tunnelled', () => {
  it('are those of the list, in lower case and in their order', () => {
    const raw = [
      'Host',
      'x',
      'Authorization',
      'Bearer x',
      'Cookie',
      'a=b',
      'ACCEPT',
      'a',
      'Content-Type',
      'b',
      'Mcp-Session-Id',
      'c',
    ]
    expect(allowedHeaders(raw, isRequestHeader)).toEqual([
      ['accept', 'a'],
      ['content-type', 'b'],
      ['mcp-session-id', 'c'],
    ])
    const answer = [
      'WWW-Authenticate',
      'Bearer',
      'Location',
      '/',
      'Set-Cookie',
      'a',
      'Content-Encoding',
      'gzip',
      'Retry-After',
      '3',
    ]
    expect(allowedHeaders(answer, isResponseHeader)).toEqual([['retry-after', '3']])
  })

  it.each([
    'authorization',
    'cookie',
    'host',
    'connection',
    'transfer-encoding',
    'content-length',
    'content-encoding',
    'origin',
    'referer',
    'x-forwarded-for',
    'mcp-',
    'mcp-a b',
    'Mcp-Upper',
    // CGI, WSGI and Rack make one variable of these and of mcp-session-id: the gateway would check one, the server read the other.
    'mcp-session_id',
    'mcp_session_id',
    'mcp-session.id',
  ])('never include %s', (name) => {
    expect(isRequestHeader(name)).toBe(false)
    expect(isResponseHeader(name)).toBe(false)
  })

  it('include what a tool names its parameters', () => {
    expect(isRequestHeader('mcp-param-user_id')).toBe(true)
    expect(isRequestHeader('mcp-param-')).toBe(false)
  })

  it('are refused when a singleton comes twice, in any case, and joined when it is a list', () => {
    expect(() => allowedHeaders(['Mcp-Session-Id', 'a', 'mcp-session-id', 'b'], isRequestHeader)).toThrow(
      expect.objectContaining({ code: 'context-refused' }),
    )
    expect(allowedHeaders(['Accept', 'a', 'accept', 'b'], isRequestHeader)).toEqual([['accept', 'a, b']])
  })

  it.each(['a\rb', 'a\nb', 'a\0b', 'snow \u2603', '\u007f'])('are refused with the value %j', (value) => {
    expect(() => allowedHeaders(['accept', value], isRequestHeader)).toThrow(/cannot be tunnelled/)
    expect(() => encodeResponseHead({ status: 200, headers: [['content-type', value]] })).toThrow(/cannot be tunnelled/)
    expect(() => decodeRequestHead(encodeCbor(['POST', [['accept', value]]]))).toThrow(
      expect.objectContaining({ code: 'decode' }),
    )
  })
})

describe('a head', () => {
  it('comes back as it was', () => {
    const request = {
      method: 'POST',
      headers: [
        ['accept', 'x'],
        ['mcp-name', 'caf\u00e9'],
      ],
    } as const
    expect(decodeRequestHead(encodeRequestHead(request))).toEqual(request)
    const response = { status: 202, headers: [] }
    expect(decodeResponseHead(encodeResponseHead(response))).toEqual(response)
  })

  it.each([
    ['another method', ['PUT', []]],
    ['a header outside the list', ['POST', [['cookie', 'a']]]],
    ['upper case', ['POST', [['Accept', 'a']]]],
    [
      'a header twice',
      [
        'POST',
        [
          ['accept', 'a'],
          ['accept', 'b'],
        ],
      ],
    ],
    ['a third element', ['POST', [], 1]],
    ['a value that is no text', ['POST', [['accept', 1]]]],
    ['a status in place of a method', [200, []]],
    ['65 headers', ['POST', Array.from({ length: 65 }, (_, index) => [`mcp-${index}`, ''])]],
  ])('of a request is refused with %s', (_, value) => {
    expect(() => decodeRequestHead(encodeCbor(value))).toThrow(expect.objectContaining({ code: 'decode' }))
  })

  it.each([100, 199, 600, -1])('of a response is refused with status %d', (status) => {
    expect(() => decodeResponseHead(encodeCbor([status, []]))).toThrow(expect.objectContaining({ code: 'decode' }))
  })

  it('is at most 16 KiB', () => {
    const headers = [1, 2, 3].map((n) => [`mcp-${n}`, 'x'.repeat(8000)] as const)
    expect(() => encodeRequestHead({ method: 'GET', headers })).toThrow(/16 KiB/)
  })

  it('tells its media type without parameters', () => {
    expect(mediaType([['content-type', 'Text/Event-Stream; charset=utf-8']])).toBe('text/event-stream')
    expect(mediaType([])).toBe('')
  })
})

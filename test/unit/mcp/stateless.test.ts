import { describe, expect, it } from 'vitest'
import { decodeHeaderText, encodeHeaderText } from '../../../src/mcp/exchange/mcpHeaders.ts'
import { readMessage } from '../../../src/mcp/message.ts'
import { MirroredArguments, mirrorHeader } from '../../../src/mcp/mirroredArguments.ts'
import { isStateless, type HttpRequest, StatelessFront, statusOfError } from '../../../src/mcp/upstream/stateless.ts'

const VERSION = 'io.modelcontextprotocol/protocolVersion'
const CAPABILITIES = 'io.modelcontextprotocol/clientCapabilities'
const META = { [VERSION]: '2026-07-28', [CAPABILITIES]: {} }
const HEADERS = { 'mcp-protocol-version': '2026-07-28', 'mcp-method': 'tools/call', 'mcp-name': 'a' }

const bytes = (value: unknown): Uint8Array => Buffer.from(JSON.stringify(value))
const call = (params: object): Uint8Array => bytes({ jsonrpc: '2.0', id: 1, method: 'tools/call', params })

function request(body: Uint8Array, headers: Record<string, string>): HttpRequest {
  return { headers: Object.entries(headers), body }
}

function check(body: Uint8Array, headers: Record<string, string>, front = new StatelessFront()): void {
  front.check(request(body, headers), readMessage(body))
}

describe('the HTTP end of a stdio server', () => {
  const whole = call({ name: 'a', arguments: {}, _meta: META })

  it.each([
    [{ [VERSION]: '2026-07-28' }, {}, true],
    [{ [VERSION]: 'v999.0.0' }, {}, true],
    [{ [VERSION]: '2025-11-25' }, { 'mcp-protocol-version': '2026-07-28' }, false],
    [{}, { 'mcp-protocol-version': '2026-07-28' }, true],
    [{}, { 'mcp-protocol-version': '2025-11-25' }, false],
    [{}, { 'mcp-protocol-version': 'later' }, false],
    [{}, {}, false],
  ])('%j with %j is stateless: %s', (_meta, headers, stateless) => {
    const body = call({ name: 'a', _meta })
    expect(isStateless(request(body, headers), readMessage(body))).toBe(stateless)
  })

  it('passes what agrees with its headers', () => {
    expect(() => check(whole, HEADERS)).not.toThrow()
    expect(() => check(bytes({ method: 'notifications/cancelled' }), {})).not.toThrow()
  })

  it.each(['mcp-protocol-version', 'mcp-method', 'mcp-name'])('refuses a request without %s', (name) => {
    const headers = Object.fromEntries(Object.entries(HEADERS).filter(([other]) => other !== name))
    expect(() => check(whole, headers)).toThrow(expect.objectContaining({ code: 'header-mismatch' }))
  })

  it('refuses a version in the header that is another than in the body', () => {
    const headers = { ...HEADERS, 'mcp-protocol-version': '2027-01-01' }
    expect(() => check(whole, headers)).toThrow(expect.objectContaining({ code: 'header-mismatch' }))
  })

  it.each([VERSION, CAPABILITIES])('refuses a request without %s', (name) => {
    const _meta = Object.fromEntries(Object.entries(META).filter(([other]) => other !== name))
    expect(() => check(call({ name: 'a', _meta }), HEADERS)).toThrow(
      expect.objectContaining({ code: 'envelope-missing' }),
    )
  })

  it('gives errors the status of their code, and all others 200', () => {
    const status = (code: unknown): number => statusOfError(bytes({ id: 1, error: { code } }))
    expect([-32601, -32021, -32022, -32020, -32602, 1, 'x'].map(status)).toEqual([404, 400, 400, 400, 200, 200, 200])
  })

  it('knows from its server’s own word which versions it has', () => {
    const front = new StatelessFront()
    const message = readMessage(call({ _meta: { [VERSION]: 'v999' } }))
    expect(front.supportedInstead(message)).toBeUndefined()
    front.learner('server/discover')?.(bytes({ id: 1, result: { supportedVersions: ['2026-07-28', 7] } }))
    expect(front.supportedInstead(message)).toEqual(['2026-07-28'])
    expect(front.supportedInstead(readMessage(whole))).toBeUndefined()
    front.learner('server/discover')?.(bytes({ id: 2, error: { code: 1, message: '' } }))
    expect(front.supportedInstead(readMessage(whole))).toBeUndefined()
    expect(front.learner('tools/call')).toBeUndefined()
  })
})

describe('arguments that headers repeat', () => {
  const mirrored = (type: string, name: string): object => ({ type, 'x-mcp-header': name })
  const inputSchema = {
    type: 'object',
    properties: {
      region: mirrored('string', 'Region'),
      size: mirrored('integer', 'Size'),
      deep: { type: 'object', properties: { dry: mirrored('boolean', 'Dry-Run') } },
      bad: mirrored('string', 'no token'),
      query: { type: 'string' },
    },
  }
  const list = (schema: unknown): Uint8Array =>
    bytes({ id: 1, result: { tools: [{ name: 'a', inputSchema: schema }] } })
  const given = { region: 'zürich', size: 7, deep: { dry: false }, query: 'q', bad: 'x' }

  it('are known once a list of the tools came by', () => {
    const arguments_ = new MirroredArguments()
    const body = call({ name: 'a', arguments: given })
    expect(arguments_.of('a', body)).toEqual([])
    arguments_.learn(list(inputSchema))
    expect(arguments_.of('a', body).map(mirrorHeader)).toEqual([
      ['mcp-param-region', `=?base64?${Buffer.from('zürich').toString('base64')}?=`],
      ['mcp-param-size', '7'],
      ['mcp-param-dry-run', 'false'],
    ])
    expect(arguments_.of('b', body)).toEqual([])
    expect(arguments_.of('a', call({ name: 'a', arguments: { region: null, size: [] } }))).toEqual([])
    expect(arguments_.of('a', call({ name: 'a', arguments: { __proto__: { region: 'x' } } }))).toEqual([])
    arguments_.learn(list({ type: 'object' }))
    expect(arguments_.of('a', body)).toEqual([])
  })

  it.each(['', '[]', '{"result":7}', '{"result":{"tools":[7,{"name":7}]}}', '{"result":{"tools":[{"name":"a"}]}}'])(
    'are not learned from %s',
    (answer) => {
      const arguments_ = new MirroredArguments()
      arguments_.learn(Buffer.from(answer))
      expect(arguments_.of('a', call({ name: 'a', arguments: given }))).toEqual([])
    },
  )

  it('are held against their headers', () => {
    const front = new StatelessFront()
    front.learner('tools/list')?.(list(inputSchema))
    const body = call({ name: 'a', arguments: { region: 'eu', size: 7 }, _meta: META })
    const right = { ...HEADERS, 'mcp-param-region': 'eu', 'mcp-param-size': '7.0' }
    expect(() => check(body, right, front)).not.toThrow()
    for (const wrong of [{ 'mcp-param-region': 'us' }, { 'mcp-param-size': '8' }, { 'mcp-param-size': '' }]) {
      expect(() => check(body, { ...right, ...wrong }, front)).toThrow(/is not what the message says/)
    }
    expect(() => check(body, HEADERS, front)).toThrow(/mcp-param-region/)
    const empty = call({ name: 'a', arguments: { region: '' }, _meta: META })
    expect(() => check(empty, HEADERS, front)).toThrow(/mcp-param-region/)
    expect(() => check(empty, { ...HEADERS, 'mcp-param-region': '' }, front)).not.toThrow()
  })
})

describe('a text in a header', () => {
  it.each(['plain', 'two words', 'grün', ' edges ', '=?base64?x?=', '', '\n'])('%j comes back', (text) => {
    expect(decodeHeaderText(encodeHeaderText(text))).toBe(text)
  })

  // Lenient decoders read all of them, and not all the same.
  it.each(['=?base64?SGVsbG8?=', '=?base64?SGVs bG8=?=', '=?base64?SGVsbG9=?=', '=?base64?/w==?=', '=?base64?_w==?='])(
    '%s is none',
    (value) => {
      expect(decodeHeaderText(value)).toBeUndefined()
    },
  )
})

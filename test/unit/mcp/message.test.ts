import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { checkMcpHeaders } from '../../../src/mcp/exchange/mcpHeaders.ts'
import { errorReply } from '../../../src/mcp/errorReply.ts'
import { asLine, LineSplitter } from '../../../src/mcp/lines.ts'
import { answerId, readMessage, tokenKey } from '../../../src/mcp/message.ts'
import { CountersignError } from '../../../src/support/errors.ts'

const bytes = (text: string): Uint8Array => new Uint8Array(Buffer.from(text))

describe('readMessage', () => {
  it('finds what routing needs, by its exact token', () => {
    const text = `{ "params" : {"_meta":{"progressToken":1.50,"io.modelcontextprotocol/protocolVersion":"2026-07-28"},
      "name":"a","arguments":{"id":9,"method":"no"}}, "id" : "\\u0061\\n" , "jsonrpc":"2.0","method":"tools/call" }`
    expect(readMessage(bytes(text))).toEqual({
      kind: 'request',
      failed: false,
      method: 'tools/call',
      id: '"\\u0061\\n"',
      progressToken: '1.50',
      name: 'a',
      protocolVersion: '2026-07-28',
    })
  })

  it('tells the kinds apart', () => {
    expect(readMessage(bytes('{"method":"a"}')).kind).toBe('notification')
    expect(readMessage(bytes('{"id":1,"result":{}}'))).toMatchObject({ kind: 'response', failed: false })
    expect(readMessage(bytes('{"id":null,"error":{}}'))).toMatchObject({ kind: 'response', failed: true })
    expect(readMessage(bytes('[{"id":1,"id":2}]')).kind).toBe('batch')
  })

  it('does not take a member of an array or of a deeper object for one of the message', () => {
    const text = '{"method":"a","params":[{"_meta":{"progressToken":1}}],"x":{"id":1},"id":{"id":2}}'
    expect(readMessage(bytes(text))).toEqual({ kind: 'notification', failed: false, method: 'a' })
    const name = '{"method":"a","params":{"_meta/progressToken":1,"arguments":{"name":"b"}}}'
    expect(readMessage(bytes(name))).toEqual({ kind: 'notification', failed: false, method: 'a' })
  })

  it.each([
    '{"id":1,"id":2,"method":"a"}',
    '{"id":1,"method":"a","\\u0069d":2}',
    '{"method":"a","method":"b"}',
    '{"method":"a","params":{},"params":{}}',
    '{"method":"a","params":{"name":"x","name":"y"}}',
    '{"method":"a","params":{"arguments":{},"arguments":{}}}',
    '{"method":"a","jsonrpc":"2.0","jsonrpc":"2.0"}',
    '{"method":"a","params":{"_meta":{"progressToken":1,"progressToken":2}}}',
    '{"method":"a"} {"method":"b"}',
    '{"method":"a"',
    '{"method":7}',
    '{}',
    '7',
    '',
    '\ufeff{"method":"a"}',
    '{"method":"a\nb"}',
  ])('refuses %s', (text) => {
    expect(() => readMessage(bytes(text))).toThrow(expect.objectContaining({ code: 'context-refused' }))
    expect(answerId(bytes(text))).toBeUndefined()
  })

  it('refuses what is not UTF-8', () => {
    expect(() => readMessage(Uint8Array.of(...bytes('{"method":"'), 0xff, ...bytes('"}')))).toThrow(/UTF-8/)
  })

  it('knows one id in two spellings', () => {
    expect(tokenKey('"\\u0061"')).toBe(tokenKey('"a"'))
    expect(tokenKey('1.0')).toBe(tokenKey('1'))
    expect(tokenKey('"1"')).not.toBe(tokenKey('1'))
  })
})

describe('headers that repeat the message', () => {
  const head = (...headers: [string, string][]) => ({ method: 'POST', headers }) as const
  const call = bytes('{"id":1,"method":"tools/call","params":{"name":"grün"}}')

  it('must agree with it', () => {
    const encoded = `=?base64?${Buffer.from('grün').toString('base64')}?=`
    expect(() => checkMcpHeaders(head(['mcp-method', 'tools/call'], ['mcp-name', encoded]), call)).not.toThrow()
    expect(() => checkMcpHeaders(head(), bytes('not JSON'))).not.toThrow()
    expect(() => checkMcpHeaders(head(['mcp-method', 'tools/list']), call)).toThrow(/Mcp-Method differs/)
    expect(() => checkMcpHeaders(head(['mcp-name', 'other']), call)).toThrow(/Mcp-Name differs/)
  })
})

describe('an error of ours', () => {
  it('carries the exact id token, and never a code of JSON-RPC or MCP', () => {
    const error = new CountersignError('signer-unavailable', 'Plug it in.')
    const reply = errorReply(error, bytes('{"id":1.0e2,"method":"a"}'))
    expect(Buffer.from(reply.body).toString()).toContain('"id":1.0e2,')
    expect(reply.status).toBe(200)
    expect(JSON.parse(Buffer.from(reply.body).toString())).toMatchObject({ error: { code: 1001 } })
    expect(errorReply(error, bytes('{"method":"a"}')).status).toBe(503)
  })
})

describe('lines', () => {
  it('are the same whatever the chunks', () => {
    fc.assert(
      fc.property(fc.array(fc.stringMatching(/^[a-zü ]+$/)), fc.array(fc.nat(80)), (lines, borders) => {
        const whole = bytes(lines.map((line) => `${line}\n`).join(''))
        const splitter = new LineSplitter()
        const cuts = [0, ...borders.filter((border) => border <= whole.length).toSorted((a, b) => a - b), whole.length]
        const found = cuts.slice(1).flatMap((end, index) => splitter.push(whole.subarray(cuts[index], end)))
        expect(found.map((line) => Buffer.from(line).toString())).toEqual(lines)
      }),
    )
  })

  it('lose a CR at their end and empty ones, and have a limit', () => {
    expect(new LineSplitter().push(bytes('a\r\n\r\n\nb\n')).map((line) => Buffer.from(line).toString())).toEqual([
      'a',
      'b',
    ])
    expect(() => new LineSplitter(3).push(bytes('abcd'))).toThrow(expect.objectContaining({ code: 'limit' }))
  })

  it('hold one message each, the bytes of one without line ends unchanged', () => {
    const pretty = JSON.stringify({ a: 'b\n', c: [1] }, null, 2).replaceAll('\n', '\r\n')
    const line = Buffer.from(asLine(bytes(pretty))).toString()
    expect(line.match(/[\r\n]/g)).toEqual(['\n'])
    expect(JSON.parse(line)).toEqual(JSON.parse(pretty))
    expect(Buffer.from(asLine(bytes('{"a":1}'))).toString()).toBe('{"a":1}\n')
  })
})

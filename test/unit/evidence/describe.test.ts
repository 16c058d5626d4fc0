import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { describeContext } from '../../../src/evidence/describe.ts'
import { eventData } from '../../../src/evidence/eventData.ts'

const bytes = (text: string) => Buffer.from(text)
const refusal = expect.objectContaining({ code: 'context-refused' })

describe('what a statement says of a JSON-RPC message', () => {
  it.each([
    ['{"jsonrpc":"2.0","id":1,"method":"tools/call"}', { method: 'tools/call', id: '1' }],
    ['{"id" : "a\\u0041" ,"method":"x"}', { method: 'x', id: '"a\\u0041"' }],
    ['{"id":1.50e0}', { id: '1.50e0' }],
    ['{"id":"1"}', { id: '"1"' }],
    ['{"id":null,"method":"\\u0070ing"}', { method: 'ping', id: 'null' }],
    ['{"id":{"a":1},"method":7}', {}],
    ['{"id":true}', {}],
    ['[{"jsonrpc":"2.0","id":1,"method":"tools/call"}]', {}],
    ['"method"', {}],
    ['', {}],
    ['{"params":{"id":9,"method":"inner"},"id":2}', { id: '2' }],
  ])('of %s is read from its bytes', (body, expected) => {
    expect(describeContext('request', bytes(body))).toEqual(expected)
    expect(describeContext('response', bytes(body))).toEqual(expected)
  })

  it.each(['head', 'end', 'cancel', 'close'] as const)('is nothing for a %s', (kind) => {
    expect(describeContext(kind, bytes('{"id":1,"method":"x"}'))).toEqual({})
  })

  it.each([
    ['jsonrpc', '{"jsonrpc":"2.0","jsonrpc":"2.0","id":1}'],
    ['id', '{"id":1,"method":"x","id":2}'],
    ['an escaped id', '{"id":1,"method":"x","\\u0069d":2}'],
    ['method', '{"id":1,"method":"ping","method":"tools/call"}'],
    ['params', '{"id":1,"method":"x","params":{},"params":{"name":"rm"}}'],
    ['params.name', '{"id":1,"method":"x","params":{"name":"ls","name":"rm"}}'],
    ['params.arguments', '{"id":1,"method":"x","params":{"arguments":{},"arguments":{}}}'],
  ])('is refused for a request that has %s twice, and left out of an answer', (_, body) => {
    expect(() => describeContext('request', bytes(body))).toThrow(refusal)
    expect(describeContext('response', bytes(body))).toEqual({})
  })

  it('is refused for requests that are not UTF-8, too deep for the scanner, or say more than a statement holds', () => {
    const latin1 = Buffer.from('{"method":"caf\xe9"}', 'latin1')
    const deep = `{"id":1,"method":"x","params":${'['.repeat(2000)}${']'.repeat(2000)}}`
    for (const body of [latin1, deep, `{"method":"${'m'.repeat(257)}"}`, `{"id":"${'i'.repeat(300)}"}`]) {
      expect(() => describeContext('request', Buffer.from(body))).toThrow(refusal)
      expect(describeContext('response', Buffer.from(body))).toEqual({})
    }
    expect(() => describeContext('request', bytes('{"method":"\\ud800"}'))).toThrow(refusal)
  })

  it.each([
    ['cut off', bytes('{"id":1,')],
    ['with a byte order mark', bytes('\ufeff{"id":1,"method":"x"}')],
    ['in UTF-16', Buffer.from('{"id":1,"method":"x"}', 'utf16le')],
    ['with NaN', bytes('{"id":1,"method":"x","params":{"arguments":{"a":NaN}}}')],
    ['with a comment', bytes('{"id":1,"method":"x"/**/}')],
  ])('is refused for a request %s: some servers would read a call in it', (_, body) => {
    expect(() => describeContext('request', body)).toThrow(refusal)
    expect(describeContext('response', body)).toEqual({})
  })

  it('agrees with JSON.parse wherever that has one answer', () => {
    const id = fc.oneof(fc.integer(), fc.string({ maxLength: 9 }), fc.constant(null))
    fc.assert(
      fc.property(id, fc.string({ maxLength: 40 }), fc.json(), (value, method, params) => {
        const body = `{"params":{"arguments":${params}},"method":${JSON.stringify(method)},"id":${JSON.stringify(value)}}`
        expect(describeContext('request', bytes(body))).toEqual({ method, id: JSON.stringify(value) })
      }),
    )
  })

  it('reads or refuses any bytes, and never throws for answers', () => {
    fc.assert(
      fc.property(fc.oneof(fc.uint8Array(), fc.json().map(bytes)), (body) => {
        expect(Object.keys(describeContext('event', body))).toEqual([])
        expect(describeContext('response', body)).toBeDefined()
      }),
    )
  })

  it.each(['\r', 'a\r', 'data\r', 'data: x\n', ':\r\n', 'data:[\n'])(
    'takes linear time for a hostile event of %j',
    (filling) => {
      const time = (size: number) => {
        const event = bytes(`${filling.repeat(size / filling.length)}\n\n`)
        const times = [0, 1, 2].map(() => {
          // CPU time and not the clock's: what else the machine does is not counted.
          const before = process.cpuUsage()
          describeContext('event', event)
          return process.cpuUsage(before).user / 1000
        })
        return Math.min(...times)
      }
      // 32 times the bytes: quadratic work would take 1024 times as long.
      const small = Math.max(time(64 * 1024), 0.2)
      expect(time(2 * 1024 * 1024) / small).toBeLessThan(300)
    },
  )
})

describe('the data of an event', () => {
  it.each([
    ['data: a\n\n', 'a'],
    ['data:a\r\rx', undefined],
    ['event: message\r\ndata: {"id":1,\r\ndata: "method":"x"}\r\n\r\n', '{"id":1,\n"method":"x"}'],
    ['data\n\n', ''],
    ['data: a\rdata:  b\r\r', 'a\n b'],
    ['database: a\ndata: b\n: data: c\nid: 4\n\n', 'b'],
    ['data: a\ndata\n\n', 'a\n'],
    ['data:\ndata: b\n\n', '\nb'],
    ['data: a\n', undefined],
    ['data: a', undefined],
    ['data: a\n\ndata: b\n\n', undefined],
    ['event: ping\n\n', undefined],
    ['\ufeffdata: a\n\n', undefined],
    ['\n', undefined],
    ['', undefined],
  ])('of %j is what the standard says', (event, expected) => {
    const data = eventData(bytes(event))
    expect(data === undefined ? undefined : Buffer.from(data).toString()).toBe(expected)
  })

  it('says method and id of the message in it', () => {
    const event = bytes('id: 1\ndata: {"jsonrpc":"2.0",\ndata: "method":"notifications/progress"}\n\n')
    expect(describeContext('event', event)).toEqual({ method: 'notifications/progress' })
  })

  it('comes back whatever the line ends', () => {
    fc.assert(
      fc.property(fc.json(), fc.constantFrom('\n', '\r', '\r\n'), (json, end) => {
        const event = `event: message${end}data: ${json}${end}${end}`
        expect(Buffer.from(eventData(bytes(event)) ?? []).toString()).toBe(json)
      }),
    )
  })
})

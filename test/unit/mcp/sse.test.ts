import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { messageEvent, readEvent, SseSplitter } from '../../../src/mcp/exchange/sse.ts'

const bytes = (text: string): Uint8Array => new Uint8Array(Buffer.from(text))
const texts = (events: readonly Uint8Array[]): string[] => events.map((event) => Buffer.from(event).toString())

function split(stream: Uint8Array, borders: readonly number[] = []): string[] {
  const splitter = new SseSplitter()
  const cuts = [0, ...borders.toSorted((a, b) => a - b), stream.length]
  return cuts.slice(1).flatMap((end, index) => texts(splitter.push(stream.subarray(cuts[index], end))))
}

const MIB = 1024 * 1024
function held(): number {
  const { heapUsed, arrayBuffers } = process.memoryUsage()
  return heapUsed + arrayBuffers
}

/** Streams made of the bytes that matter, so that every combination of line ends comes up. */
const stream = fc
  .array(fc.constantFrom('\r', '\n', '\r\n', ':', ' ', 'data', 'x', 'ü', 'id', '\n\n', '\r\n\r\n'), { maxLength: 40 })
  .map((parts) => bytes(parts.join('')))

describe('SseSplitter', () => {
  it.each([
    ['LF', 'data: a\n\ndata: b\nid: 1\n\n', ['data: a\n\n', 'data: b\nid: 1\n\n']],
    ['CRLF', 'data: a\r\n\r\ndata: b\r\n\r\n', ['data: a\r\n\r\n', 'data: b\r\n\r\n']],
    ['CR', 'data: a\r\rdata: b\r\r', ['data: a\r\r', 'data: b\r\r']],
    ['comments alone', ': ping\n\ndata: a\n\n: ping\n\n', ['data: a\n\n']],
    ['a comment in an event', ': why\ndata: a\n\n', [': why\ndata: a\n\n']],
    ['blank lines', '\n\n\ndata: a\n\n\n\n', ['data: a\n\n']],
    ['an end that is missing', 'data: a\n\ndata: b\n', ['data: a\n\n']],
    ['a field without data', 'id: 7\nretry: 5\n\n', ['id: 7\nretry: 5\n\n']],
    ['a byte order mark', '\ufeffdata: a\n\n\ufeffdata: b\n\n', ['data: a\n\n', '\ufeffdata: b\n\n']],
    ['half a byte order mark', '\u{f0000}data: a\n\n', ['\u{f0000}data: a\n\n']],
  ])('cuts at blank lines: %s', (_, text, events) => {
    expect(split(bytes(text))).toEqual(events)
  })

  it('gives the same whatever the chunks', () => {
    fc.assert(
      fc.property(stream, fc.array(fc.nat(60)), (whole, borders) => {
        const inside = borders.filter((border) => border <= whole.length)
        expect(split(whole, inside)).toEqual(split(whole))
      }),
      { numRuns: 2000 },
    )
  })

  it('gives the same at every border, one byte a chunk', () => {
    for (const text of [
      '\ufeffdata: a\r\n\r\ndata: b\r\r\ndata: c\n\r\n: x\r\n\r\ndata: ü\n\n',
      'a\r\r\n\r\rb\n\n',
      '\ufebfx\n\n',
    ]) {
      const whole = bytes(text)
      const expected = split(whole)
      for (let border = 0; border <= whole.length; border += 1) expect(split(whole, [border])).toEqual(expected)
      expect(
        split(
          whole,
          Array.from(whole, (_, index) => index),
        ),
      ).toEqual(expected)
    }
  })

  it('keeps all bytes of streams with LF or CRLF', () => {
    const line = fc.string({ unit: fc.constantFrom('a', ' ', ':', 'ü', '{') }).map((text) => `data: ${text}`)
    const events = fc.array(fc.array(line, { minLength: 1, maxLength: 4 }), { maxLength: 6 })
    fc.assert(
      fc.property(events, fc.constantFrom('\n', '\r\n'), fc.array(fc.nat(200)), (list, end, borders) => {
        const expected = list.map((lines) => lines.map((text) => text + end).join('') + end)
        const whole = bytes(expected.join(''))
        expect(
          split(
            whole,
            borders.filter((border) => border <= whole.length),
          ),
        ).toEqual(expected)
      }),
    )
  })

  it('does not hold back an event that ends in CR', () => {
    expect(texts(new SseSplitter().push(bytes('data: a\r\r')))).toEqual(['data: a\r\r'])
  })

  it('refuses an event past its limit, in one chunk or many', () => {
    expect(() => new SseSplitter(8).push(bytes('data: 123'))).toThrow(/longer than 16 MiB/)
    const splitter = new SseSplitter(8)
    splitter.push(bytes('data:'))
    expect(() => splitter.push(bytes('1234'))).toThrow(expect.objectContaining({ code: 'limit' }))
  })
})

describe('an event', () => {
  it('costs its bytes, whatever pieces it comes in and whatever lines it is made of', () => {
    const splitter = new SseSplitter()
    const piece = bytes('a')
    const before = held()
    for (let index = 0; index < 1_000_000; index += 1) splitter.push(piece)
    expect(held() - before).toBeLessThan(64 * MIB)
    const lines = bytes(`${'data\n'.repeat(1_000_000)}\n`)
    const event = readEvent(lines)
    expect(held() - before).toBeLessThan(100 * MIB)
    expect(event.data).toHaveLength(999_999)
  })

  it('does not grow with the line ends of its message', () => {
    const message = bytes(`{"a":${'\r'.repeat(1000)}1,\r\n"b":2}`)
    const event = messageEvent(message)
    expect(event.length).toBeLessThan(message.length + 32)
    expect(JSON.parse(Buffer.from(readEvent(event).data ?? []).toString())).toEqual({ a: 1, b: 2 })
  })

  it('keeps the bytes of its id', () => {
    expect(readEvent(bytes('id: ü\ndata: a\n\n')).id).toBe('\u00c3\u00bc')
  })

  it('is read as the standard has it', () => {
    const event = readEvent(bytes('event: message\r\ndata: a\r\ndata:b\r\nid: 7\r\nretry: 3\r\n: no\r\n\r\n'))
    expect(Buffer.from(event.data ?? []).toString()).toBe('a\nb')
    expect(event).toMatchObject({ type: 'message', id: '7' })
    expect(readEvent(bytes('id: 1\n\n')).data).toBeUndefined()
    expect(readEvent(bytes('data\n\n')).data).toEqual(new Uint8Array())
  })

  it('carries every line of bytes unchanged', () => {
    fc.assert(
      fc.property(fc.uint8Array(), (data) => {
        const line = data.filter((byte) => byte !== 10 && byte !== 13)
        const event = messageEvent(line)
        expect(new SseSplitter().push(event)).toHaveLength(1)
        expect(Buffer.from(readEvent(event).data ?? [])).toEqual(Buffer.from(line))
      }),
    )
  })
})

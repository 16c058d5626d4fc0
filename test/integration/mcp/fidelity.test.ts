import * as fc from 'fast-check'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { Bridge } from '../../../src/mcp/bridge/bridge.ts'
import { Tokens } from '../../../src/mcp/bridge/tokens.ts'
import { ExchangeClient } from '../../../src/mcp/exchange/client.ts'
import { ExchangeServer } from '../../../src/mcp/exchange/gateway.ts'
import { Upstreams } from '../../../src/mcp/upstream/upstreams.ts'
import { join, type Pair, Party } from '../../fakes/party.ts'
import { RawUpstream } from '../../fakes/rawUpstream.ts'

/**
 * The promise of the data path, over a real session: what comes in at one end comes out at the other byte for byte, or a rule of
 * docs/PROTOCOL.md ("Exchange", "Statement") refuses it and nothing of it comes out. Never a third thing.
 */
const RAW_STDIO = fileURLToPath(new URL('../../fakes/rawStdio.mjs', import.meta.url))
const MIB_16 = 16 * 1024 * 1024
const RUNS = { numRuns: 60 }

const folder = mkdtempSync(path.join(tmpdir(), 'countersign-fidelity-'))
const seenFile = path.join(folder, 'seen')
const upstream = new RawUpstream()
let upstreams: Upstreams
let pair: Pair
let bridge: Bridge
let origin = ''
let token = ''
let session = ''
const servers: ExchangeServer[] = []

beforeAll(async () => {
  await upstream.listen()
  const stdio = { command: process.execPath, args: [RAW_STDIO, seenFile] }
  upstreams = new Upstreams({ http: { url: upstream.url }, stdio })
  const [editor, gateway] = [await Party.create(1, 'editor'), await Party.create(2, 'gateway')]
  pair = await join(editor, gateway)
  servers.push(new ExchangeServer(pair.gateway, upstreams.handle, gateway.ports.log))
  const client = new ExchangeClient(pair.client, editor.ports.log)
  const tokens = new Tokens()
  token = tokens.issue('agent')
  bridge = new Bridge({ routes: { has: () => true, open: () => Promise.resolve(client) }, tokens })
  origin = await bridge.listen()
  const begun = await post('stdio', '{"jsonrpc":"2.0","id":0,"method":"initialize","params":{}}')
  session = begun.headers.get('mcp-session-id') ?? ''
  await begun.arrayBuffer()
})

afterAll(async () => {
  await bridge.close()
  await pair.client.close()
  await upstreams.close()
  await upstream.close()
  rmSync(folder, { recursive: true })
})

beforeEach(() => {
  upstream.seen.length = 0
  upstream.answer = (_, response) => void response.writeHead(200, { 'content-type': 'application/json' }).end('{}')
})

function post(server: 'http' | 'stdio', body: string | Uint8Array): Promise<Response> {
  const headers = {
    authorization: `Bearer ${token}`,
    'content-type': 'application/json',
    accept: 'application/json, text/event-stream',
    ...(session === '' ? {} : { 'mcp-session-id': session }),
  }
  const own = server === 'http' ? { ...headers, 'mcp-session-id': undefined } : headers
  const entries = Object.entries(own).flatMap(([name, value]): [string, string][] =>
    value === undefined ? [] : [[name, value]],
  )
  return fetch(`${origin}/mcp/${server}`, { method: 'POST', headers: entries, body: Buffer.from(body) })
}

async function bytesOf(reply: Response): Promise<Buffer> {
  return Buffer.from(await reply.arrayBuffer())
}

/** Buffers in `expect` would print 16 MiB where they differ. */
function same(one: Uint8Array, other: Uint8Array): boolean {
  return Buffer.compare(one, other) === 0
}

/** On stdio a message is one line, so line ends between its tokens become spaces; nothing else does. */
function asLine(text: string): string {
  return text.replaceAll(/[\r\n]/g, ' ')
}

const space = fc.string({ unit: fc.constantFrom(' ', '\t', '\n', '\r'), maxLength: 3 })
const odd = fc.oneof(
  fc.constantFrom(
    '1e400',
    '-0.0',
    '1E+2',
    '12345678901234567890123456789012345678901234567890',
    '9007199254740993',
    '"\\u00e9\\/\\ud83d\\ude00"',
    '"é\u2028\u007f"',
    '"\\ud800"',
    '{"__proto__":{"a":1},"constructor":null}',
    '{"a":1,"a":2,"A":3}',
    '[[[]],{"":""}]',
  ),
  fc.jsonValue().map((value) => JSON.stringify(value)),
)
/** Names of members that JSON-RPC does not know. */
const unknown = fc.uniqueArray(
  fc.tuple(fc.stringMatching(/^x-[a-z0-9 é$]{0,8}$/), odd).map(([name, value]) => `"${name}":${value}`),
  { maxLength: 4, selector: (member) => member.slice(0, member.indexOf('":')) },
)
const id = fc.constantFrom('7', '7.0', '-1', '"\\u0061"', '"é"', '9007199254740993')

/** A request that no rule refuses: its members in any order, some names written with escapes. */
const legal = fc
  .tuple(unknown, unknown, odd, id, space, fc.boolean())
  .chain(([outer, inner, value, token_, gap, meta]) => {
    const own = ['"\\u006aame":1', `"arguments":{"zz":${value}}`, ...(meta ? ['"_meta":{"b":1,"a":2}'] : []), ...inner]
    return fc.shuffledSubarray(own, { minLength: own.length }).chain((params) => {
      const members = [
        '"jsonrpc":"2.0"',
        `"\\u0069d"${gap}:${token_}`,
        '"method":"tools/call"',
        `"params":${gap}{${params.join(`${gap},`)}}`,
        ...outer,
      ]
      return fc
        .shuffledSubarray(members, { minLength: members.length })
        .map((all) => `${gap}{${all.join(`,${gap}`)}}${gap}`)
    })
  })

const MESSAGE = '"jsonrpc":"2.0","id":1,"method":"tools/call"'
/** What docs/PROTOCOL.md refuses. */
const illegal = fc.constantFrom(
  ...[
    `{${MESSAGE},"params":{"_meta":{},"_meta":{}}}`,
    `{${MESSAGE},"params":{"_meta":{},"\\u005fmeta":{}}}`,
    `{${MESSAGE},"params":{"name":"a","Name":"b"}}`,
    `{${MESSAGE},"id":2}`,
    `{${MESSAGE},"ID":2}`,
    `{${MESSAGE},"\\u0069d":1}`,
    `{${MESSAGE},"x":1,"x":2}`,
    `{${MESSAGE}} {}`,
    `{${MESSAGE},}`,
    `{${MESSAGE},"params":NaN}`,
    `\ufeff{${MESSAGE}}`,
    `{${MESSAGE}`,
    `{"jsonrpc":"2.0","id":"${'a'.repeat(300)}","method":"x"}`,
    `{"jsonrpc":"2.0","id":1,"method":"${'m'.repeat(300)}"}`,
  ].map((text) => Buffer.from(text)),
  Buffer.concat([Buffer.from(`{${MESSAGE},"params":{"arguments":"`), Buffer.of(0xff), Buffer.from('"}}')]),
  Buffer.concat([Buffer.from(`{${MESSAGE},"params":{"arguments":"`), Buffer.of(0xed, 0xa0, 0x80), Buffer.from('"}}')]),
  Buffer.from(`{${MESSAGE}}`, 'utf16le'),
)

describe('a request', () => {
  it('reaches a server on HTTP as it is', async () => {
    const arrives = fc.asyncProperty(legal, async (text) => {
      upstream.seen.length = 0
      await bytesOf(await post('http', text))
      expect(upstream.seen.map(({ body }) => body.toString())).toEqual([text])
    })
    await fc.assert(arrives, RUNS)
  })

  it('reaches a server on stdio as it is, on one line', async () => {
    const arrives = fc.asyncProperty(legal, async (text) => {
      await bytesOf(await post('stdio', text))
      expect(readFileSync(seenFile, 'utf8')).toBe(asLine(text))
    })
    await fc.assert(arrives, RUNS)
  })

  it.each(['http', 'stdio'] as const)('that a rule refuses does not reach a server on %s', async (server) => {
    await bytesOf(await post('stdio', '{"jsonrpc":"2.0","id":"before","method":"x"}'))
    const before = readFileSync(seenFile, 'utf8')
    const refused = fc.asyncProperty(illegal, async (body) => {
      const reply = await bytesOf(await post(server, body))
      expect(JSON.parse(reply.toString())).toMatchObject({ error: { data: { code: 'context-refused' } } })
      expect(upstream.seen).toEqual([])
      expect(readFileSync(seenFile, 'utf8')).toBe(before)
    })
    await fc.assert(refused, RUNS)
  })

  it('of any bytes arrives as it is or not at all', async () => {
    const either = fc.asyncProperty(
      fc.oneof(
        fc.uint8Array({ maxLength: 64 }),
        fc.json().map((text) => Buffer.from(text)),
      ),
      async (body) => {
        upstream.seen.length = 0
        const reply = await bytesOf(await post('http', body))
        const [seen] = upstream.seen
        if (seen !== undefined) expect(same(seen.body, body)).toBe(true)
        else expect(JSON.parse(reply.toString())).toMatchObject({ error: { data: { code: 'context-refused' } } })
      },
    )
    await fc.assert(either, RUNS)
  })
})

describe('an answer', () => {
  const status = fc.constantFrom(200, 202, 400, 404, 500)
  const type = fc.constantFrom('application/json', 'application/json; charset=utf-8', 'text/plain')
  const call = '{"jsonrpc":"2.0","id":1,"method":"x"}'

  it('of a server on HTTP reaches the agent as it is, whatever its bytes', async () => {
    const arrives = fc.asyncProperty(
      fc.uint8Array({ maxLength: 512 }),
      status,
      type,
      async (body, code, contentType) => {
        upstream.answer = (_, response) => void response.writeHead(code, { 'content-type': contentType }).end(body)
        const reply = await post('http', call)
        expect([reply.status, reply.headers.get('content-type')]).toEqual([code, contentType])
        expect(same(await bytesOf(reply), body)).toBe(true)
      },
    )
    await fc.assert(arrives, RUNS)
  })

  it('of events reaches the agent as it is, whatever the bytes of their lines', async () => {
    const line = fc
      .uint8Array({ minLength: 1, maxLength: 64 })
      .map((bytes) => bytes.filter((byte) => byte !== 10 && byte !== 13))
    const event = fc
      .tuple(line, fc.option(line), fc.constantFrom('\n', '\r\n'))
      .map(([data, id_, end]) => [
        ...(id_ === null ? [] : [Buffer.from('id: '), id_, Buffer.from(end)]),
        Buffer.from('data: '),
        data,
        Buffer.from(`${end}${end}`),
      ])
    const arrives = fc.asyncProperty(fc.array(event, { minLength: 1, maxLength: 5 }), async (events) => {
      const stream = Buffer.concat(events.flat())
      upstream.answer = (_, response) =>
        void response.writeHead(200, { 'content-type': 'text/event-stream' }).end(stream)
      expect((await bytesOf(await post('http', call))).toString('latin1')).toBe(stream.toString('latin1'))
    })
    await fc.assert(arrives, RUNS)
  })

  it('of a server on stdio reaches the agent as it is, also where it is not UTF-8', async () => {
    const broken = fc.constantFrom([0xff], [0xed, 0xa0, 0x80], [0xc3], [])
    const arrives = fc.asyncProperty(unknown, odd, broken, async (outer, value, bytes) => {
      const members = [
        `"result":{"zz":${value},"\\u005fmeta":1,"_meta":2,"bytes":"`,
        '"}',
        ...outer.map((member) => `,${member}`),
      ]
      const [before = '', ...after] = members
      const answer = Buffer.concat([
        Buffer.from(asLine(`{"id":5.0,"jsonrpc":"2.0",${before}`)),
        Buffer.from(bytes),
        Buffer.from(asLine(`${after.join('')}}`)),
      ])
      const params = `{"arguments":{"answer":"${answer.toString('base64')}"}}`
      const reply = await post('stdio', `{"jsonrpc":"2.0","id":5,"method":"tools/call","params":${params}}`)
      expect(same(await bytesOf(reply), answer)).toBe(true)
    })
    await fc.assert(arrives, RUNS)
  })
})

describe('16 MiB', () => {
  /** A request of exactly this length, all of it letters of two bytes, and spaces. */
  const fill = (length: number): Buffer => {
    const [before, after] = ['{"jsonrpc":"2.0","id":3,"method":"x","params":{"arguments":{"a":"', '"}}}']
    const request = Buffer.from(`${before}${'é'.repeat((length - before.length - after.length) >> 1)}${after}`)
    return Buffer.concat([request, Buffer.alloc(length - request.length, ' ')])
  }

  it('pass as a request and as an answer, byte for byte', async () => {
    const body = fill(MIB_16)
    upstream.answer = ({ body: seen }, response) =>
      void response.writeHead(200, { 'content-type': 'application/json' }).end(seen)
    const reply = await bytesOf(await post('http', body))
    expect(upstream.seen[0] !== undefined && same(upstream.seen[0].body, body)).toBe(true)
    expect(same(reply, body)).toBe(true)
    await bytesOf(await post('stdio', body))
    expect(same(readFileSync(seenFile), body)).toBe(true)
  })

  it('and one byte more are refused, both ways', async () => {
    const body = fill(MIB_16 + 1)
    expect((await post('http', body)).status).toBe(413)
    expect(upstream.seen).toEqual([])
    upstream.answer = (_, response) => void response.writeHead(200, { 'content-type': 'application/json' }).end(body)
    const reply = await bytesOf(await post('http', '{"jsonrpc":"2.0","id":1,"method":"x"}'))
    expect(JSON.parse(reply.toString())).toMatchObject({ id: 1, error: { data: { code: 'limit' } } })
  })
})

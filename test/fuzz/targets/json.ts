import { isUtf8 } from 'node:buffer'
import { parseStrictJson } from '../../../src/contracts/strictJson.ts'
import { answerId, type Message, readMessage, tokenKey } from '../../../src/mcp/message.ts'
import { CountersignError } from '../../../src/support/errors.ts'
import { must, mustEqual, parses, type Target } from '../engine/target.ts'
import { jsonOf, RPC_TOKENS, uniqueMember } from './oracle.ts'
import { ANSWER, CALL, FAILED, json, NOTE, PROGRESS, text } from './samples.ts'

const META = 'io.modelcontextprotocol/'
const seeds = [CALL, ANSWER, FAILED, NOTE, PROGRESS]

export const JSON_READERS: readonly Target[] = [
  {
    name: 'strict-json',
    format: 'json',
    codes: ['decode'],
    seeds: [...seeds, json([1, -2.5e-3, 'ü\u{1f600}\n', { '': null, a: { b: [] } }]), text(' "\\ud83d\\ude00" ')],
    tokens: ['__proto__', 'constructor', '\\u0061', '\\ud83d\\ude00', '\\', '"', '9007199254740993', '1e400'],
    run(bytes, random) {
      const safeIntegers = random.chance(2)
      const read = jsonOf(bytes)
      let value: unknown
      try {
        value = parseStrictJson(bytes, { safeIntegers })
      } catch (thrown) {
        refusedFor(thrown, read.valid, bytes)
        throw thrown
      }
      must(read.valid, 'reads what is no JSON')
      must(JSON.stringify(value) === JSON.stringify(read.parsed), 'reads another value than JSON.parse')
      must(!safeIntegers || !/"?[1-9][0-9]{17}/.test(unquoted(bytes)), 'takes an integer that a double rounds')
      must(walked(bytes, safeIntegers) === JSON.stringify(value), 'takes by the quick way what the walk does not')
    },
  },
  {
    name: 'message',
    format: 'json',
    codes: ['context-refused'],
    seeds,
    tokens: RPC_TOKENS,
    run: parses(readMessage, (message, bytes) => {
      const read = jsonOf(bytes)
      must(read.valid, 'reads what is no JSON')
      must((message.kind === 'batch') === Array.isArray(read.parsed), 'takes one kind of message for another')
      if (message.kind !== 'batch') sameMessage(message, read.parsed)
    }),
  },
  {
    name: 'answer-id',
    format: 'json',
    codes: [],
    seeds,
    tokens: RPC_TOKENS,
    run: parses(answerId, (id) =>
      must(id === undefined || tokenKey(tokenKey(id)) === tokenKey(id), 'gives an id that is none'),
    ),
  },
]

/** Behind a space, which JSON.stringify does not write, a document takes the long way. */
function walked(bytes: Uint8Array, safeIntegers: boolean): string | undefined {
  try {
    return JSON.stringify(parseStrictJson(Buffer.concat([Buffer.from(' '), bytes]), { safeIntegers }))
  } catch {
    return undefined
  }
}

/** "Not valid JSON" must mean that it is none; other reasons (depth, a member twice) have words of their own. */
function refusedFor(thrown: unknown, valid: boolean, bytes: Uint8Array): void {
  if (!(thrown instanceof CountersignError)) return
  const grammar = thrown.message === 'A document is not valid JSON.'
  must(!grammar || !valid, 'refuses JSON as if it were none')
  must(thrown.message !== 'A document is not valid UTF-8.' || !isUtf8(bytes), 'refuses UTF-8 as if it were none')
}

/** Without its strings, in which digits are text. */
function unquoted(bytes: Uint8Array): string {
  return Buffer.from(bytes)
    .toString('utf8')
    .replaceAll(/"(?:[^"\\]|\\.)*"|[0-9]*\.[0-9]+|[-+0-9.]+[eE][-+0-9]+/gs, '')
}

/** Every member that routing or a policy looks at is the one that a server reads, which is JSON.parse's or one like it. */
function sameMessage(message: Message, parsed: unknown): void {
  const params = uniqueMember(parsed, 'params')
  const meta = uniqueMember(params, '_meta')
  const scalar = (value: unknown): unknown =>
    typeof value === 'string' || typeof value === 'number' ? value : undefined
  const string = (value: unknown): unknown => (typeof value === 'string' ? value : undefined)
  const pairs: readonly [what: string, token: string | undefined, expected: unknown][] = [
    ['id', message.id, scalar(uniqueMember(parsed, 'id'))],
    ['requestId', message.requestId, scalar(uniqueMember(params, 'requestId'))],
    ['subscription', message.subscription, scalar(uniqueMember(meta, `${META}subscriptionId`))],
    [
      'progressToken',
      message.progressToken,
      scalar(uniqueMember(meta, 'progressToken')) ?? scalar(uniqueMember(params, 'progressToken')),
    ],
  ]
  for (const [what, token, expected] of pairs) {
    // A token that is too long is left out.
    if (token !== undefined) mustEqual(JSON.parse(token), expected, `reads another ${what}`)
    else must(expected === undefined || longest(expected) > 100, `misses the ${what}`)
  }
  const texts: readonly [what: string, text: string | undefined, expected: unknown][] = [
    ['method', message.method, string(uniqueMember(parsed, 'method'))],
    ['name', message.name, string(uniqueMember(params, 'name'))],
    ['uri', message.uri, string(uniqueMember(params, 'uri'))],
    ['protocolVersion', message.protocolVersion, string(uniqueMember(meta, `${META}protocolVersion`))],
  ]
  for (const [what, value, expected] of texts) {
    if (value !== undefined) must(value === expected, `reads another ${what}`)
    else must(expected === undefined || longest(expected) > 100, `misses the ${what}`)
  }
}

/** An escape takes six bytes for one unit, so a token of 1024 bytes can be this short a text; numbers are as long as they like. */
function longest(value: unknown): number {
  return typeof value === 'string' ? value.length : Number.POSITIVE_INFINITY
}

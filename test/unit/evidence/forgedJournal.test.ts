import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { encodeBase64url, encodeUtf8 } from '../../../src/crypto/encoding.ts'
import { exportJwk } from '../../../src/crypto/jwk.ts'
import { encodeLine, FIRST_PREV, parseLine } from '../../../src/evidence/journal/format.ts'
import { SeedSigner } from '../../fakes/seedSigner.ts'
import { ANSWER, digestOf, End, NOW, QUESTION } from './build.ts'
import {
  client,
  Conversation,
  conversation,
  gateway,
  journal,
  judged,
  rewritten,
  root,
  unclosed,
  verify,
} from './conversation.ts'

describe('a journal rewritten by somebody who can compute its chain', () => {
  const isRecord = (line: Record<string, unknown>) => line['type'] === 'record'

  it('is false wherever a record was changed', async () => {
    const file = await journal((await conversation()).entries)
    const other = encodeBase64url(encodeUtf8('{"id":41,"result":{"forged":true}}'))
    const changes: Record<string, unknown>[] = [
      { context: other },
      { head: other },
      { index: 1 },
      { proof: [digestOf(QUESTION)] },
      { statement: '{}' },
    ]
    for (const change of changes) {
      const forged = await rewritten(file, (lines) =>
        lines.map((line) => (isRecord(line) ? { ...line, ...change } : line)),
      )
      const { code, lines } = await judged(forged)
      expect(code).toBe(1)
      expect(lines.filter((line) => line.startsWith('FALSE'))).toHaveLength(8)
    }
  })

  it('is false with a statement changed in any one of its members', async () => {
    const file = await journal((await conversation()).entries.slice(0, 1))
    for (const [from, to] of [
      ['"seq":0', '"seq":1'],
      ['"id":"41"', '"id":"42"'],
      ['tools/call', 'tools/list'],
      ['"server":"files"', '"server":"other"'],
      ['"ts":1', '"ts":2'],
      ['"exchange":3', '"exchange":4'],
    ]) {
      const forged = await rewritten(file, (lines) =>
        lines.map((line) => ({
          ...line,
          ...(isRecord(line) && { statement: String(line['statement']).replace(from ?? '', to ?? '') }),
        })),
      )
      expect(await readFile(forged, 'utf8')).toContain(JSON.stringify(to).slice(1, -1))
      expect((await judged(forged)).code).toBe(1)
    }
  })

  it('is false with a key put under the kid of another', async () => {
    const file = await journal((await conversation()).entries)
    const mallory = await SeedSigner.create(3)
    const jwk = exportJwk('ML-DSA-87', mallory.publicKey)
    const forged = await rewritten(file, (lines) =>
      lines.map((line) => (line['type'] === 'key' ? { ...line, jwk } : line)),
    )
    expect((await judged(forged)).lines.filter((line) => line.startsWith('FALSE'))).toHaveLength(8)
  })

  it('is false with a record put in twice, and incomplete with one taken out', async () => {
    const file = await journal((await conversation()).entries)
    const last = (lines: Record<string, unknown>[]) => lines.findLastIndex(isRecord)
    const twice = await judged(
      await rewritten(file, (lines) => lines.toSpliced(last(lines), 0, lines[last(lines)] ?? {})),
    )
    expect(twice.code).toBe(1)
    expect(twice.lines.join('\n')).toContain('a sequence that was used before')
    const gone = await judged(await rewritten(file, (lines) => lines.toSpliced(lines.findIndex(isRecord), 1)))
    expect(gone.code).toBe(2)
  })

  it.each([
    ['the last close', 1, ['s2c']],
    ['both closes', 2, ['c2s', 's2c']],
    ['the last answer and what follows', 3, ['c2s', 's2c']],
    ['the last question and what follows', 4, ['c2s', 's2c']],
    ['all but the first question', 7, ['c2s', 's2c']],
  ] as const)('is incomplete with its end dropped and its close line made to fit: %s', async (_, dropped, open) => {
    const file = await journal((await conversation()).entries)
    const forged = await rewritten(file, (lines) => {
      const gone = new Set(lines.filter(isRecord).slice(-dropped))
      const records = 8 - dropped
      return lines
        .filter((line) => !gone.has(line))
        .map((line) => ({ ...line, ...(line['type'] === 'close' && { records }) }))
    })
    const { code, lines, summary } = await judged(forged)
    expect(code).toBe(2)
    // Every line that is left holds, and the file says of itself that it is whole.
    const kept = 8 - dropped
    for (const line of lines.slice(0, kept)) expect(line).toMatch(/^holds /)
    expect(lines.slice(kept)).toEqual(open.map((dir) => unclosed(dir)))
    expect(summary).toBe(
      `Incomplete. ${kept} records of 1 sessions in 1 files: ${kept} hold, 0 false, ${open.length} incomplete.`,
    )
  })

  it('is incomplete with statements dropped before the closes', async () => {
    const file = await journal((await conversation()).entries)
    const forged = await rewritten(file, (lines) => {
      const gone = new Set(lines.filter(isRecord).slice(4, 6))
      return lines
        .filter((line) => !gone.has(line))
        .map((line) => ({ ...line, ...(line['type'] === 'close' && { records: 6 }) }))
    })
    const { code, lines } = await judged(forged)
    expect(code).toBe(2)
    expect(lines.filter((line) => line.includes('the statements before it are not in these files'))).toHaveLength(2)
    expect(lines.filter((line) => line.startsWith('FALSE'))).toEqual([])
  })
})

describe('evidence that is signed and still false', () => {
  it.each<[string, (talk: Conversation) => Promise<unknown>]>([
    ['an answer in another exchange', async (talk) => await talk.answer(await talk.ask(), { exchange: 4 })],
    ['an answer of another server', async (talk) => await talk.answer(await talk.ask(), { server: 'other' })],
    ['a past that never was', async (talk) => await talk.ask({ prev: digestOf(ANSWER) })],
    [
      'somebody else as audience',
      async (talk) => await talk.answer(await talk.ask(), { aud: encodeBase64url(new Uint8Array(32)) }),
    ],
    ['a statement for its own signer', async (talk) => await talk.ask({ aud: client.kid })],
    ['another method than the context', async (talk) => await talk.ask({ method: 'ping' })],
    [
      'an acknowledgement of what was not sent',
      async (talk) => await talk.answer(await talk.ask(), { ack: { seq: 1, head: digestOf(ANSWER) } }),
    ],
  ])('is found: %s', async (_, say) => {
    const talk = new Conversation()
    await say(talk)
    const { code, lines } = await judged(await journal(talk.entries))
    expect(code).toBe(1)
    expect(lines.filter((line) => line.startsWith('FALSE'))).toHaveLength(1)
  })

  it('is found when two trusted keys sign one direction of a session', async () => {
    const [one, two] = [new Conversation(), new Conversation()]
    await one.ask()
    const signer = await SeedSigner.create(3)
    const end = new End('c2s', signer, gateway.kid)
    end.statement(QUESTION)
    const evidence = await end.one(QUESTION, { method: 'tools/call', id: '41' })
    two.entries.push({ ...evidence, how: 'sent', at: NOW })
    const files = [await journal(one.entries), await journal(two.entries)]
    const { code, lines } = await verify('--trust', client.kid, '--trust', signer.kid, ...files)
    expect([code, lines[1]]).toEqual([1, expect.stringContaining('signed by two keys')])
  })

  it('is found when what was acknowledged is read only later', async () => {
    const talk = new Conversation()
    await talk.answer(await talk.ask(), { ack: { seq: 1, head: digestOf(ANSWER) } })
    const [question, answer] = talk.entries
    if (question === undefined || answer === undefined) throw new Error('no entries')
    const { code, lines } = await judged(await journal([answer, question]))
    expect(code).toBe(1)
    expect(lines.filter((line) => line.startsWith('FALSE'))).toEqual([
      expect.stringMatching(/^FALSE .*jsonl:4 · A statement acknowledges something else/),
    ])
  })
})

describe('what a hostile file can do to a terminal', () => {
  it('is nothing: what would be acted on is shown as its code', async () => {
    const talk = new Conversation()
    const method = 'tools\u001b[2K\r\u202eholds\u200b\n\u009b'
    await talk.ask({ method }, encodeUtf8(JSON.stringify({ id: 41, method })))
    await talk.close()
    const file = await journal(talk.entries)
    for (const json of [[], ['--json']]) {
      const { code, out } = await verify(...json, '--trust', client.kid, '--trust', gateway.kid, file)
      expect(code).toBe(0)
      for (const line of out) expect(line).not.toMatch(/[\p{Cc}\p{Cf}]/u)
      expect(out[0]).toMatch(json.length === 0 ? /tools\\u\{1b\}\[2K\\u\{d\}\\u\{202e\}holds/ : /\\u202eholds/)
    }
  })

  it('is never an exception, and nothing that holds', async () => {
    const line = fc.oneof(
      fc.uint8Array({ maxLength: 60 }).map((bytes) => Buffer.from(bytes)),
      fc.json().map((json) => Buffer.from(json)),
      fc
        .constantFrom('key', 'batch', 'record', 'close')
        .map((type) => Buffer.from(`{"n":0,"prev":"${FIRST_PREV}","type":"${type}"}`)),
    )
    const file = join(root, 'fuzz.jsonl')
    await fc.assert(
      fc.asyncProperty(fc.array(line, { maxLength: 6 }), async (lines) => {
        await writeFile(file, Buffer.concat(lines.flatMap((bytes) => [bytes, Buffer.from('\n')])))
        const { code, err } = await judged(file)
        expect([code === 1 || code === 2, err]).toEqual([true, []])
      }),
      { numRuns: 60 },
    )
  })

  it('is not helped by a close that counts what is not there', async () => {
    const close = { n: 0, prev: FIRST_PREV, line: { type: 'close', at: 0, records: 5 } } as const
    expect(parseLine(encodeLine(close))).toEqual(close)
    const file = join(root, 'close.jsonl')
    await writeFile(file, Buffer.concat([encodeLine(close), Buffer.from('\n')]))
    expect((await judged(file)).lines[0]).toContain('another number of records')
  })
})

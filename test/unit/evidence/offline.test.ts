import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { exportJwk } from '../../../src/crypto/jwk.ts'
import { encodeBase64url } from '../../../src/crypto/encoding.ts'
import { NOW } from './build.ts'
import { client, Conversation, conversation, gateway, journal, judged, root, unclosed, verify } from './conversation.ts'

const OTHER_SID = encodeBase64url(new Uint8Array(48).fill(8))

describe('verify', () => {
  it('holds when everything does: 0', async () => {
    const file = await journal((await conversation()).entries)
    const { code, lines, summary, err } = await judged(file)
    expect([code, err]).toEqual([0, []])
    expect(lines).toHaveLength(8)
    for (const line of lines.slice(0, 6))
      expect(line).toMatch(/^holds {6}.*jsonl:\d+ · (c2s|s2c) \d (request tools\/call|response) · files/)
    for (const [n, dir] of ['c2s', 's2c'].entries())
      expect(lines[6 + n]).toMatch(new RegExp(`^holds {6}.*jsonl:\\d+ · ${dir} 3 close · -, exchange 0 · 0 B`))
    expect(summary).toBe('All holds. 8 records of 1 sessions in 1 files: 8 hold, 0 false, 0 incomplete.')
  })

  it('is incomplete without trust, and every line says why: 2', async () => {
    const { code, lines, summary } = await verify(await journal((await conversation()).entries))
    expect(code).toBe(2)
    expect(lines).toHaveLength(8)
    for (const line of lines) expect(line).toMatch(/^incomplete .*its signer was compared with nothing$/)
    expect(summary).toContain('--trust')
  })

  it('takes keys as kid, as JWK file, and as what identity printed', async () => {
    const file = await journal((await conversation()).entries)
    const [jwk, identity, wrong] = ['jwk.json', 'identity.json', 'wrong.json'].map((name) => join(root, name))
    if (jwk === undefined || identity === undefined || wrong === undefined) throw new Error('no paths')
    await writeFile(jwk, JSON.stringify(exportJwk('ML-DSA-87', client.publicKey)))
    await writeFile(identity, JSON.stringify({ kid: 'ignored', jwk: exportJwk('ML-DSA-87', gateway.publicKey) }))
    await writeFile(wrong, '{"kty":"RSA"}')
    expect((await verify('--trust', jwk, '--trust', identity, file)).code).toBe(0)
    expect((await verify('--trust', jwk, file)).code).toBe(1)
    expect(await verify('--trust', wrong, file)).toMatchObject({ code: 2, out: [] })
    expect(await verify('--trust', join(root, 'absent'), file)).toMatchObject({ code: 2, out: [] })
  })

  it('takes a kid that begins like an option', async () => {
    const file = await journal((await conversation()).entries)
    const stranger = `-${client.kid.slice(1)}`
    expect((await verify('--trust', stranger, file)).code).toBe(1)
    expect((await verify('--trust', stranger, '--trust', client.kid, `--trust=${gateway.kid}`, file)).code).toBe(0)
    expect(await verify('--trust')).toMatchObject({ code: 2, out: [] })
  })

  it('holds two journals of one session against each other', async () => {
    const talk = await conversation()
    const seen = talk.entries.map((entry) => ({ ...entry, how: entry.how === 'sent' ? 'received' : 'sent' }) as const)
    const { code, summary } = await judged(await journal(talk.entries), await journal(seen))
    expect([code, summary]).toEqual([0, expect.stringContaining('16 records of 1 sessions in 2 files')])
  })

  it('finds two histories signed by one key, in whatever order the files come', async () => {
    const [one, two] = [new Conversation(), new Conversation()]
    await one.ask()
    await two.ask({ ts: NOW + 1 })
    const files = [await journal(one.entries), await journal(two.entries)]
    for (const order of [files, files.toReversed()]) {
      const { code, lines } = await judged(...order)
      expect([code, lines.map((line) => line.slice(0, 5))]).toEqual([1, ['holds', 'FALSE']])
      expect(lines[1]).toContain('two histories')
    }
  })

  it('says what a journal of digests covers', async () => {
    const { code, lines } = await judged(await journal((await conversation()).entries, { contexts: 'digest' }))
    expect(code).toBe(0)
    for (const line of lines) expect(line).toMatch(/only the digest of the context was kept$/)
  })

  it('is incomplete for a journal that was cut: at its end, at its beginning, in the middle', async () => {
    const { entries } = await conversation()
    const whole = await readFile(await journal(entries), 'utf8')
    const cut = join(root, 'cut.jsonl')
    await writeFile(cut, whole.slice(0, -50))
    expect(await judged(cut)).toMatchObject({ code: 2 })
    const late = await judged(await journal(entries.slice(2)))
    expect(late.code).toBe(2)
    expect(late.lines[0]).toContain('the statements before it are not in these files')
    // Sequences 0 and 2 of each direction: what is between is missing.
    const holes = await judged(await journal([...entries.slice(0, 2), ...entries.slice(4)]))
    expect(holes.code).toBe(2)
    expect(holes.lines.filter((line) => line.startsWith('incomplete'))).not.toEqual([])
    expect(holes.lines.filter((line) => line.startsWith('FALSE'))).toEqual([])
    const answers = await judged(await journal(entries.filter(({ how }) => how === 'received')))
    expect([answers.code, answers.lines[0]]).toEqual([2, expect.stringContaining('its question is not in these files')])
    expect(answers.sessions).toEqual([
      expect.stringMatching(
        /no close statement c2s.* · 4 acknowledgements are of statements that are not in these files$/,
      ),
    ])
  })

  it('is incomplete for a session that lost its connection, though its journal was closed in order', async () => {
    const talk = new Conversation()
    await talk.answer(await talk.ask())
    const { code, lines, sessions, summary } = await judged(await journal(talk.entries))
    expect(code).toBe(2)
    expect(lines.map((line) => line.slice(0, 5))).toEqual(['holds', 'holds'])
    expect(sessions).toEqual([unclosed(['c2s', 's2c'])])
    expect(summary).toBe('Incomplete. 2 records of 1 sessions in 1 files: 2 hold, 0 false, 1 incomplete.')
  })

  it('is incomplete for one lost session among others, and names it', async () => {
    const [whole, lost] = [await conversation(), new Conversation(OTHER_SID)]
    await lost.ask()
    const { code, sessions } = await judged(await journal([...whole.entries, ...lost.entries]))
    expect(code).toBe(2)
    expect(sessions).toEqual([expect.stringMatching(/^holds /), unclosed(['c2s', 's2c'], OTHER_SID)])
  })

  it('is incomplete where one end did not close, and whole again with the journal that has its close', async () => {
    const { entries } = await conversation()
    const [cut, whole] = [await journal(entries.slice(0, -1)), await journal(entries)]
    const alone = await judged(cut)
    expect([alone.code, alone.sessions]).toEqual([2, [unclosed(['s2c'])]])
    expect((await judged(cut, whole)).code).toBe(0)
    expect((await judged(whole, cut)).code).toBe(0)
  })

  it('is incomplete where there is nothing to verify', async () => {
    expect((await judged(await journal([]))).code).toBe(2)
    const absent = await judged(join(root, 'absent'))
    expect([absent.code, absent.lines[0]]).toEqual([2, expect.stringContaining('could not be read (ENOENT)')])
    expect((await judged()).err[0]).toContain('Name at least one file')
    const wrong = await judged('--wrong', 'x')
    expect([wrong.code, wrong.err]).toEqual([
      2,
      [expect.stringContaining("'--wrong'"), expect.stringContaining('--help')],
    ])
    expect(await verify('--help')).toMatchObject({ code: 0, err: [] })
  })

  it('says the same as JSON', async () => {
    const file = await journal((await conversation()).entries)
    const { code, out } = await verify('--json', '--trust', client.kid, '--trust', gateway.kid, file)
    const [first, ...others]: { [member: string]: unknown }[] = out.map((line) => JSON.parse(line))
    expect(code).toBe(0)
    expect(first).toMatchObject({ file, line: 4, state: 'holds', record: { kid: client.kid, statement: { seq: 0 } } })
    expect(others.at(-1)).toEqual({
      summary: { files: 1, sessions: 1, records: 8, redacted: 0, holds: 8, false: 0, incomplete: 0, exitCode: 0 },
    })
  })
})

import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { encodeRing } from '../../../src/evidence/trustedKeys.ts'
import { bundleOf, type Parties, parties, realBundle, Talk, wholeTalk } from '../../fakes/evidenceBundle.ts'
import { Forger } from '../../fakes/forgeries/forger.ts'
import { publicOf } from '../../fakes/transition.ts'
import { NOW } from '../../unit/evidence/build.ts'
import { asProcess, independent, ours } from './independent.ts'

let folder: string
let of: Parties

beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'countersign-bundles-'))
  of = await parties()
})

afterAll(() => rm(folder, { recursive: true, force: true }))

let count = 0
async function written(bytes: Uint8Array, name = 'bundle.countersign'): Promise<string> {
  const file = path.join(folder, `${++count}-${name}`)
  await writeFile(file, bytes)
  return file
}

/** Both verifiers, which must agree on the whole and on each line. */
async function both(bytes: Uint8Array, trust: readonly string[] = [of.client.kid, of.gateway.kid]) {
  const one = { file: await written(bytes), trust }
  const [here, [there]] = [await ours(one), await independent([one])]
  expect([there?.code, there?.states], there?.lines.join('\n')).toEqual([here.code, here.states])
  return here
}

describe('a bundle', () => {
  it('of a whole session holds, with a redacted context and a transition in it: 0', async () => {
    const { code, lines } = await both(await realBundle(of))
    expect([code, lines.join('\n')]).toEqual([0, expect.stringContaining('redacted: its bytes were removed')])
    expect(lines.at(-2)).toMatch(
      /c2s 5 statements, closed, acknowledged up to 4.* s2c 7 statements, closed, acknowledged up to 5/,
    )
    expect(lines.at(-1)).toBe(
      'All holds. 12 records of 1 sessions in 1 files: 12 hold, 0 false, 0 incomplete. 1 are redacted.',
    )
  })

  it('does not hold a byte of what was redacted', async () => {
    const { entries } = await wholeTalk(of)
    const bytes = await bundleOf(entries, { exporter: of.client, redact: () => true })
    for (const line of bytes.toString('utf8').split('\n'))
      expect(line).not.toMatch(/"(context|head)":"[^"]{0,3000}","?/)
    expect((await both(bytes)).code).toBe(0)
  })

  it('is trusted from an old key on, by the transition in it, and every line says so', async () => {
    const { code, lines } = await both(await realBundle(of), [of.former.kid, of.gateway.kid])
    expect(code).toBe(0)
    expect(lines.filter((line) => line.includes(`its key follows ${of.former.kid} by a transition`))).toHaveLength(6)
  })

  it('without a trusted key is incomplete: 2', async () => {
    const { code, lines } = await both(await realBundle(of), [])
    expect([code, lines.at(-1)]).toEqual([2, expect.stringContaining('name the keys that you trust with --trust')])
  })

  it('of chosen contexts holds line by line, and what it does not show is said of the session: 2', async () => {
    const { entries } = await wholeTalk(of)
    const selection = { kind: 'contexts' } as const
    const bytes = await bundleOf(entries.slice(2, 4), { exporter: of.client, selection })
    const { code, lines } = await both(bytes)
    expect(code).toBe(2)
    expect(lines.filter((line) => line.startsWith('incomplete'))).toEqual([
      expect.stringMatching(
        /session .* c2s lacks 2 statements: 0–1 · no close statement c2s.* · no close statement s2c/,
      ),
    ])
  })

  it('is incomplete where its key was revoked after it signed: 2', async () => {
    const ring = await written(encodeRing([{ ...publicOf(of.client), revoked: NOW + 1 }]), 'ring.json')
    const { code, lines } = await both(await realBundle(of), [ring, of.gateway.kid])
    expect([code, lines.join('\n')]).toEqual([2, expect.stringContaining('its key was revoked later')])
  })

  it.each<[string, (bytes: Buffer) => Buffer, RegExp]>([
    ['in the middle of a line', (bytes) => bytes.subarray(0, -100), /cut off in the middle of a line/],
    ['before its manifest', (bytes) => dropped(bytes, 1), /cut off at its end/],
    ['before the last record', (bytes) => dropped(bytes, 2), /no close statement s2c/],
    ['after the first records', (bytes) => dropped(bytes, 14), /no close statement c2s.*no close statement s2c/],
  ])('with its tail dropped %s is incomplete, and that is said plainly: 2', async (_, cut, said) => {
    const { code, lines } = await both(cut(await realBundle(of)))
    expect([code, lines.join('\n')]).toEqual([2, expect.stringMatching(said)])
    expect(lines.filter((line) => line.startsWith('FALSE'))).toEqual([])
  })

  it('with its tail dropped by the exporter, who can sign that, is incomplete for want of the closes: 2', async () => {
    const real = await Forger.create(of)
    const { code, lines } = await both(Buffer.from(await real.sealed(real.lines.slice(0, -6))))
    expect([code, lines.join('\n')]).toEqual([2, expect.stringContaining('no close statement c2s')])
  })

  it('of a session with a statement missing in the middle is incomplete, and says which: 2', async () => {
    const { entries } = await wholeTalk(of)
    const { code, lines } = await both(await bundleOf(entries.toSpliced(1, 1), { exporter: of.client }))
    expect([code, lines.join('\n')]).toEqual([2, expect.stringContaining('c2s lacks 1 statement: 1')])
  })

  it('with a batch further back than 256 others is incomplete: 2', async () => {
    const talk = new Talk(of)
    for (let n = 0; n < 257; n++) await talk.say(talk.c2s, [talk.question({ exchange: n + 1 })])
    const lines = (await bundleOf(talk.entries, { exporter: of.client })).toString('utf8').split('\n')
    // The first batch stays where it is, and its record comes last.
    const record = lines.findIndex((line) => line.startsWith('{"type":"record"'))
    const moved = [...lines.slice(0, record), ...lines.slice(record + 1, -2), lines[record] ?? '']
    const { code, lines: said } = await both(Buffer.from(await (await Forger.create(of)).sealed(moved)))
    expect([code, said.join('\n')]).toEqual([2, expect.stringContaining('the batch of the record is missing')])
  })

  it('of a session whose connection was lost says what was never acknowledged: 2', async () => {
    const talk = new Talk(of)
    const [req] = await talk.say(talk.c2s, [talk.question()])
    await talk.say(talk.s2c, [talk.answer(req)])
    await talk.say(talk.c2s, [talk.question(), talk.question()])
    const { code, lines } = await both(await bundleOf(talk.entries, { exporter: of.gateway }))
    expect([code, lines.at(-2)]).toEqual([
      2,
      expect.stringContaining('c2s 3 statements, acknowledged up to 0, never 2'),
    ])
  })

  it('is verified by the script as people run it, with the same exit codes', async () => {
    const bytes = await realBundle(of)
    const trust = [of.client.kid, of.gateway.kid]
    const forged = Buffer.from(bytes.toString('utf8').replace('"how":"sent"', '"how":"received"'))
    const codes = []
    for (const one of [bytes, forged, dropped(bytes, 1)]) {
      const { code, stderr } = await asProcess({ file: await written(one), trust })
      codes.push([code, stderr])
    }
    expect(codes).toEqual([
      [0, ''],
      [1, ''],
      [2, ''],
    ])
  })
})

/** Without its last lines. */
function dropped(bytes: Buffer, lines: number): Buffer {
  return Buffer.from(
    bytes
      .toString('utf8')
      .split('\n')
      .slice(0, -1 - lines)
      .map((line) => `${line}\n`)
      .join(''),
  )
}

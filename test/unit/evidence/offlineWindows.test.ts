import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { encodeRing, type RingKey } from '../../../src/evidence/trustedKeys.ts'
import { SeedSigner } from '../../fakes/seedSigner.ts'
import { publicOf, transitionOf } from '../../fakes/transition.ts'
import { NOW } from './build.ts'
import { client, conversation, gateway, journal, root, verify } from './conversation.ts'

let count = 0
async function file(bytes: Uint8Array): Promise<string> {
  const path = join(root, `trust-${++count}.json`)
  await writeFile(path, bytes)
  return path
}
const ring = (...keys: RingKey[]) => file(encodeRing(keys))

it('a ring is trust within windows: the first instant counts, the last does not', async () => {
  const evidence = await journal((await conversation()).entries)
  const EXPECTED = [
    [{ from: NOW }, 0],
    [{ from: NOW + 1 }, 1],
    [{ until: NOW + 1 }, 0],
    [{ until: NOW }, 1],
    [{ from: NOW - 9, until: NOW + 9 }, 0],
  ] as const
  for (const [window, code] of EXPECTED) {
    const said = await verify('--trust', await ring({ ...publicOf(client), ...window }, gateway), evidence)
    expect([said.code, JSON.stringify(window)]).toEqual([code, JSON.stringify(window)])
    const outside = said.lines.filter((line) => /^FALSE.*signed outside the window of its key/.test(line))
    // Every statement of the client, and none of the gateway.
    expect(outside).toHaveLength(code === 0 ? 0 : 4)
  }
})

it('what a key signed before it was revoked is incomplete, and says why; after it, false', async () => {
  const evidence = await journal((await conversation()).entries)
  const before = await verify('--trust', await ring({ ...publicOf(client), revoked: NOW + 1 }, gateway), evidence)
  expect([before.code, before.lines.filter((line) => /^incomplete.*revoked later/.test(line)).length]).toEqual([2, 4])
  const after = await verify('--trust', await ring({ ...publicOf(client), revoked: NOW }, gateway), evidence)
  expect(after.code).toBe(1)
})

it('trust goes on from an old key to a new one from the time that both signed', async () => {
  const evidence = await journal((await conversation()).entries)
  const before = await SeedSigner.create(7)
  const both = ['--trust', gateway.kid, '--trust', before.kid]
  expect((await verify(...both, evidence)).code).toBe(1)
  const inTime = await file(await transitionOf(before, client, NOW))
  expect(await verify(...both, '--transition', inTime, evidence)).toMatchObject({ code: 0, err: [] })
  const late = await file(await transitionOf(before, client, NOW + 1))
  const said = await verify(...both, '--transition', late, evidence)
  expect([said.code, said.lines[0]]).toEqual([1, expect.stringContaining('signed outside the window of its key')])
})

it('trust does not go on from a key that is not trusted then, nor by a document that does not hold', async () => {
  const evidence = await journal((await conversation()).entries)
  const before = await SeedSigner.create(7)
  const document = await transitionOf(before, client, NOW)
  const path = await file(document)
  for (const from of [
    { ...publicOf(before), until: NOW },
    { ...publicOf(before), revoked: NOW + 5 },
  ]) {
    const said = await verify('--trust', gateway.kid, '--trust', await ring(from), '--transition', path, evidence)
    expect([said.code, said.err]).toEqual([1, [expect.stringContaining('no trust goes from')]])
  }
  const broken = document.slice()
  broken[broken.length - 20] = broken[broken.length - 20] === 65 ? 66 : 65
  expect((await verify('--trust', before.kid, '--transition', await file(broken), evidence)).code).toBe(2)
  const alone = await verify('--transition', path, evidence)
  expect([alone.code, alone.err[0]]).toEqual([2, expect.stringContaining('name it with --trust')])
})

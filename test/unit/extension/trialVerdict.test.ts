import { describe, expect, it } from 'vitest'
import { changeOf } from '../../../src/extension/trial/change.ts'
import { refusalOf } from '../../../src/extension/trial/gateway.ts'
import { Tap } from '../../../src/extension/trial/tap.ts'
import { type Ending, verdictOn, verdictOnFile } from '../../../src/extension/trial/verdict.ts'
import { CountersignError } from '../../../src/support/errors.ts'

const change = changeOf([Uint8Array.of(1, 2, 3)], [Uint8Array.of(1, 9, 3)])
const here = new CountersignError('statement-invalid', 'A statement is false.')
const there = { code: 'replay', sentence: 'It was used before.' }

function verdict({ alert, ...ending }: Partial<Ending> & { alert?: number }, changed = true) {
  const tap = new Tap()
  tap.alert = alert
  if (changed) tap.change = change
  return verdictOn({ tap, reached: { whom: 'server', bytes: 0 }, otherwise: 'Nobody said no.', ...ending })
}

describe('what counts as refused', () => {
  it('is what this end threw, or what the gateway said by an alert', () => {
    expect(verdict({ here })).toMatchObject({ state: 'refused', by: 'editor', code: 'statement-invalid' })
    expect(verdict({ alert: 111, there })).toMatchObject({ state: 'refused', by: 'gateway', ...there })
    expect(verdict({ alert: 111 })).toMatchObject({ state: 'refused', by: 'gateway', code: 'alert 111' })
  })

  it('is not a connection that ended, a goodbye, or an answer', () => {
    expect(verdict({})).toMatchObject({ state: 'failed', sentence: 'Nobody said no.' })
    expect(verdict({ alert: 0 })).toMatchObject({ state: 'failed' })
    expect(verdict({ there })).toMatchObject({ state: 'failed' })
  })

  it('is not what got through before it was refused, nor what was never attacked', () => {
    const late = verdict({ here, reached: { whom: 'agent', bytes: 7 } })
    expect(late).toMatchObject({ state: 'failed', sentence: 'A statement is false. But 7 bytes had got through.' })
    expect(verdict({ here }, false)).toMatchObject({ state: 'failed' })
  })

  it('of a file is what the verifier found, the false before the incomplete', () => {
    const found = (state: 'holds' | 'false' | 'incomplete', note: string) => ({
      file: 'j',
      line: 1,
      state,
      notes: [note],
    })
    expect(verdictOnFile([found('holds', '')], change)).toMatchObject({ state: 'failed' })
    expect(verdictOnFile([], change)).toMatchObject({ state: 'failed' })
    const both = [found('incomplete', 'gone'), found('false', 'altered')]
    expect(verdictOnFile(both, change)).toMatchObject({
      state: 'refused',
      by: 'verifier',
      code: 'false',
      sentence: 'altered',
    })
    expect(verdictOnFile(both, undefined)).toMatchObject({ state: 'failed' })
  })
})

describe('what was changed', () => {
  it('is shown around the first byte that differs, also where something is gone or was added', () => {
    const long = new Uint8Array(40).map((_, at) => at)
    const other = long.slice()
    other.set([0xaa, 0xbb], 20)
    expect(changeOf([long], [other])).toEqual({
      at: 15,
      before: '0f101112131415161718191a1b1c1d1e',
      after: '0f10111213aabb161718191a1b1c1d1e',
      from: 5,
      to: 7,
      lengths: { before: 40, after: 40 },
    })
    expect(changeOf([long], [])).toMatchObject({ at: 0, after: '', lengths: { before: 40, after: 0 } })
    expect(changeOf([long], [long, long])).toMatchObject({ at: 35, from: 5, lengths: { before: 40, after: 80 } })
    expect(changeOf([long], [long.slice()])).toBeUndefined()
  })
})

it('a gateway’s reason is read from the lines that give one, and from no other', () => {
  const line =
    'countersign warn: a session ended sid=AbC-_1… alert=110 code=statement-invalid reason=It is false, code=x reason=y.'
  expect(refusalOf(line)).toEqual({ code: 'statement-invalid', sentence: 'It is false, code=x reason=y.' })
  expect(refusalOf('countersign info: a session ended client=x')).toBeUndefined()
  expect(refusalOf('countersign warn: a connection was refused address=[::1] code=decode reason=Cut off.')).toEqual({
    code: 'decode',
    sentence: 'Cut off.',
  })
})

import { expect, it } from 'vitest'
import { type Checks, countChecks, differences, protectsFromRebinding } from '../../conformance/compare.ts'

const checks = (found: Record<string, Record<string, readonly string[]>>): Checks =>
  new Map(Object.entries(found).map(([scenario, statuses]) => [scenario, new Map(Object.entries(statuses))]))

const DNS = 'dns-rebinding-protection'

it('finds another status, another number of them, and what one side lacks', () => {
  const direct = checks({ a: { x: ['SUCCESS', 'INFO'], y: ['SUCCESS'], z: ['INFO'] }, b: { x: ['SUCCESS'] } })
  const through = checks({ a: { x: ['INFO', 'SUCCESS'], y: ['WARNING'], z: ['INFO', 'INFO'] }, c: { x: ['FAILURE'] } })
  expect(differences(direct, through)).toEqual([
    { scenario: 'a', check: 'y', direct: 'SUCCESS', through: 'WARNING' },
    { scenario: 'a', check: 'z', direct: 'INFO', through: 'INFO, INFO' },
    { scenario: 'b', check: 'x', direct: 'SUCCESS', through: 'absent' },
    { scenario: 'c', check: 'x', direct: 'absent', through: 'FAILURE' },
  ])
  expect(differences(direct, direct)).toEqual([])
  expect(countChecks(direct)).toEqual({ SUCCESS: 3, INFO: 2 })
})

it('allows protection that the server lacks, and nothing the other way round or elsewhere', () => {
  const failed = checks({ [DNS]: { host: ['FAILURE'] } })
  const passed = checks({ [DNS]: { host: ['SUCCESS'] } })
  expect(differences(failed, passed)).toEqual([])
  expect(differences(passed, failed)).toHaveLength(1)
  expect(differences(failed, checks({}))).toHaveLength(1)
  expect(differences(checks({ a: { host: ['FAILURE'] } }), checks({ a: { host: ['SUCCESS'] } }))).toHaveLength(1)
  expect([passed, failed, checks({}), checks({ [DNS]: {} })].map(protectsFromRebinding)).toEqual([
    true,
    false,
    false,
    false,
  ])
})

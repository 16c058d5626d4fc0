import { parse } from 'valibot'
import { describe, expect, it } from 'vitest'
import { legSchema } from '../../../src/contracts/panelSession.ts'
import { legsOf } from '../../../src/extension/panel/legsView.ts'
import { REACHES } from '../../../src/session/api.ts'
import { worstLeg } from '../../../webview/sessions/legs.ts'

const setting = (...servers: string[]) => ({ servers, route: { kind: 'websocket', url: 'wss://gw.example' } as const })

describe('the legs of a session, as the panel draws them', () => {
  it('are what the gateway says, each in whole sentences that say so', () => {
    const told = REACHES.map((reach, at) => ({ server: `s${at}`, reach, proxied: at % 2 === 1 }))
    const [trunk, ...ends] = legsOf(setting(...told.map(({ server }) => server)), told)
    expect(trunk).toMatchObject({ to: 'gateway', kind: 'quantum-safe' })
    expect(ends.map(({ to, kind }) => `${to} ${kind}`)).toEqual([
      's0 local pipe',
      's1 loopback',
      's2 plain',
      's3 unknown',
      's4 classical',
      's5 quantum-safe',
    ])
    for (const [at, leg] of ends.entries()) {
      expect(parse(legSchema, leg)).toEqual(leg)
      expect(leg.text).toMatch(/^[A-Z].*as the gateway says.*\.$/)
      expect(leg.text.endsWith('goes through a proxy.')).toBe(at % 2 === 1)
    }
  })

  it('are unknown where it says nothing, at all or of this server', () => {
    const other = { server: 'files', reach: 'pipe', proxied: false } as const
    for (const told of [undefined, [], [other]]) {
      expect(legsOf(setting('tickets'), told)[1]).toMatchObject({ to: 'tickets', kind: 'unknown' })
    }
  })

  it('are as exposed as the worst of them', () => {
    const told = REACHES.map((reach) => ({ server: reach, reach, proxied: false }))
    const worst = (...servers: string[]) => worstLeg(legsOf(setting(...servers), told))?.to
    expect(worst('pipe', 'loopback', 'tls-mlkem')).toBeUndefined()
    expect(worst('pipe', 'tls')).toBe('tls')
    expect(worst('tls', 'tls-classical')).toBe('tls-classical')
    expect(worst(...REACHES)).toBe('plain')
    expect(worst('pipe', 'a server that nobody knows')).toBe('a server that nobody knows')
  })
})

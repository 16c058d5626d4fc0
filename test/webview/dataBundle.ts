import type { BundleReport, BundleRow } from '../../src/contracts/bundleView.ts'
import { fingerprintWords } from '../../src/crypto/fingerprint.ts'
import { dice, hash, id, NOW } from './seed.ts'

const HOUR = 3_600_000
const METHODS = ['tools/call', 'tools/call', 'tools/list', 'resources/read', 'tools/\u202ellac']
const client = id('mcp-identity-key')
const gateway = id('gateway desk')

function key(kid: string, contexts: number, trust: BundleReport['keys'][number]['trust'], whose?: string) {
  const custody = kid === client ? ('hsm' as const) : ('software' as const)
  const words = fingerprintWords({ kid })
  return { kid, words, custody, contexts, exporter: kid === client, trust, ...(whose === undefined ? {} : { whose }) }
}

function rows(count: number, scene: string): BundleRow[] {
  const roll = dice(7)
  return Array.from({ length: count }, (_, at): BundleRow => {
    const dir = at % 2 === 0 ? ('c2s' as const) : ('s2c' as const)
    const wrong = scene === 'false' && (at === 3 || at === 8)
    const stranger = scene === 'stranger'
    return {
      line: at + 6,
      state: wrong ? 'false' : stranger ? 'incomplete' : 'holds',
      kid: dir === 'c2s' ? client : gateway,
      notes: wrong
        ? ['The bytes of a context are not the ones that were signed.']
        : stranger
          ? ['its signer is none of the keys that are known here']
          : at === 5
            ? ['redacted: its bytes were removed, their digest is signed']
            : [],
      ...(wrong && at === 8
        ? {}
        : {
            about: {
              dir,
              kind: dir === 'c2s' ? 'request' : 'response',
              ...(dir === 'c2s' && { method: METHODS[Math.floor(roll() * METHODS.length)] ?? 'ping' }),
              server: 'tickets',
              size: Math.floor(200 + roll() * 9000),
              at: NOW - HOUR + at * 61_000,
            },
          }),
    }
  })
}

const FINDINGS: Readonly<Record<string, BundleReport['findings']>> = {
  false: [
    {
      state: 'false',
      note: 'The bytes of a context are not the ones that were signed.',
      count: 2,
      lines: [9, 14],
    },
    {
      state: 'false',
      note: 'The bundle is not what its manifest says: lines were changed, moved, added or taken out.',
      count: 1,
      lines: [31],
    },
    { state: 'incomplete', note: 'c2s lacks 1 statement: 4', count: 1, lines: [0] },
  ],
  incomplete: [
    {
      state: 'incomplete',
      note: 'no close statement c2s: statements may be missing at the end of this direction',
      count: 1,
      lines: [0],
    },
    {
      state: 'incomplete',
      note: 'no close statement s2c: statements may be missing at the end of this direction',
      count: 1,
      lines: [0],
    },
  ],
  stranger: [
    {
      state: 'incomplete',
      note: 'its signer is none of the keys that are known here',
      count: 25,
      lines: [6, 7, 8, 9, 10, 11],
    },
  ],
}

/** An invented bundle: `scene` says what is wrong with it. */
export function bundleReport(scene: string): BundleReport {
  const verdict = scene === 'holds' ? 'holds' : scene === 'false' ? 'false' : 'incomplete'
  const known = scene === 'stranger' ? 'unknown' : 'known'
  const closed = scene === 'holds'
  const direction = { statements: 12, closed, unacknowledged: closed ? 0 : 1 }
  return {
    verdict,
    checkedAt: NOW,
    bytes: 284_119,
    contexts: scene === 'incomplete' ? 12_408 : 24,
    redacted: 1,
    acknowledged: 22,
    sessionCount: 1,
    from: NOW - HOUR,
    to: NOW - HOUR / 2,
    exported: { kid: client, at: NOW - HOUR / 3, state: scene === 'stranger' ? 'incomplete' : verdict },
    keys: [
      key(client, 12, known, scene === 'stranger' ? undefined : 'your key mcp-identity-key'),
      key(gateway, 12, known, scene === 'stranger' ? undefined : 'gateway wss://gw.ops.example:7443'),
    ],
    findings: FINDINGS[scene] ?? [],
    moreFindings: scene === 'false' ? 3 : 0,
    sessions: [
      {
        sid: hash('session').toString('base64url'),
        state: closed ? 'holds' : 'incomplete',
        c2s: direction,
        s2c: direction,
      },
    ],
    rows: rows(24, scene),
  }
}

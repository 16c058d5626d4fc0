import type { PanelSeries, PanelSession } from '../../src/contracts/panelSession.ts'
import { dice, editor, hash, hex, id, identity, NOW } from './seed.ts'

function series(seed: number, base: number, spread: number, fresh = 0): PanelSeries {
  const roll = dice(seed)
  const values = Array.from({ length: 60 }, (_, at) =>
    at < fresh ? null : Math.max(0, base + (roll() - 0.4) * spread),
  )
  const now = values.at(-1)
  return { values, ...(now === null || now === undefined ? {} : { now }) }
}

/** @param busy the gateway first asked for a cookie */
function handshake(sid: string, busy = false): NonNullable<PanelSession['handshake']> {
  const part = (label: string, bytes: number, sealed = false) => ({ label, bytes, sealed })
  const server = [part('ML-KEM ciphertext', 1568), part('ECDH share', 32), part('limits', 98, true)]
  const proof = [part('identity', 2592, true), part('signature', 4627, true), part('finished', 209, true)]
  const step = (
    name: 'ClientHello' | 'Retry' | 'ServerHello' | 'ClientAuth' | 'Ready',
    by: 'client' | 'server',
    at: number,
    parts: ReturnType<typeof part>[],
  ) => ({
    name,
    by,
    at,
    took: 0,
    bytes: parts.reduce((sum, each) => sum + each.bytes, 0),
    parts,
  })
  const work = (name: 'sign' | 'verify', at: number, took: number) => ({
    name,
    by: 'client' as const,
    at,
    took,
    bytes: 0,
    parts: [],
  })
  const hello = (at: number, ...more: ReturnType<typeof part>[]) =>
    step('ClientHello', 'client', at, [
      part('ML-KEM key', 1568),
      part('ECDH share', 32),
      ...more,
      part('suites, nonce', 228),
    ])
  const retry = [
    step('Retry', 'server', 1.2, [part('cookie', 157), part('suite', 63)]),
    hello(2.4, part('cookie', 157)),
  ]
  const steps = [
    hello(0),
    ...(busy ? retry : []),
    step('ServerHello', 'server', 6.9, [...server, ...proof]),
    work('verify', 7.8, 0.9),
    work('sign', 17.6, 9.8),
    step('ClientAuth', 'client', 18.2, [
      part('identity', 2592, true),
      part('signature', 4627, true),
      part('finished', 147, true),
    ]),
    step('Ready', 'server', 21.6, [part('server time, session id', 96, true)]),
  ]
  return {
    sid,
    conn: id('conn'),
    suite: 'MLKEM1024_X25519_MLDSA87_AES256GCM_SHA384',
    steps,
    transcript: hex(hash('transcript')),
    took: 21.6,
    bytes: steps.reduce((sum, each) => sum + each.bytes, 0),
  }
}

const SAFE = 'Recording this traffic is of no use later: ML-KEM-1024 and X25519 as far as the gateway.'

function session(name: string, change: Partial<PanelSession>): PanelSession {
  const sid = id(`sid ${name}`)
  return {
    id: name,
    sid,
    servers: [name],
    state: 'ready',
    since: NOW - 37 * 60_000,
    facts: [],
    gateway: { name: 'desk', address: 'ws://127.0.0.1:7443' },
    pin: { state: 'pinned', since: NOW - 9 * 86_400_000 },
    suite: 'MLKEM1024_X25519_MLDSA87_AES256GCM_SHA384',
    epoch: 0,
    self: editor,
    peer: identity('desk', 'software'),
    handshake: handshake(sid),
    legs: [
      { from: 'editor', to: 'gateway', kind: 'quantum-safe', text: SAFE },
      { from: 'gateway', to: name, kind: 'local pipe', text: 'From there a pipe on one machine.' },
    ],
    epochs: [{ epoch: 0, from: NOW - 37 * 60_000, cause: 'handshake', contexts: 4217 }],
    contexts: 4217,
    rejected: 0,
    measures: { rate: series(1, 3, 3), added: series(2, 10, 4), batch: series(3, 3, 5), batchLimit: 64 },
    ...change,
  }
}

export function sessions(): PanelSession[] {
  const tls =
    'From its gateway to the server it is TLS 1.3 with X25519: classical, can be recorded now and decrypted later.'
  return [
    session('files', {
      servers: ['files', 'git'],
      epoch: 1,
      epochs: [
        { epoch: 0, from: NOW - 37 * 60_000, until: NOW - 22 * 60_000, cause: 'handshake', contexts: 1804 },
        { epoch: 1, from: NOW - 22 * 60_000, until: NOW - 12 * 60_000, cause: 'time', contexts: 1291 },
        { epoch: 0, from: NOW - 11.5 * 60_000, until: NOW - 4 * 60_000, cause: 'resume', contexts: 917 },
        { epoch: 1, from: NOW - 4 * 60_000, cause: 'time', contexts: 205 },
      ],
      nextRekey: { at: NOW + 6 * 60_000, contexts: 65_331 },
      legs: [
        ...session('files', {}).legs,
        { from: 'gateway', to: 'git', kind: 'local pipe', text: 'From there a pipe on one machine.' },
      ],
    }),
    session('tickets', {
      gateway: { name: 'ops', address: 'wss://gw.ops.example' },
      pin: { state: 'first use', since: NOW - 86_400_000 },
      peer: identity('ops', 'hsm'),
      handshake: handshake(id('sid tickets'), true),
      legs: [
        { from: 'editor', to: 'gateway', kind: 'quantum-safe', text: SAFE },
        { from: 'gateway', to: 'tickets', kind: 'classical', text: tls },
      ],
      contexts: 471,
      measures: { rate: series(5, 0.3, 1), added: { values: [] }, batch: series(7, 1, 1, 30), batchLimit: 64 },
    }),
    session('warehouse', {
      state: 'reconnecting',
      since: NOW - 19_000,
      sentence: 'The gateway cannot be reached. Calls wait while it is tried again; nothing is sent twice.',
      facts: [
        { label: 'tried', value: '4 times' },
        { label: 'command', value: 'ssh wh-02 countersign gateway --stdio', code: true },
        { label: 'cause', value: 'ended with status 255: connection timed out' },
      ],
      gateway: { name: 'wh-02', address: 'ssh, stdio' },
      peer: identity('wh-02', 'unknown'),
      contexts: 124,
      rejected: 1,
      measures: { rate: series(9, 0, 0), added: { values: [] }, batch: { values: [] } },
    }),
    session('billing', {
      state: 'blocked',
      sentence:
        'Either “acct” replaced its key without a transition, or somebody is in between. The old key did not sign for the new one. Nothing was sent.',
      gateway: { name: 'acct', address: 'wss://acct.example' },
      pinned: identity('acct', 'hsm'),
      offered: identity('acct ', 'unknown'),
      legs: [],
      epochs: [],
      contexts: 0,
      measures: { rate: { values: [] }, added: { values: [] }, batch: { values: [] } },
    }),
  ]
}

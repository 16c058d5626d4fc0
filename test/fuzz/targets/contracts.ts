import * as v from 'valibot'
import { connectConfig, gatewayConfig } from '../../../src/contracts/gatewayConfig.ts'
import { parseConfig } from '../../../src/contracts/configFile.ts'
import { parseIdentityConfig } from '../../../src/contracts/identityConfig.ts'
import { isMethod, parseHostMessage, parseParams, parseRequest } from '../../../src/contracts/panel.ts'
import { type PanelHandlers, PanelResponder } from '../../../src/contracts/panelRpc.ts'
import type { ContextRow } from '../../../src/contracts/panelContext.ts'
import type { PanelContexts } from '../../../src/contracts/panelContexts.ts'
import { type PanelTrial, trialFigures, trialSchema } from '../../../src/contracts/panelTrial.ts'
import { parseSettings, type SettingName } from '../../../src/contracts/settings.ts'
import { parseStrictJson } from '../../../src/contracts/strictJson.ts'
import { refusalOf } from '../../../src/extension/trial/gateway.ts'
import { splitCommand } from '../../../src/extension/commands/splitCommand.ts'
import { decodeUtf8 } from '../../../src/crypto/encoding.ts'
import { exportJwk, isKid, parseJwk, thumbprint } from '../../../src/crypto/jwk.ts'
import { fingerprintWords } from '../../../src/crypto/fingerprint.ts'
import { shownAddress } from '../../../src/trust/gatewayPins.ts'
import { encodePeers, parsePeers } from '../../../src/trust/peers.ts'
import { hsm } from '../../webview/dataHsm.ts'
import { must, mustEqual, parses, stable, type Target } from '../engine/target.ts'
import { uniqueMember } from './oracle.ts'
import { json, KID, PUBLIC_KEY, text } from './samples.ts'
import { unchanged, valuesOf } from './values.ts'

const state = {
  version: 1,
  signer: { state: 'none' },
  sessions: [],
  counters: { verified: 1, pending: 0, rejected: 0, unsigned: 0, roots: 1, unseen: 0 },
  hsm: { state: 'loading', modules: [] },
  notices: [],
}
/** A module with everything that can be said of its slot and its keys. */
const full = hsm('full')
const withHsm = { ...state, hsm: { ...full, modules: full.modules.slice(0, 1) } }
const row: ContextRow = {
  ref: 'c1',
  verdict: 'verified',
  at: 1,
  dir: 'c2s',
  server: 'files',
  kind: 'request',
  size: 7,
  custody: 'hsm',
  sid: 'AAAA',
  batch: { id: 'b', n: 1 },
}
const trialRow = {
  id: 'alter-context',
  attacker: 'keys',
  title: 'Alter it',
  text: 'A word.',
  state: 'refused',
  by: 'gateway',
  code: 'statement-invalid',
  sentence: 'Not the bytes.',
  reached: { whom: 'server', bytes: 0 },
  change: { at: 3, before: '0011', after: '0010', from: 1, to: 2, lengths: { before: 9, after: 9 } },
  took: 1.5,
}
const trial = { state: 'running', rows: [trialRow], key: { kid: KID, custody: 'software' }, sentence: 'Why.' }
const journal = { of: 9, searched: 4, unkept: 2, missing: 0, unreadable: 1, over: false }
const counts = { view: 1, revision: 0, first: -1, end: 0, newer: 0, total: 1, older: 0, unseen: 0, texts: 4 }
const contexts: PanelContexts = {
  list: { ...counts, journal, servers: ['files'] },
  rows: [{ at: -1, row }],
  rejected: [],
  receipts: [],
}
const requests = [
  { type: 'request', id: 1, method: 'ready', params: {} },
  { type: 'request', id: 2, method: 'contextDetail', params: { ref: 'c1', reveal: false } },
  { type: 'request', id: 3, method: 'copyKey', params: { kid: KID, as: 'jwk' } },
  { type: 'request', id: 4, method: 'slotAction', params: { slot: 'module a slot 1', action: 'initialise' } },
  { type: 'request', id: 5, method: 'keyAction', params: { key: 'module a slot 1 key b', action: 'destroy' } },
  { type: 'request', id: 6, method: 'lockAll', params: {} },
  { type: 'request', id: 7, method: 'startTrial', params: {} },
]
const identity = { vault: 'v', keyFile: 'k' }
const pkcs11 = { pkcs11: { module: 'm.so', slot: 1, label: 'k', pinFile: 'p', libraryParameters: 'x' } }
const gateway = {
  listen: 'ws://127.0.0.1:0',
  identity,
  clients: [{ kid: KID, name: 'editor' }],
  servers: {
    files: { command: 'node', args: ['x', { fromEnv: 'B' }], env: { A: 'b', C: { fromEnv: 'D' } } },
    web: { url: { fromEnv: 'U' }, headers: { a: 'b', c: { fromEnv: 'E' } } },
    far: {
      url: 'https://h/mcp',
      ca: 'ca.pem',
      proxy: 'none',
      oauth: { issuer: 'https://i', clientId: 'c', clientSecret: 's', scope: 'a', port: 8123 },
    },
  },
  proxy: 'http://u:p@proxy:3128',
  state: 's',
  journal: 'j',
}
const connect = {
  identity: pkcs11,
  gateway: { command: 'ssh', args: ['h'] },
  pin: 'first-use',
  state: 's',
  journal: 'j',
}
const settings = {
  'countersign.gateways': {
    desk: { url: 'wss://h:1', servers: ['a'] },
    lab: { command: 'ssh', args: ['x'], servers: ['b'] },
  },
  'countersign.modules': [
    { path: '/m.so', name: 'm' },
    {
      path: '/n.so',
      ids: { keyGen: '0x80010035', sign: 1, keyType: '0x25', parameterSet: 2, parameterIn: 'mechanism' },
      software: true,
      lanes: 2,
      environment: ['MY_CONF'],
    },
  ],
  'countersign.identity': { module: '/m.so', slot: 0, label: 'k' },
  'countersign.clientName': 'x',
  'countersign.suites': ['MLKEM768_X25519_MLDSA65_AES256GCM_SHA384'],
}
const peers = [{ kid: KID, name: 'desk', since: '2026-09-21T10:00:00.000Z', address: 'wss://h' }]

const config = (name: string, seed: object, schema: typeof gatewayConfig | typeof connectConfig): Target => ({
  name,
  format: 'json',
  codes: ['config-invalid', 'decode'],
  seeds: [json(seed), text(`// a comment\n${JSON.stringify(seed, undefined, 2).replace(/\n}$/, ',\n}')}`)],
  tokens: ['//', '/*', '*/', ',', 'ws://', 'enroll', '__proto__', 'constructor', 'prototype'],
  run: parses((bytes) => parseConfig(decodeUtf8(bytes), schema, 'a file')),
})

export const CONTRACTS: readonly Target[] = [
  config('gateway-config', gateway, gatewayConfig),
  config('connect-config', connect, connectConfig),
  {
    name: 'identity-config',
    format: 'json',
    codes: ['config-invalid', 'decode'],
    seeds: [identity, pkcs11].map(json),
    tokens: ['pinEnv', 'passphraseEnv', 'token', 'slot', 'constructor', '__proto__'],
    run: parses((bytes) => parseIdentityConfig(parseStrictJson(bytes), '/folder')),
  },
  {
    name: 'settings',
    format: 'json',
    codes: ['decode'],
    seeds: [json(settings), json({ 'countersign.identity': 'vault' })],
    tokens: [
      ...Object.keys(settings),
      'ids',
      '0xffffffff',
      'LD_PRELOAD',
      'NODE_OPTIONS',
      '__proto__',
      'constructor',
      'toString',
      'url',
      'pin',
      'ws://u:p@h',
      'ws://h/#x',
    ],
    run(bytes) {
      const given = parseStrictJson(bytes)
      const of = (name: SettingName): unknown => uniqueMember(given, name)
      const { gateways, modules, identity: chosen, problems } = parseSettings(of)
      const asked = of('countersign.identity') ?? 'vault'
      const vault = asked === 'vault' || problems.some(({ setting }) => setting === 'countersign.identity')
      must(chosen.kind !== 'vault' || vault, 'signs with the vault where a token was asked for')
      must(
        gateways.length <= Object.keys(Object(of('countersign.gateways'))).length,
        'finds gateways that nobody named',
      )
      for (const { ids = {}, software = true, environment = [], lanes = 1 } of modules) {
        must(software, 'raises the custody of a module')
        must(lanes >= 1 && lanes <= 16, 'lets a module sign in more lanes than there are')
        must(!environment.some((name) => /^(LD_|DYLD_|NODE_)/i.test(name)), 'hands over what loads code')
        const numbers = Object.values(ids).filter((id) => typeof id === 'number')
        must(
          numbers.every((id) => Number.isInteger(id) && id >= 0 && id <= 0xffffffff),
          'takes what is no CK_ULONG',
        )
      }
      for (const { sentence } of problems)
        must(sentence.length <= 1000, 'says more of a setting than the panel can show')
    },
  },
  {
    name: 'gateways-file',
    format: 'json',
    codes: ['file-unreadable'],
    seeds: [text(encodePeers(peers)), text(encodePeers([]))],
    tokens: ['constructor', '__proto__', 'toString', 'address', 'v', KID],
    run: stable(
      (bytes) => parsePeers(Buffer.from(bytes).toString('utf8'), 'gateways.json', 'a file'),
      (value) => text(encodePeers(value)),
    ),
  },
  {
    name: 'clients-file',
    format: 'json',
    codes: ['file-unreadable'],
    seeds: [
      text(encodePeers(peers.map(({ kid, name, since }) => ({ kid, name, since, revoked: true })))),
      text(encodePeers([])),
    ],
    tokens: ['constructor', '__proto__', 'toString', 'revoked', 'v', KID],
    run: stable(
      (bytes) => parsePeers(Buffer.from(bytes).toString('utf8'), 'clients.json', 'a file'),
      (value) => text(encodePeers(value)),
    ),
  },
  {
    name: 'jwk',
    format: 'json',
    codes: ['decode', 'algorithm-unsupported', 'length'],
    seeds: [json(exportJwk('ML-DSA-87', PUBLIC_KEY))],
    tokens: ['priv', 'kid', 'kty', 'AKP', 'ML-DSA-65', '__proto__', 'constructor'],
    run: parses(
      (bytes) => ({ given: parseStrictJson(bytes), key: parseJwk(parseStrictJson(bytes)) }),
      ({ given, key }) => {
        mustEqual(
          { ...exportJwk(key.algorithm, key.publicKey) },
          { ...Object(given) },
          'accepts what is not the JWK of its key',
        )
        must(isKid(thumbprint(key.algorithm, key.publicKey)), 'gives a key a name that is none')
      },
    ),
  },
  {
    name: 'kid',
    format: 'bytes',
    codes: ['decode'],
    seeds: [text(KID)],
    tokens: ['=', '-', 'A'],
    run(bytes) {
      const value = Buffer.from(bytes).toString('latin1')
      if (isKid(value)) must(fingerprintWords({ kid: value }).length === 6, 'has no words for a kid')
    },
  },
  {
    name: 'address',
    format: 'bytes',
    codes: [],
    seeds: [text('wss://u:secret@h:1/p?token=secret#x'), text('["ssh","-i","secret"]')],
    tokens: ['?', '#', '@', '://', '"', ','],
    run(bytes) {
      const value = Buffer.from(bytes).toString('utf8')
      shownAddress(value)
      splitCommand(value)
    },
  },
  valuesOf(
    'panel-host-message',
    [],
    [
      { type: 'state', state },
      { type: 'state', state: withHsm },
      { type: 'contexts', contexts },
      { type: 'trial', trial },
    ],
    unchanged(parseHostMessage),
    0.5,
  ),
  valuesOf('panel-trial', [], [trial], (value) => {
    unchanged((given) => parsedTrial(given))(value)
    const parsed = parsedTrial(value)
    if (parsed !== undefined) must(trialFigures(parsed).over <= parsed.rows.length, 'counts more than there is')
  }),
  {
    name: 'gateway-refusal',
    format: 'bytes',
    codes: [],
    seeds: [
      text(
        'countersign warn: a session ended sid=AbCd1_… alert=110 code=statement-invalid reason=A statement is false.',
      ),
    ],
    tokens: ['countersign warn: ', 'a connection was refused ', 'code=', ' reason=', ' '],
    run(bytes) {
      const refusal = refusalOf(Buffer.from(bytes).toString('utf8'))
      if (refusal !== undefined) must(/^[a-z0-9-]{1,40}$/.test(refusal.code), 'takes something else for a code')
    },
  },
  valuesOf('panel-request', [], requests, (value) => {
    unchanged(parseRequest)(value)
    const { method = '', params } = parseRequest(value) ?? {}
    if (isMethod(method)) unchanged((given) => parseParams(method, given))(params)
  }),
  valuesOf('panel-responder', [], requests, respond),
]

function parsedTrial(value: unknown): PanelTrial | undefined {
  const parsed = v.safeParse(trialSchema, value)
  return parsed.success ? parsed.output : undefined
}

/** Whatever a webview posts: no rejection, and one reply for what is a request, with its id. */
async function respond(value: unknown): Promise<void> {
  const replies: unknown[] = []
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- has every method, each without a result
  const handlers = new Proxy({}, { get: () => async () => ({}) }) as PanelHandlers
  const responder = new PanelResponder(handlers, (reply) => replies.push(reply))
  await responder.receive(value)
  const request = parseRequest(value)
  must(
    replies.length === (request === undefined ? 0 : 1),
    'answers what is no request, or leaves one without an answer',
  )
}

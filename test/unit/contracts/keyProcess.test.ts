import { describe, expect, it } from 'vitest'
import { OPERATIONS, parseParams, parseReply, parseRequest, parseResult } from '../../../src/contracts/keyProcess.ts'

const usage = expect.objectContaining({ code: 'usage' })
const badReply = expect.objectContaining({ code: 'key-process-reply' })
const hash = new Uint8Array(48)
const suite = 'MLKEM1024_X25519_MLDSA87_AES256GCM_SHA384'
const many = (length: number) => Array.from({ length }, () => new Uint8Array(48))
const claims = {
  sensitive: true,
  alwaysSensitive: null,
  extractable: false,
  neverExtractable: true,
  local: true,
  token: true,
  sign: true,
  modifiable: null,
}
const opened = {
  handle: 1,
  label: 'k',
  algorithm: 'ML-DSA-87',
  publicKey: new Uint8Array(2592),
  facts: { hardwareSlot: true, profile: null, software: false, claims },
  where: 'slot 1',
}

describe('the messages of the key process', () => {
  it('are these and no others: none exports a key, none signs bytes of somebody else’s choice', () => {
    expect(Object.keys(OPERATIONS)).toEqual([
      'start',
      'inventory',
      'glance',
      'login',
      'logout',
      'changePin',
      'resetPin',
      'initToken',
      'open',
      'generate',
      'destroy',
      'probe',
      'inspectVault',
      'openVault',
      'createVault',
      'destroyVaultKey',
      'sign',
    ])
    for (const input of [
      { kind: 'raw', bytes: hash },
      { kind: 'batch', root: hash },
      { kind: 'handshake', role: 'client', suite, bytes: hash },
      { kind: 'handshake', role: 'client', suite, hash, bytes: hash },
      { kind: 'batch', statements: [hash], bytes: hash },
      hash,
    ]) {
      expect(() => parseParams('sign', { handle: 1, input })).toThrow(usage)
    }
    expect(() => parseResult('openVault', { ...opened, seed: new Uint8Array(32) })).toThrow(badReply)
    expect(() => parseResult('sign', { signature: new Uint8Array(4627), took: 1, key: hash })).toThrow(badReply)
  })

  it('take inputs of exact lengths', () => {
    const handshake = { kind: 'handshake', role: 'server', suite, hash }
    expect(parseParams('sign', { handle: 1, input: handshake }).input).toEqual(handshake)
    for (const length of [0, 47, 49]) {
      const input = { ...handshake, hash: new Uint8Array(length) }
      expect(() => parseParams('sign', { handle: 1, input })).toThrow(usage)
    }
    const batch = (statements: unknown) => ({ handle: 1, input: { kind: 'batch', statements } })
    expect(parseParams('sign', batch(many(64))).input.kind).toBe('batch')
    for (const statements of [[], many(65), [new Uint8Array(0)], [new Uint8Array(4097)], ['text'], [[1]]]) {
      expect(() => parseParams('sign', batch(statements))).toThrow(usage)
    }
    expect(() => parseParams('sign', { handle: 1, input: { ...handshake, role: 'both' } })).toThrow(usage)
    expect(parseParams('sign', { ...batch(many(1)), behind: hash }).behind).toEqual(hash)
    expect(() => parseParams('sign', { ...batch(many(1)), behind: hash.slice(1) })).toThrow(usage)
    expect(() => parseParams('sign', { handle: 1, input: handshake, behind: hash })).toThrow(usage)
    for (const length of [0, 4626, 4628, 3310]) {
      expect(() => parseResult('sign', { signature: new Uint8Array(length), took: 1 })).toThrow(badReply)
    }
    expect(() => parseResult('sign', { signature: new Uint8Array(4627), took: Number.NaN })).toThrow(badReply)
  })

  it('hold public keys of the length that their algorithm has', () => {
    expect(parseResult('open', opened).algorithm).toBe('ML-DSA-87')
    expect(() => parseResult('open', { ...opened, algorithm: 'ML-DSA-65' })).toThrow(badReply)
    expect(() => parseResult('open', { ...opened, algorithm: 'ML-DSA-44' })).toThrow(badReply)
    expect(() => parseResult('open', { ...opened, publicKey: [...opened.publicKey] })).toThrow(badReply)
  })

  it('hand out plain bytes of their own, but do not multiply secrets', () => {
    const pool = Buffer.alloc(8192)
    const input = { kind: 'batch', statements: [pool.subarray(10, 20)] }
    const parsed = parseParams('sign', { handle: 1, input }).input
    const [statement] = parsed.kind === 'batch' ? parsed.statements : []
    expect(Buffer.isBuffer(statement)).toBe(false)
    expect(statement?.buffer.byteLength).toBe(10)
    const pin = new Uint8Array(4)
    expect(parseParams('login', { where: { slot: 1 }, pin }).pin).toBe(pin)
  })

  it('name a slot or a token, not both, and one way to open a vault', () => {
    expect(() => parseParams('open', { where: { slot: 1, token: 'x' }, label: 'k' })).toThrow(usage)
    expect(() => parseParams('open', { where: {}, label: 'k' })).toThrow(usage)
    expect(() => parseParams('open', { where: { slot: -1 }, label: 'k' })).toThrow(usage)
    const unlock = { kind: 'key', key: new Uint8Array(31) }
    expect(() => parseParams('openVault', { file: '/v', unlock, label: 'k' })).toThrow(usage)
  })

  it('are refused as a whole: unknown operation, missing id, a member too many, an unknown error code', () => {
    for (const raw of [
      undefined,
      null,
      'text',
      [],
      new Map(),
      { id: 1, operation: 'constructor', params: {} },
      { id: 1, operation: 'exportKey', params: {} },
      { id: 1.5, operation: 'sign', params: {} },
      { id: 1, operation: 'sign', params: {}, more: 1 },
    ]) {
      expect(() => parseRequest(raw)).toThrow(usage)
    }
    for (const raw of [
      undefined,
      { id: 1, ok: true },
      { id: '1', ok: true, result: 1 },
      { id: 1, ok: true, result: 1, error: { code: 'pkcs11', message: '' } },
      { id: 1, ok: false, error: { code: 'new-code', sentence: { english: '', fillings: [] } } },
      { id: 1, ok: false, error: { code: 'pkcs11', sentence: { english: 'x'.repeat(501), fillings: [] } } },
      { id: 1, ok: 'true', result: 1 },
    ]) {
      expect(() => parseReply(raw)).toThrow(badReply)
    }
    expect(
      parseReply({ id: 1, ok: false, error: { code: 'pkcs11', sentence: { english: 'm', fillings: [] }, ckr: 5 } }).ok,
    ).toBe(false)
  })

  it('say where they are wrong, and not with what', () => {
    const pin = 'planted-pin'
    expect(() => parseParams('login', { where: { slot: 1 }, pin })).toThrow(/at "pin"\.$/)
    expect(() => parseParams('login', { where: { slot: 1 }, pin })).not.toThrow(/planted/)
  })
})

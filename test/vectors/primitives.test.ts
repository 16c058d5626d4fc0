import { describe, expect, test } from 'vitest'
import { open, seal } from '../../src/crypto/aead.ts'
import { expand, extract } from '../../src/crypto/hkdf.ts'
import { hex, readJson, toHex, vectorFolder } from './folder.ts'
import { x25519OfPrivate } from './hybridSuites.ts'
import { refused } from './suites.ts'

interface Group<T> {
  readonly ivSize: number
  readonly keySize: number
  readonly tests: readonly (T & { readonly tcId: number; readonly result: 'valid' | 'invalid' | 'acceptable' })[]
}

const folder = vectorFolder()
const title =
  folder === null ? 'Wycheproof primitives: skipped, there is no folder of vectors' : 'Wycheproof primitives'

function groups<T>(file: string): readonly Group<T>[] {
  return readJson<{ testGroups: readonly Group<T>[] }>(file).testGroups
}

function report(name: string, ran: number, refusedCases: number): void {
  console.log(`${name}: ${ran} cases, ${refusedCases} of them refused`)
  expect(ran).toBeGreaterThan(0)
}

describe.skipIf(folder === null)(title, () => {
  test('AES-256-GCM; other key and nonce lengths are refused', async () => {
    let [ran, refusals] = [0, 0]
    type Case = { key: string; iv: string; aad: string; msg: string; ct: string; tag: string }
    for (const group of groups<Case>('wycheproof/aes_gcm_test.json')) {
      for (const { tcId, key, iv, aad, msg, ct, tag, result } of group.tests) {
        ran++
        const sealed = hex(ct + tag)
        if (group.keySize !== 256 || group.ivSize !== 96 || result !== 'valid') {
          refusals++
          expect(await refused(() => open(hex(key), hex(iv), hex(aad), sealed)), `case ${tcId}`).toBe(true)
          continue
        }
        expect(toHex(seal(hex(key), hex(iv), hex(aad), hex(msg))), `case ${tcId}`).toBe(ct + tag)
        expect(toHex(open(hex(key), hex(iv), hex(aad), sealed)), `case ${tcId}`).toBe(msg)
      }
    }
    report('AES-256-GCM', ran, refusals)
  })

  test('HKDF with SHA-384', async () => {
    let [ran, refusals] = [0, 0]
    type Case = { ikm: string; salt: string; info: string; size: number; okm: string }
    for (const group of groups<Case>('wycheproof/hkdf_sha384_test.json')) {
      for (const { tcId, ikm, salt, info, size, okm, result } of group.tests) {
        ran++
        const run = () => expand(extract(hex(salt), hex(ikm)), hex(info), size)
        if (result === 'valid') expect(toHex(run()), `case ${tcId}`).toBe(okm)
        else {
          refusals++
          expect(await refused(run), `case ${tcId}`).toBe(true)
        }
      }
    }
    report('HKDF-SHA-384', ran, refusals)
  })

  test('X25519; every all-zero result is refused', async () => {
    let [ran, refusals] = [0, 0]
    type Case = { public: string; private: string; shared: string }
    for (const group of groups<Case>('wycheproof/x25519_test.json')) {
      for (const { tcId, public: share, private: scalar, shared } of group.tests) {
        ran++
        const run = () => x25519OfPrivate(hex(scalar)).derive(hex(share))
        if (/^0+$/.test(shared)) {
          refusals++
          expect(await refused(run), `case ${tcId}`).toBe(true)
        } else expect(toHex(run()), `case ${tcId}`).toBe(shared)
      }
    }
    report('X25519', ran, refusals)
    expect(refusals).toBeGreaterThan(0)
  })
})

// @ts-check
import { randomBytes } from 'node:crypto'
import { appendFileSync, readFileSync } from 'node:fs'
import { ml_dsa87 } from '@noble/post-quantum/ml-dsa.js'

/**
 * A key process that speaks the real protocol and misbehaves in one way, as a module that took over its process would.
 * A script of one line imports this and names the behaviour; `log` counts its starts.
 *
 * @param {string} behaviour
 * @param {string} log
 */
export function serve(behaviour, log) {
  appendFileSync(log, 'start\n')
  const starts = readFileSync(log, 'utf8').split('\n').length - 1
  const seed = new Uint8Array(32).fill(behaviour === 'another-key' ? starts : 7)
  const { publicKey } = ml_dsa87.keygen(seed)
  const claims = { sensitive: true, alwaysSensitive: true, extractable: false, neverExtractable: true, local: true }
  const opened = {
    handle: 1,
    label: 'k',
    algorithm: 'ML-DSA-87',
    publicKey,
    facts: {
      hardwareSlot: true,
      profile: null,
      software: false,
      claims: { ...claims, token: true, sign: true, modifiable: false },
    },
    where: 'a fake',
  }
  /** @param {number} id @param {unknown} result */
  const answer = (id, result) => process.send?.({ id, ok: true, result })
  /** @param {number} id @param {string} code */
  const refuse = (id, code) =>
    process.send?.({ id, ok: false, error: { code, sentence: { english: `fake ${code}`, fillings: [] } } })
  let loggedIn = false

  /** @type {Record<string, (id: number) => void>} */
  const signing = {
    'wrong-signature': (id) => answer(id, { signature: randomBytes(4627), took: 1 }),
    'other-message': (id) => {
      const { secretKey } = ml_dsa87.keygen(seed)
      answer(id, { signature: ml_dsa87.sign(new TextEncoder().encode('something else'), secretKey), took: 1 })
    },
    'wrong-length': (id) => answer(id, { signature: randomBytes(4626), took: 1 }),
    'shorter-algorithm': (id) => answer(id, { signature: randomBytes(3309), took: 1 }),
    'unknown-id': (id) => answer(id + 1000, { signature: randomBytes(4627), took: 1 }),
    'extra-member': (id) => answer(id, { signature: randomBytes(4627), took: 1, privateKey: randomBytes(32) }),
    'no-object': () => process.send?.('hello'),
    'invented-code': (id) => refuse(id, 'all-is-well'),
    'control-characters': (id) =>
      process.send?.({
        id,
        ok: false,
        error: { code: 'pkcs11', sentence: { english: `\u001b[31mred\u202e${'x'.repeat(300)}`, fillings: [] } },
      }),
    flood: () => {
      for (let i = 0; i < 10_000; i += 1) process.send?.({ id: 90_000 + i, ok: true, result: {} })
    },
    silence: () => {},
    exit: () => process.exit(3),
    'another-key': () => process.exit(0),
    'login-once': () => process.exit(0),
    'login-rejected': () => process.exit(0),
  }

  process.on('message', (/** @type {{ id: number, operation: string }} */ { id, operation }) => {
    if (operation === 'start') {
      if (behaviour === 'never-starts') appendFileSync(log, `${process.pid}\n`)
      else answer(id, { module: null })
    } else if (behaviour === 'keypad') setTimeout(() => answer(id, operation === 'glance' ? { state: 'x' } : null), 900)
    else if (operation === 'login') {
      appendFileSync(log, 'login\n')
      if (behaviour === 'login-rejected') refuse(id, 'pin-wrong')
      else {
        loggedIn = true
        answer(id, null)
      }
    } else if (operation === 'open' && behaviour.startsWith('login') && !loggedIn) refuse(id, 'pin-needed')
    else if (operation === 'open' || operation === 'openVault') answer(id, opened)
    else if (operation === 'sign') signing[behaviour]?.(id)
  })
  process.on('disconnect', () => process.exit(0))
}

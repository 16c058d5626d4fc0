import { createHash, createHmac } from 'node:crypto'
import { expect, it } from 'vitest'
import { finishedMac, KeySchedule } from '../../../src/session/handshake/keySchedule.ts'

/** The key schedule of docs/PROTOCOL.md once more, with nothing of ours: RFC 5869 and HkdfLabel by hand. */
const hmac = (key: Uint8Array, ...parts: Uint8Array[]): Buffer => {
  const mac = createHmac('sha384', key)
  for (const part of parts) mac.update(part)
  return mac.digest()
}
const hash = (...parts: (Uint8Array | string)[]): Buffer => {
  const digest = createHash('sha384')
  for (const part of parts) digest.update(part)
  return digest.digest()
}
const label = (secret: Uint8Array, name: string, context: Uint8Array, length: number): Buffer => {
  const full = Buffer.from(`cs1 ${name}`)
  const head = Buffer.from([length >> 8, length & 255, full.length])
  const info = Buffer.concat([head, full, Buffer.from([context.length]), context])
  // One block is enough for 48 bytes.
  return hmac(secret, info, Buffer.from([1])).subarray(0, length)
}
const ZERO = Buffer.alloc(48)
const NONE = Buffer.alloc(0)

it('derives what the document says', () => {
  const shared = new Uint8Array(64).map((_, index) => index)
  const [throughM2, throughCF] = [hash('m2'), hash('cf')]

  const hs = hmac(label(hmac(ZERO, ZERO), 'derived', hash(), 48), shared)
  const clientHs = label(hs, 'c hs', throughM2, 48)
  const master = hmac(label(hs, 'derived', hash(), 48), ZERO)
  const serverAp = label(master, 's ap', throughCF, 48)

  const schedule = new KeySchedule(shared.slice())
  const handshake = schedule.handshakeKeys(throughM2)
  expect(Buffer.from(handshake.client.key)).toEqual(label(clientHs, 'key', NONE, 32))
  expect(Buffer.from(handshake.client.iv)).toEqual(label(clientHs, 'iv', NONE, 12))
  const finished = hmac(label(clientHs, 'finished', NONE, 48), throughCF)
  expect(Buffer.from(finishedMac(handshake.client, throughCF))).toEqual(finished)

  const application = schedule.applicationSecrets(throughCF)
  expect(Buffer.from(application.server.key)).toEqual(label(serverAp, 'key', NONE, 32))
  expect(Buffer.from(application.server.iv)).toEqual(label(serverAp, 'iv', NONE, 12))
  expect(Buffer.from(application.master)).toEqual(master)
  expect(Buffer.from(application.resumption)).toEqual(label(master, 'res', throughCF, 48))
  expect(Buffer.from(application.conn)).toEqual(hash('cs1 conn', throughCF))
})

it('wipes the shared secret, and gives the two directions different keys', () => {
  const shared = new Uint8Array(64).fill(7)
  const schedule = new KeySchedule(shared)
  expect(shared.every((byte) => byte === 0)).toBe(true)
  const { client, server } = schedule.handshakeKeys(hash('x'))
  expect(client.key).not.toEqual(server.key)
})

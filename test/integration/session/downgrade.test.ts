import { beforeEach, describe, expect, it } from 'vitest'
import { randomBytes } from '../../../src/crypto/random.ts'
import { generateHybridKey, type SuiteName } from '../../../src/crypto/suite.ts'
import { ELEMENT, type Element, onlyElement } from '../../../src/session/handshake/elements.ts'
import {
  type ClientHello,
  encodeM1,
  encodeRetry,
  parseM1,
  parseRetry,
} from '../../../src/session/handshake/messages.ts'
import { MemoryCarrier, type Tamper } from '../../fakes/memoryCarrier.ts'
import { type AcceptChanges, accept, connect, Party } from '../../fakes/party.ts'
import { loaded } from '../../fakes/stranger.ts'

const S87: SuiteName = 'MLKEM1024_X25519_MLDSA87_AES256GCM_SHA384'
const P384: SuiteName = 'MLKEM1024_P384_MLDSA87_AES256GCM_SHA384'
const S65: SuiteName = 'MLKEM768_X25519_MLDSA65_AES256GCM_SHA384'

let editor: Party
let host: Party
beforeEach(async () => {
  editor = await Party.create(1, 'editor')
  host = await Party.create(2, 'host')
})

const helloOf = (frame: Uint8Array): ClientHello => parseM1(onlyElement(frame, ELEMENT.M1))
const retryOf = (frame: Uint8Array) => parseRetry(onlyElement(frame, ELEMENT.Retry))

describe('somebody on the way cannot choose the suite', () => {
  const nth =
    (number: number, change: (frame: Uint8Array) => Element): Tamper =>
    (frame, index) => [index === number ? change(frame).bytes : frame]

  /** Both ends with somebody between them; both must end, and say what was wrong where it is theirs to see. */
  async function between(theirs: AcceptChanges, client: Tamper, gateway: Tamper): Promise<readonly [unknown, unknown]> {
    const [left, right] = MemoryCarrier.pair()
    left.tamper = client
    right.tamper = gateway
    const [one, two] = await Promise.allSettled([connect(editor, left), accept(host, right, { ...theirs })])
    if (one.status === 'fulfilled' || two.status === 'fulfilled') throw new Error('a session came to be')
    return [one.reason, two.reason]
  }
  const untouched: Tamper = (frame) => [frame]

  it('by a change of the suite in Retry', async () => {
    const change = (frame: Uint8Array): Element => encodeRetry({ ...retryOf(frame), suite: S65 })
    const [, gateway] = await between({ admission: loaded() }, untouched, nth(0, change))
    expect(gateway).toMatchObject({ code: 'decode' })
    // Where the gateway meant another suite than the first, and the shares have the right lengths for it anyway.
    const back = (frame: Uint8Array): Element => encodeRetry({ ...retryOf(frame), suite: S87 })
    const [, other] = await between({ suites: [P384] }, untouched, nth(0, back))
    expect(other).toMatchObject({ code: 'decode' })
  })

  it('by a shorter offer in the first ClientHello', async () => {
    const shares = await generateHybridKey(S65)
    const strip = (frame: Uint8Array): Element =>
      encodeM1({ ...helloOf(frame), suites: [S65], kemKey: shares.kemKey, share: shares.share })
    const [client] = await between({ admission: loaded() }, nth(0, strip), untouched)
    // The client says everything again: the gateway sees that this is not what the cookie is for.
    expect(client).toMatchObject({ code: 'session-refused' })
    // Without Retry its key schedule has another transcript.
    const [plain] = await between({}, nth(0, strip), untouched)
    expect(plain).toMatchObject({ alert: 40 })
  })

  it('by a shorter offer in both', async () => {
    // The gateway is made to believe that only S65 was offered, behind a suite that nobody knows.
    const strip = (frame: Uint8Array): Element => encodeM1({ ...helloOf(frame), suites: ['LATER', S65] })
    const both: Tamper = (frame, index) => [index < 2 ? strip(frame).bytes : frame]
    const [client, gateway] = await between({}, both, untouched)
    // It signs, for a transcript that is not the client's: th(M2) is in the key that opens ServerHello.
    expect(client).toMatchObject({ alert: 20 })
    expect(gateway).toMatchObject({ code: 'peer-protocol' })
    expect(host.signer.inputs).toHaveLength(1)
    // With the first one only, the full offer of the second gives another suite than the cookie.
    const [, refusing] = await between({}, nth(0, strip), untouched)
    expect(refusing).toMatchObject({ alert: 40 })
  })

  it('by a Retry of its own', async () => {
    // It answers the first ClientHello itself, with the gateway none the wiser, and lets the second one pass as a first one.
    const [left, right] = MemoryCarrier.pair()
    left.tamper = (frame, index) => {
      if (index > 1) return [frame]
      const { cookie, ...hello } = helloOf(frame)
      if (cookie !== undefined) return [encodeM1(hello).bytes]
      const own = encodeRetry({ suite: S65, cookie: randomBytes(157) })
      setImmediate(() => void right.send(own.bytes).catch(() => {}))
      return []
    }
    const [one] = await Promise.allSettled([connect(editor, left, { suites: [S65, S87] }), accept(host, right)])
    // Same suite, same shares, a real signature of the gateway, and a transcript that has no Retry in it.
    expect(one).toMatchObject({ status: 'rejected', reason: { alert: 20 } })
    expect(host.signer.inputs).toHaveLength(1)
  })

  it('by any flipped bit of Retry or of the second ClientHello', async () => {
    const flip =
      (at: number): Tamper =>
      (frame) => [frame.map((byte, index) => (index === at % frame.length ? byte ^ (1 << (at & 7)) : byte))]
    for (let at = 0; at < 240; at += 7) {
      await between({ admission: loaded() }, untouched, (frame, index) =>
        index === 0 ? flip(at)(frame, index) : [frame],
      )
    }
    for (let at = 0; at < 2000; at += 61) {
      await between(
        { admission: loaded() },
        (frame, index) => (index === 1 ? flip(at)(frame, index) : [frame]),
        untouched,
      )
    }
  })
})

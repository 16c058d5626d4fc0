import { expect, it } from 'vitest'
import { DEFAULT_SUITES, type SuiteName } from '../../../src/crypto/suite.ts'
import { connectSession } from '../../../src/session/client.ts'
import { Deadline } from '../../../src/session/handshake/deadline.ts'
import { Flights } from '../../../src/session/handshake/flights.ts'
import { Initiator } from '../../../src/session/handshake/initiator.ts'
import { CountersignError, toCountersignError } from '../../../src/support/errors.ts'
import { MemoryCarrier } from '../../fakes/memoryCarrier.ts'
import { type AcceptChanges, accept, type ConnectChanges, connect, Party } from '../../fakes/party.ts'

const S87: SuiteName = 'MLKEM1024_X25519_MLDSA87_AES256GCM_SHA384'
const S65: SuiteName = 'MLKEM768_X25519_MLDSA65_AES256GCM_SHA384'

async function refused(
  editor: Party,
  host: Party,
  ours: ConnectChanges = {},
  theirs: AcceptChanges = {},
): Promise<[CountersignError, CountersignError]> {
  const [left, right] = MemoryCarrier.pair()
  const ends = await Promise.allSettled([connect(editor, left, ours), accept(host, right, theirs)])
  const [one, two] = ends.map((end) => (end.status === 'rejected' ? toCountersignError(end.reason) : undefined))
  if (one === undefined || two === undefined) throw new Error('a session came to be')
  return [one, two]
}

it('refuses a suite that is not allowed, at either end', async () => {
  const [editor, host] = [await Party.create(1, 'editor'), await Party.create(2, 'host')]
  const [client, gateway] = await refused(editor, host, { suites: [S87] }, { suites: [S65] })
  expect(gateway).toMatchObject({ code: 'session-refused', alert: 40 })
  expect(client).toMatchObject({ code: 'session-refused' })
  expect(client.message).toContain('no common suite')
})

it('does not choose a suite that its own key is too weak for', async () => {
  const [weak, host] = [await Party.create(1, 'editor', 'ML-DSA-65'), await Party.create(2, 'host')]
  await expect(connect(weak, MemoryCarrier.pair()[0], { suites: [S87] })).rejects.toMatchObject({
    code: 'algorithm-unsupported',
  })
  const [, gateway] = await refused(host, weak, { suites: [S87] })
  expect(gateway).toMatchObject({ alert: 40 })
})

it('takes a stronger key than the suite asks for', async () => {
  const [editor, host] = [await Party.create(1, 'editor', 'ML-DSA-65'), await Party.create(2, 'host', 'ML-DSA-87')]
  const [left, right] = MemoryCarrier.pair()
  const [client] = await Promise.all([connect(editor, left), accept(host, right)])
  expect([client.suite, client.peer.algorithm]).toEqual([S65, 'ML-DSA-87'])
})

it('refuses a peer whose key is weaker than the suite, though the peer offered it', async () => {
  const [weak, host] = [await Party.create(1, 'editor', 'ML-DSA-65'), await Party.create(2, 'host')]
  const { kid, publicKey, custody } = weak.signer
  const identity = { ...weak.ports.identity, signer: { kid, publicKey, custody, algorithm: 'ML-DSA-87' as const } }
  const [left, right] = MemoryCarrier.pair()
  const deadline = new Deadline(2000)
  // It says 87 while it offers suites, and signs honestly with its 65 key afterwards.
  const trust = {
    checkGateway: async (): Promise<'accept'> => {
      Reflect.set(initiator, 'self', { ...identity.signer, name: 'editor', algorithm: 'ML-DSA-65' })
      return 'accept'
    },
  }
  const options = { identity, suites: [S87], trust, clock: weak.ports.clock }
  const initiator = new Initiator(options, new Flights(left, deadline.signal), deadline)
  const [one, two] = await Promise.allSettled([initiator.run(), accept(host, right, { timeout: 1000 })])
  expect(one.status).toBe('fulfilled')
  expect(two).toMatchObject({ status: 'rejected', reason: { alert: 42 } })
  deadline.dispose()
})

it('refuses a client that is not known, after it proved its key and before Ready', async () => {
  const [editor, host] = [await Party.create(1, 'editor'), await Party.create(2, 'host')]
  const seen: string[] = []
  const clients = {
    checkClient: async ({ kid }: { kid: string }): Promise<'accept'> => {
      seen.push(kid)
      throw new CountersignError('peer-unknown', 'not listed')
    },
  }
  const [client, gateway] = await refused(editor, host, {}, { clients })
  expect(seen).toEqual([editor.signer.kid])
  expect(gateway.code).toBe('peer-unknown')
  expect(client.message).toContain('identity key was not accepted')
})

it('refuses a gateway that is not pinned, and has not named itself to it', async () => {
  const [editor, host] = [await Party.create(1, 'editor'), await Party.create(2, 'host')]
  const [left, right] = MemoryCarrier.pair()
  const trust = {
    checkGateway: async (): Promise<'accept'> => {
      throw new CountersignError('peer-changed', 'another key')
    },
  }
  const [one, two] = await Promise.allSettled([connect(editor, left, { trust }), accept(host, right)])
  expect(one).toMatchObject({ status: 'rejected', reason: { code: 'peer-changed' } })
  expect(two).toMatchObject({ status: 'rejected', reason: { code: 'session-refused' } })
  // ClientHello and an alert of a few bytes: no ClientAuth.
  expect(left.sent).toHaveLength(2)
  expect(left.sent[1]?.length).toBeLessThan(20)
})

it('does not talk to its own key', async () => {
  const [editor, same] = [await Party.create(1, 'editor'), await Party.create(1, 'host')]
  const [client] = await refused(editor, same)
  expect(client).toMatchObject({ alert: 42 })
})

it('ends when the signer does not sign, without a secret in the log', async () => {
  const [editor, host] = [await Party.create(1, 'editor'), await Party.create(2, 'host')]
  editor.signer.before = () => {
    throw new CountersignError('token-missing', 'The token was removed.')
  }
  const [client, gateway] = await refused(editor, host)
  expect(client.code).toBe('signer-unavailable')
  expect(gateway.code).toBe('signer-unavailable')
})

it('gives up when nothing comes', async () => {
  const [editor, host] = [await Party.create(1, 'editor'), await Party.create(2, 'host')]
  const [left, right] = MemoryCarrier.pair()
  left.tamper = () => []
  const ends = await Promise.allSettled([
    connect(editor, left, { timeout: 100 }),
    accept(host, right, { timeout: 100 }),
  ])
  for (const end of ends) expect(end).toMatchObject({ status: 'rejected', reason: { code: 'handshake-timeout' } })
})

const slow = { checkGateway: (): Promise<'accept'> => new Promise((resolve) => setTimeout(resolve, 1200, 'accept')) }

it('does not count the time that a person is asked', async () => {
  const [editor, host] = [await Party.create(1, 'editor'), await Party.create(2, 'host')]
  const [left, right] = MemoryCarrier.pair()
  const [client] = await Promise.all([connect(editor, left, { trust: slow, timeout: 1000 }), accept(host, right)])
  expect(client.suite).toBe(DEFAULT_SUITES[0])
})

it('connects once more when the gateway lost patience while a person was asked', async () => {
  const [editor, host] = [await Party.create(1, 'editor'), await Party.create(2, 'host')]
  const gateways: Promise<unknown>[] = []
  const carrier = async (): Promise<MemoryCarrier> => {
    const [left, right] = MemoryCarrier.pair()
    gateways.push(accept(host, right, { timeout: gateways.length === 0 ? 900 : 9000 }).catch((error: unknown) => error))
    return left
  }
  const trust = { ...editor.ports, trust: slow, suites: DEFAULT_SUITES, carrier, timeout: 2000 }
  const client = await connectSession(trust)
  expect(client.suite).toBe(DEFAULT_SUITES[0])
  expect(gateways).toHaveLength(2)
  expect(await gateways[0]).toMatchObject({ code: 'handshake-timeout' })
})

import { concat } from '../../../src/crypto/encoding.ts'
import type { SuiteName } from '../../../src/crypto/suite.ts'
import { signingInput } from '../../../src/evidence/signingInput.ts'
import { nextEpoch } from '../../../src/session/handshake/keySchedule.ts'
import { clientHash, gatewayHash, rekeyHash } from '../../../src/session/rekey/hash.ts'
import {
  encodeEpochStart,
  encodeRekeyAck,
  encodeRekeyDone,
  encodeRekeyInit,
  unsignedAck,
} from '../../../src/session/rekey/messages.ts'
import { type HandshakeVector, keysOf } from './handshake.ts'
import { fixedAgreement, hex } from './inputs.ts'

/** The rekey from epoch 0 to 1 of a handshake's connection, which is the first of its session. */
export function rekeyVector({ secrets, transcript, client, server }: HandshakeVector, suite: SuiteName): object {
  const { inputs, kemKey, clientShare, ciphertext, serverShare, kemSecret, ecdhSecret } = fixedAgreement('rekey', suite)
  const init = encodeRekeyInit({ epoch: 1, kemKey, share: clientShare })
  const binding = { sid: secrets.conn, conn: secrets.conn, transcript, epoch: 1, suite }
  const rk = rekeyHash(binding, init, unsignedAck({ ciphertext, share: serverShare }))
  const serverInput = signingInput(
    { kind: 'rekey', role: 'server', suite, hash: gatewayHash(rk, server) },
    server,
  ).bytes
  const sigS = server.sign(serverInput)
  const hash = clientHash(rk, sigS, client)
  const clientInput = signingInput({ kind: 'rekey', role: 'client', suite, hash }, client).bytes
  const sigC = client.sign(clientInput)
  const shared = concat(kemSecret, ecdhSecret)
  const ss = hex(shared)
  const next = nextEpoch(secrets.master, rk, shared)
  return {
    inputs: Object.fromEntries(Object.entries(inputs).map(([name, bytes]) => [name, hex(bytes)])),
    rk: hex(rk),
    signingInputs: { sigS: hex(serverInput), sigC: hex(clientInput) },
    payloads: {
      RekeyInit: hex(init),
      RekeyAck: hex(encodeRekeyAck({ ciphertext, share: serverShare, signature: sigS })),
      RekeyDone: hex(encodeRekeyDone(sigC)),
      EpochStart: hex(encodeEpochStart(1)),
    },
    secrets: {
      ss,
      ms_1: hex(next.master),
      res: hex(next.resumption),
      applicationKeys: { client: keysOf(next.client), server: keysOf(next.server) },
    },
  }
}

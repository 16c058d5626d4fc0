// @ts-check
import { fork } from 'node:child_process'
import { existsSync } from 'node:fs'

/**
 * A key process that was taken over: the real one does the work behind it, and from when the file `armed` is there on, the
 * replies to signatures of batches are what an attacker would make of them. Handshakes go through, so the session stands.
 *
 * @param {{ real: string, behaviour: string, armed: string }} options
 */
export function serve({ real, behaviour, armed }) {
  const child = fork(real, [], { serialization: 'advanced', stdio: ['ignore', 'ignore', 'ignore', 'ipc'] })
  /** Ids of the requests whose reply is ours. */
  const batches = new Set()
  /** @param {unknown} message */
  const send = (message) => process.send?.(message)

  /** @type {Record<string, (reply: { id: number, ok: boolean, result: { signature: Uint8Array, took: number } }) => void>} */
  const replies = {
    'wrong signature': (reply) => {
      reply.result.signature[100] = (reply.result.signature[100] ?? 0) ^ 1
      send(reply)
    },
    'wrong length': (reply) =>
      send({ ...reply, result: { ...reply.result, signature: reply.result.signature.slice(1) } }),
    'unknown message': (reply) => send({ type: 'please-run', id: reply.id, command: 'anything' }),
    'somebody else’s id': (reply) => send({ ...reply, id: reply.id + 1_000_000 }),
    'a flood': (reply) => {
      for (let n = 0; n < 20_000; n += 1) send({ ...reply, id: 1_000_000 + n, result: {} })
    },
    'a reply of 64 MiB': (reply) =>
      send({ ...reply, result: { ...reply.result, signature: new Uint8Array(64 * 1024 * 1024) } }),
    'the reply twice': (reply) => {
      send(reply)
      send(reply)
    },
  }

  process.on('message', (/** @type {{ id: number, operation: string, params: any }} */ request) => {
    if (request.operation === 'sign' && request.params.input.kind === 'batch' && existsSync(armed))
      batches.add(request.id)
    child.send(request)
  })
  child.on('message', (/** @type {any} */ reply) => {
    if (batches.delete(reply.id)) replies[behaviour]?.(reply)
    else send(reply)
  })
  process.on('disconnect', () => process.exit(0))
  child.on('exit', () => process.exit(1))
}

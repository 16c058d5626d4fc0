import { type Message, readMessage, tokenKey } from '../message.ts'

/** Whether a body with the status of an error is the answer to this very request: then it is what the agent is to read. */
export function answers(request: Message, body: Uint8Array): boolean {
  if (request.id === undefined) return false
  try {
    const { kind, id } = readMessage(body)
    return kind === 'response' && id !== undefined && tokenKey(id) === tokenKey(request.id)
  } catch {
    return false
  }
}

/** The revision that the answer to `initialize` names; only the header repeats it, so a plain read will do. */
export function negotiated(bytes: Uint8Array): string | undefined {
  const answer: { result?: { protocolVersion?: unknown } } = JSON.parse(Buffer.from(bytes).toString('utf8'))
  const version = answer.result?.protocolVersion
  return typeof version === 'string' ? version : undefined
}

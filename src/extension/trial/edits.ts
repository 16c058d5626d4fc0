import { decodeUtf8, encodeUtf8 } from '../../crypto/encoding.ts'
import { buildJws, type Jws, type JwsHeader, parseJws } from '../../crypto/jws.ts'
import { RECORD } from '../../session/channel/record.ts'
import {
  type Batch,
  type BatchEntry,
  encodeBatch,
  encodeFragment,
  parseBatch,
  parseFragment,
} from '../../session/contexts/messages.ts'
import type { Hooks } from './tap.ts'

/** The tools of the attackers: each changes one thing and leaves the rest as it was. */

type Edit = (bytes: Uint8Array) => Uint8Array
type Members = Readonly<Record<string, unknown>>

const NONE = new Uint8Array(0)

/** A copy with one bit changed. Negative offsets count from the end. */
export function flipped(bytes: Uint8Array, offset: number): Uint8Array {
  const copy = bytes.slice()
  const at = offset < 0 ? copy.length + offset : offset
  copy[at] = (copy[at] ?? 0) ^ 1
  return copy
}

/** Changes the first that is of this type, and lets all others pass. */
export function firstOf(
  type: number,
  change: (frame: Uint8Array) => readonly Uint8Array[],
): (frame: Uint8Array) => readonly Uint8Array[] {
  let done = false
  return (frame) => {
    if (done || frame[0] !== type) return [frame]
    done = true
    return change(frame)
  }
}

/** The bytes of a context, in the record that carries them. */
export function contextIs(change: Edit): (type: number, payload: Uint8Array) => Uint8Array {
  return (type, payload) => {
    if (type !== RECORD.Fragment) return payload
    const fragment = parseFragment(payload)
    const bytes = change(fragment.bytes)
    return encodeFragment({ ...fragment, bytes, total: bytes.length })
  }
}

/** What is signed about a context, in the record that carries it. */
export function batchIs(change: (batch: Batch) => Batch): (type: number, payload: Uint8Array) => Uint8Array {
  return (type, payload) => (type === RECORD.Batch ? encodeBatch(change(parseBatch(payload))) : payload)
}

export function jwsIs(
  change: (jws: Jws) => { header?: Partial<JwsHeader>; payload?: Uint8Array; signature?: Uint8Array },
) {
  return batchIs((batch) => {
    const jws = parseJws(batch.jws)
    const { header, payload = jws.payload, signature = jws.signature } = change(jws)
    const bytes = header === undefined ? jws.protectedBytes : encodeUtf8(JSON.stringify({ ...jws.header, ...header }))
    return { ...batch, jws: encodeUtf8(buildJws(bytes, payload, signature)) }
  })
}

/** A statement with other members. */
export function stating(statement: Uint8Array, change: (members: Members) => Members): Uint8Array {
  const members: Members = JSON.parse(decodeUtf8(statement))
  return encodeUtf8(JSON.stringify({ ...members, ...change(members) }))
}

export function eachEntry(batch: Batch, change: (entry: BatchEntry) => BatchEntry): Batch {
  return { ...batch, entries: batch.entries.map(change) }
}

/** Instead of the next context and its evidence those that were captured, whole and in good order. */
export function insteadOf(captured: ReadonlyMap<number, Uint8Array>): Hooks {
  const fragment = parseFragment(captured.get(RECORD.Fragment) ?? NONE)
  const { jws, entries } = parseBatch(captured.get(RECORD.Batch) ?? NONE)
  const theirs = entries.filter(({ transfer }) => transfer === fragment.transfer)
  return {
    outRecord: (type, payload) => {
      if (type === RECORD.Fragment) {
        const { transfer, exchange } = parseFragment(payload)
        return encodeFragment({ ...fragment, transfer, exchange })
      }
      if (type !== RECORD.Batch) return payload
      const [replaced] = parseBatch(payload).entries
      return encodeBatch({ jws, entries: theirs.map((entry) => ({ ...entry, transfer: replaced?.transfer ?? null })) })
    },
  }
}

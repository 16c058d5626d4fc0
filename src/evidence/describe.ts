import { isUtf8 } from 'node:buffer'
import { type ScannedDocument, scanMembers, type Span } from '../contracts/strictJson.ts'
import { decodeUtf8 } from '../crypto/encoding.ts'
import { CountersignError } from '../support/errors.ts'
import { said, type Sentence } from '../support/l10n.ts'
import { eventData } from './eventData.ts'
import { isDescribed, isIdToken, isMethod } from './statement.ts'
import type { StatementKind } from './types.ts'

/** What a statement says of a JSON-RPC message: its method, and the exact token of its id. */
export interface Description {
  readonly method?: string
  readonly id?: string
}

/**
 * Method and id of a context, computed from its bytes by both ends: a statement that says anything else is refused.
 * Empty for what is not one JSON-RPC message: other kinds, JSON-RPC batches, events without data, answers that are no JSON. A
 * method or id that is not a string or a scalar, or too long for a statement, is left out.
 * @param body the bytes of the context; of an event with its field names and blank line
 * @throws CountersignError `context-refused` for a request that two parsers could read as two different calls: no JSON, a
 *   member twice (of the message or of its params, also when only case tells them apart), or a method or id too long to state
 */
export function describeContext(kind: StatementKind, body: Uint8Array): Description {
  if (!isDescribed(kind)) return {}
  const strict = kind === 'request'
  if (strict && !isUtf8(body)) throw refused(said('it is not UTF-8'))
  const json = kind === 'event' ? eventData(body) : body
  if (json === undefined || json.length === 0) return {}
  const message = scan(json, strict)
  if (message?.kind !== 'object') return {}
  if (message.duplicates.length > 0) {
    if (strict) throw refused(said('it has a member twice'))
    // Which of the two counts is up to the reader, so neither is stated.
    return {}
  }
  return { ...methodOf(json, message, strict), ...idOf(json, message, strict) }
}

/** undefined for what the scanner cannot read. */
function scan(json: Uint8Array, strict: boolean): ScannedDocument | undefined {
  try {
    return scanMembers(json)
  } catch (thrown) {
    if (!(thrown instanceof CountersignError)) throw thrown
    // Other parsers go deeper and wider, and some read NaN, a byte order mark or UTF-16: a call must not pass undescribed.
    if (strict) throw refused(said('it is not JSON, is nested too deeply or has too many members'), thrown)
    return undefined
  }
}

function methodOf(json: Uint8Array, message: ScannedDocument, strict: boolean): Description {
  const token = tokenAt(json, message.members.get('method'))
  if (token?.startsWith('"') !== true) return {}
  const method: unknown = JSON.parse(token)
  if (isMethod(method)) return { method }
  if (strict) throw refused(said('its method is too long or not valid text'))
  return {}
}

function idOf(json: Uint8Array, message: ScannedDocument, strict: boolean): Description {
  const id = tokenAt(json, message.members.get('id'))
  if (id === undefined || /^[{[tf]/.test(id)) return {}
  if (isIdToken(id)) return { id }
  if (strict) throw refused(said('its id is too long'))
  return {}
}

function tokenAt(json: Uint8Array, span: Span | undefined): string | undefined {
  return span === undefined ? undefined : decodeUtf8(json.subarray(span.start, span.end))
}

function refused(why: Sentence, cause?: unknown): CountersignError {
  return new CountersignError('context-refused', said`A request was not passed on because ${why}.`, { cause })
}

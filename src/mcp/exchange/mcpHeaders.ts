import { isUtf8 } from 'node:buffer'
import { CountersignError } from '../../support/errors.ts'
import { said } from '../../support/l10n.ts'
import { type Message, readMessage } from '../message.ts'
import { header, type RequestHead } from './head.ts'

const SENTINEL = /^=\?base64\?(.*)\?=$/
const PLAIN = /^[\x21-\x7e]([\x20-\x7e]*[\x21-\x7e])?$/

/** Which member of params `Mcp-Name` repeats. For other methods the header says nothing that could be compared. */
const NAMED: Readonly<Record<string, 'name' | 'uri'>> = {
  'tools/call': 'name',
  'prompts/get': 'name',
  'resources/read': 'uri',
}

/**
 * Holds `Mcp-Method` and `Mcp-Name` against the body that they repeat: who decides by the header and who executes the
 * body would otherwise see two different calls.
 * @throws CountersignError `header-mismatch`, `context-refused` for what is no message
 */
export function checkMcpHeaders(head: RequestHead, body: Uint8Array): void {
  const method = header(head.headers, 'mcp-method')
  const name = header(head.headers, 'mcp-name')
  if (method === undefined && name === undefined) return
  const message = readMessage(body)
  if (method !== undefined && method !== message.method) throw differs('Mcp-Method')
  const isNamed = Object.hasOwn(NAMED, message.method ?? '')
  if (name !== undefined && isNamed && decodeHeaderText(name) !== repeatedMember(message)) throw differs('Mcp-Name')
}

/** What `Mcp-Name` has to say of this message, undefined where it need not be there. */
export function repeatedMember(message: Message): string | undefined {
  const member = Object.hasOwn(NAMED, message.method ?? '') ? NAMED[message.method ?? ''] : undefined
  return member === undefined ? undefined : message[member]
}

/** What is no visible ASCII, or looks like the encoding itself, goes as base64 of its UTF-8. */
export function encodeHeaderText(text: string): string {
  if (PLAIN.test(text) && !text.startsWith('=?')) return text
  return `=?base64?${Buffer.from(text).toString('base64')}?=`
}

/** The text that a header's value stands for; undefined for an encoding that is not canonical, which two would read as two. */
export function decodeHeaderText(value: string): string | undefined {
  const encoded = SENTINEL.exec(value)?.[1]
  if (encoded === undefined) return value
  const bytes = Buffer.from(encoded, 'base64')
  return bytes.toString('base64') === encoded && isUtf8(bytes) ? bytes.toString('utf8') : undefined
}

function differs(name: string): CountersignError {
  return new CountersignError(
    'header-mismatch',
    said`The header ${name} differs from the message. It was not passed on.`,
  )
}

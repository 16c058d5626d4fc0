import { asList, asText, asUint, type CborValue, decodeCbor, encodeCbor } from '../../contracts/cbor.ts'
import { CountersignError } from '../../support/errors.ts'

/** Name in lower case, then value. At most one of a name. */
export type Header = readonly [name: string, value: string]

export type ExchangeMethod = 'GET' | 'POST' | 'DELETE'

export interface RequestHead {
  readonly method: ExchangeMethod
  readonly headers: readonly Header[]
}

export interface ResponseHead {
  /** 200 to 599. */
  readonly status: number
  readonly headers: readonly Header[]
}

/** Of an encoded head. Larger ones are refused at both ends. */
export const MAX_HEAD_BYTES = 16 * 1024
const MAX_HEADERS = 64
const MAX_NAME = 128
const MAX_VALUE = 8 * 1024
const LIMITS = { bytes: MAX_HEAD_BYTES, depth: 4 }

const METHODS: readonly string[] = ['GET', 'POST', 'DELETE']
/**
 * Of all characters that a name may have, only those of a parameter's name: servers behind CGI, WSGI or Rack read
 * mcp-session_id as mcp-session-id, and whose session that is would have been checked under another name.
 */
const MCP_HEADER = /^mcp-(?:param-[!#$%&'*+.^_`|~0-9a-z-]+|(?!param-$)[0-9a-z-]+)$/
/** RFC 9110 field-content: visible characters, space, tab and obs-text; so no CR, LF or NUL, and nothing past one byte. */
const VALUE = /^[\t\x20-\x7e\x80-\xff]*$/
/** The only headers that RFC 9110 lets a sender spread over several lines; of all others a second one is ambiguous. */
const LISTS = new Set(['accept', 'cache-control', 'allow'])
const REQUEST = new Set(['accept', 'content-type', 'last-event-id'])
const RESPONSE = new Set(['content-type', 'cache-control', 'retry-after', 'allow'])

/** Whether a request header is tunnelled (docs/PROTOCOL.md, "Exchange"). `name` in lower case. */
export function isRequestHeader(name: string): boolean {
  return REQUEST.has(name) || MCP_HEADER.test(name)
}

/** Whether a response header is tunnelled. `name` in lower case. */
export function isResponseHeader(name: string): boolean {
  return RESPONSE.has(name) || MCP_HEADER.test(name)
}

/**
 * What passes of the headers of an HTTP message, in their order. `raw` alternates names and values, as node:http has it.
 * @throws CountersignError `context-refused` for a repeated singleton, CR, LF, NUL, or more than the limits
 */
export function allowedHeaders(raw: readonly string[], allowed: (name: string) => boolean): readonly Header[] {
  const headers = new Map<string, string>()
  for (let index = 0; index + 1 < raw.length; index += 2) {
    const name = (raw[index] ?? '').toLowerCase()
    const value = raw[index + 1] ?? ''
    if (!allowed(name)) continue
    const before = headers.get(name)
    if (before !== undefined && !LISTS.has(name)) throw refused(`The header ${name} is there twice`)
    headers.set(name, before === undefined ? value : `${before}, ${value}`)
  }
  const list = Array.from(headers)
  checkHeaders(list, allowed, refused)
  return list
}

/** The value of a header, by its name in lower case. */
export function header(headers: readonly Header[], name: string): string | undefined {
  return headers.find(([known]) => known === name)?.[1]
}

/** `type/subtype` of content-type in lower case, without parameters; empty where there is none. */
export function mediaType(headers: readonly Header[]): string {
  return (header(headers, 'content-type') ?? '').split(';', 1)[0]?.trim().toLowerCase() ?? ''
}

/** @throws CountersignError `context-refused` for a head that the other end would refuse */
export function encodeRequestHead(head: RequestHead): Uint8Array {
  if (!METHODS.includes(head.method)) throw refused('Only GET, POST and DELETE are tunnelled: the method')
  checkHeaders(head.headers, isRequestHeader, refused)
  return encode(head.method, head.headers)
}

/** @throws CountersignError `context-refused` */
export function encodeResponseHead(head: ResponseHead): Uint8Array {
  checkHeaders(head.headers, isResponseHeader, refused)
  return encode(head.status, head.headers)
}

/** @throws CountersignError `decode` for everything that `encodeRequestHead` does not make */
export function decodeRequestHead(bytes: Uint8Array): RequestHead {
  const [first, rest] = asList(decodeCbor(bytes, LIMITS), 'A head', 2)
  const method = asText(first, 'A method', 6)
  if (!isMethod(method)) throw malformed('The method of a request')
  return { method, headers: decodeHeaders(rest, isRequestHeader) }
}

/** @throws CountersignError `decode` for everything that `encodeResponseHead` does not make */
export function decodeResponseHead(bytes: Uint8Array): ResponseHead {
  const [first, rest] = asList(decodeCbor(bytes, LIMITS), 'A head', 2)
  return { status: asUint(first, 'A status', 599, 200), headers: decodeHeaders(rest, isResponseHeader) }
}

function encode(first: string | number, headers: readonly Header[]): Uint8Array {
  const bytes = encodeCbor([first, headers])
  if (bytes.length > MAX_HEAD_BYTES) throw refused('The headers are longer than 16 KiB: they')
  return bytes
}

function decodeHeaders(value: CborValue | undefined, allowed: (name: string) => boolean): readonly Header[] {
  const headers = asList(value, 'Headers', { max: MAX_HEADERS }).map((item): Header => {
    const [name, text] = asList(item, 'A header', 2)
    return [asText(name, 'A header name', MAX_NAME), asText(text, 'A header value', MAX_VALUE)]
  })
  checkHeaders(headers, allowed, malformed)
  return headers
}

function checkHeaders(
  headers: readonly Header[],
  allowed: (name: string) => boolean,
  error: (what: string) => CountersignError,
): void {
  if (headers.length > MAX_HEADERS) throw error('There are more than 64 headers: the head')
  const seen = new Set<string>()
  for (const [name, value] of headers) {
    if (!allowed(name) || name.length > MAX_NAME) throw error('A header outside the list')
    if (seen.has(name)) throw error(`The header ${name} is there twice`)
    if (value.length > MAX_VALUE || !VALUE.test(value)) throw error(`The value of the header ${name}`)
    seen.add(name)
  }
}

function isMethod(method: string): method is ExchangeMethod {
  return METHODS.includes(method)
}

function refused(what: string): CountersignError {
  return new CountersignError('context-refused', `${what} cannot be tunnelled. Nothing was sent.`)
}

function malformed(what: string): CountersignError {
  return new CountersignError('decode', `${what} is not one that an exchange may have.`)
}

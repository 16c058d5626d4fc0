import * as v from 'valibot'
import { contexts, durability, keep, segments } from './journalConfig.ts'
import { suites } from './settings.ts'

/**
 * The configuration files of `countersign gateway` and `countersign connect`. Strict: an unknown member is a typing
 * error that would otherwise leave somebody less protected than they believe.
 */
const text = v.pipe(v.string('must be text'), v.nonEmpty('must not be empty'), v.maxLength(4096, 'is too long'))
const kid = v.pipe(text, v.regex(/^[A-Za-z0-9_-]{43}$/, 'must be a kid: 43 letters, digits, "-" or "_"'))
const serverName = v.pipe(
  v.string(),
  v.regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/, 'must be a name of 1 to 64 letters, digits, ".", "_" or "-"'),
)
const displayName = v.pipe(text, v.regex(/^[^\p{C}]{1,64}$/u, 'must have 1 to 64 printable characters'))
const variableName = v.pipe(v.string(), v.regex(/^[A-Za-z_][A-Za-z0-9_]*$/, 'must be a name of a variable'))

/** In place of a text: the variable of the gateway's own environment that holds it, so that a secret need not stand in the file. */
const fromEnv = v.strictObject({ fromEnv: variableName })
export type ConfigText = string | v.InferOutput<typeof fromEnv>

function textOr<const S extends v.GenericSchema<unknown, string>>(schema: S) {
  return v.lazy((given) => (isObject(given) ? fromEnv : schema))
}

const environment = v.record(variableName, textOr(v.string()))

const socketUrl = v.pipe(
  text,
  v.check(
    (value) => ['ws:', 'wss:'].includes(URL.canParse(value) ? new URL(value).protocol : ''),
    'must be a ws: or wss: address',
  ),
)

/** An address that can be read, with one of these schemes and nothing behind it that would go unused. */
function addressOf(schemes: readonly string[], must: string) {
  return v.pipe(
    text,
    v.check((value) => URL.canParse(value) && schemes.includes(new URL(value).protocol), must),
  )
}

const proxyUrl = v.pipe(
  addressOf(['http:'], 'must be the http: address of a proxy'),
  v.check(
    (value) => !URL.canParse(value) || isOnlyHost(new URL(value)),
    'must be host and port of a proxy, and no path',
  ),
)

function isOnlyHost({ pathname, search, hash }: URL): boolean {
  return pathname === '/' && search === '' && hash === ''
}

/** What may stand in a header: nothing that begins another line. */
export const HEADER_VALUE = /^[\t\x20-\x7e]*$/

const httpUpstream = v.strictObject({
  url: textOr(addressOf(['http:', 'https:'], 'must be an http: or https: address')),
  headers: v.optional(
    v.record(
      v.pipe(v.string(), v.regex(/^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/)),
      textOr(v.pipe(v.string(), v.regex(HEADER_VALUE))),
    ),
    {},
  ),
  /** Allows http: beyond loopback, where the way to the server is protected by other means. */
  plain: v.optional(v.boolean(), false),
  /** A file of certificates: the authorities that are trusted for this server, in place of those that Node knows. */
  ca: v.exactOptional(text),
  /** In place of the gateway's. */
  proxy: v.exactOptional(v.union([v.literal('none'), proxyUrl], 'must be "none" or the http: address of a proxy')),
  /** What `countersign authorize` needs where the authorization server does not register strangers. */
  oauth: v.exactOptional(
    v.pipe(
      v.strictObject({
        issuer: v.exactOptional(addressOf(['http:', 'https:'], 'must be the address of an authorization server')),
        clientId: v.exactOptional(text),
        clientSecret: v.exactOptional(text),
        scope: v.exactOptional(text),
        port: v.exactOptional(limit(1024, 65_535)),
      }),
      v.check(
        ({ clientId, clientSecret }) => clientSecret === undefined || clientId !== undefined,
        'has "clientSecret" without "clientId"',
      ),
      // Without it the secret would go to whichever authorization server the MCP server names.
      v.check(
        ({ clientId, issuer }) => clientId === undefined || issuer !== undefined,
        'needs the "issuer" that "clientId" belongs to',
      ),
    ),
  ),
})

const stdioUpstream = v.strictObject({
  command: text,
  args: v.optional(v.array(textOr(v.string())), []),
  env: v.optional(environment, {}),
  cwd: v.optional(text),
})

/** By what is there rather than as a union, which could only say that nothing fits. */
const upstream = v.lazy((given) =>
  isObject(given) && 'url' in given
    ? httpUpstream
    : isObject(given) && 'command' in given
      ? stdioUpstream
      : v.never('needs "command" with "args" and "env", or "url" with "headers"'),
)

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null
}

/**
 * A day or an instant, as milliseconds since 1970. A day means its beginning in UTC, an instant names its zone: where a
 * reader and this program could disagree, the earlier end is the safe one, and a local time would be another one elsewhere.
 */
const ISO_DATE = /^(\d{4})-(\d{2})-(\d{2})(?:T\d{2}:\d{2}(?::\d{2}(?:\.\d{1,3})?)?(?:Z|[+-]\d{2}:\d{2}))?$/
export const instant = v.pipe(
  text,
  v.check(isIsoDate, 'must be a date like 2027-01-31, or like 2027-01-31T18:00:00Z with its zone'),
  v.transform((value) => Date.parse(value)),
)

function isIsoDate(value: string): boolean {
  const [, year, month, day] = ISO_DATE.exec(value) ?? []
  if (year === undefined || Number.isNaN(Date.parse(value))) return false
  // Date.parse takes 31 February for 3 March.
  const date = new Date(Date.UTC(Number(year), Number(month) - 1, Number(day)))
  return date.getUTCMonth() + 1 === Number(month) && date.getUTCDate() === Number(day)
}

function limit(least: number, most: number) {
  const must = `must be a whole number from ${least} to ${most}`
  return v.pipe(v.number(must), v.integer(must), v.minValue(least, must), v.maxValue(most, must))
}

const clientList = v.array(
  v.strictObject({
    kid,
    name: displayName,
    expires: v.exactOptional(instant),
    revoked: v.exactOptional(v.boolean('must be true or false')),
  }),
)

/** What strangers may cost this gateway (docs/PROTOCOL.md, "Load"). What is left out has the protocol's value. */
const handshakes = v.strictObject({
  perAddress: v.exactOptional(limit(1, 1000)),
  total: v.exactOptional(limit(1, 1000)),
  halfOpen: v.exactOptional(limit(1, 4096)),
})

/** Sessions that have a connection (docs/PROTOCOL.md, "Load"). */
const sessions = v.strictObject({
  perClient: v.exactOptional(limit(1, 10_000)),
  total: v.exactOptional(limit(1, 10_000)),
})

/** Left to src/contracts/identityConfig.ts, which needs the folder of the file to resolve paths. */
const identity = v.unknown()

export const gatewayConfig = v.strictObject({
  name: v.optional(displayName, 'gateway'),
  listen: v.optional(socketUrl, 'ws://127.0.0.1:0'),
  /** Listening beyond loopback has to be said twice: by the address and by this. */
  public: v.optional(v.boolean(), false),
  identity,
  clients: v.lazy((given) =>
    Array.isArray(given) ? clientList : v.literal('enroll', 'must be "enroll" or a list of {"kid", "name"}'),
  ),
  /** The transition document by which `identity` follows another key: shown to clients that have pinned that one. */
  transition: v.exactOptional(text),
  /** What becomes of a client's key transition: the operator is asked, both signatures are enough, or none is taken. */
  rotation: v.optional(
    v.picklist(['confirm', 'accept', 'refuse'], 'must be "confirm", "accept" or "refuse"'),
    'confirm',
  ),
  /** Hours that a client's old key is still served when its new one is. */
  rotationGrace: v.optional(limit(0, 24 * 366), 24),
  /** The http: proxy that tunnels to servers beyond this machine. The environment's is not used. */
  proxy: v.exactOptional(proxyUrl),
  /** What is allowed; the client's order decides. */
  suites: v.exactOptional(suites),
  handshakes: v.optional(handshakes, {}),
  sessions: v.optional(sessions, {}),
  servers: v.pipe(
    v.record(serverName, upstream),
    v.check((servers) => Object.keys(servers).length > 0, 'needs at least one server'),
  ),
  state: text,
  journal: text,
  durability,
  contexts,
  segments,
  keep,
})
export type GatewayConfig = v.InferOutput<typeof gatewayConfig>

export const connectConfig = v.strictObject({
  name: v.optional(displayName, 'countersign connect'),
  identity,
  gateway: v.union(
    [socketUrl, v.strictObject({ command: text, args: v.optional(v.array(v.string()), []) })],
    'must be a ws: or wss: address, or {"command", "args"}',
  ),
  pin: v.union([v.literal('first-use'), kid], 'must be "first-use" or a kid of 43 characters'),
  /** With "first-use": whether a new key that the pinned one signed for is taken without asking anybody. */
  rotation: v.optional(v.picklist(['accept', 'refuse'], 'must be "accept" or "refuse"'), 'refuse'),
  state: text,
  journal: text,
  durability,
  contexts,
  segments,
  keep,
})
export type ConnectConfig = v.InferOutput<typeof connectConfig>

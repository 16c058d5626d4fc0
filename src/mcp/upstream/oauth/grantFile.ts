import * as v from 'valibot'
import { parseStrictJson } from '../../../contracts/strictJson.ts'
import { CountersignError } from '../../../support/errors.ts'

/** A file that its owner alone can read (src/trust/stateFile.ts); a port, since `mcp` decides about no trust. */
export interface SecretFile {
  /** The text; `undefined` where there is no file. */
  read(): Promise<string | undefined>
  write(text: string): Promise<void>
}

const text = v.pipe(v.string(), v.nonEmpty(), v.maxLength(4096))
/** What a header can carry, and what servers take in one. */
const token = v.pipe(v.string(), v.regex(/^[\x21-\x7e]{1,16384}$/))

/** What a gateway was granted at one server, and all that it takes to have it renewed. */
const grant = v.strictObject({
  v: v.literal(1),
  /** The server that the tokens are for. They are sent to no other, whatever its name in the configuration. */
  url: text,
  /** The authorization server, as it was when the person agreed. What the server names later is not asked. */
  issuer: text,
  authorizationEndpoint: text,
  tokenEndpoint: text,
  tokenMethods: v.optional(v.array(text)),
  clientId: text,
  clientSecret: v.optional(text),
  clientMethod: v.optional(text),
  /** RFC 8707: what the tokens are for, as the server names itself. */
  resource: v.optional(text),
  scope: v.optional(v.string()),
  access: token,
  refresh: v.optional(token),
  /** Milliseconds since 1970. */
  expires: v.optional(v.pipe(v.number(), v.safeInteger(), v.minValue(0))),
})
export type StoredGrant = v.InferOutput<typeof grant>

/** @throws CountersignError `file-unreadable` */
export function parseGrant(content: string): StoredGrant {
  try {
    return v.parse(grant, parseStrictJson(content, { safeIntegers: true }))
  } catch (cause) {
    // The cause holds pieces of what could not be read, which are tokens.
    const sentence = `The file of a grant is not what was written there. Remove it and run "countersign authorize" again.`
    throw new CountersignError('file-unreadable', sentence, { cause: cause instanceof Error ? cause.name : undefined })
  }
}

/** @throws CountersignError `unauthorized` for tokens that cannot be kept and sent: too long, or not printable ASCII */
export function encodeGrant(value: StoredGrant): string {
  if (!v.is(grant, value)) {
    throw new CountersignError('unauthorized', 'The authorization server gave tokens that cannot be sent in a header.')
  }
  return `${JSON.stringify(value, undefined, 2)}\n`
}

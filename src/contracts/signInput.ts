import * as v from 'valibot'
import { algorithm, bytesOf, bytesUpTo, PUBLIC_KEY_BYTES, safeInteger } from './keyFacts.ts'

/**
 * The closed union of what a key signs (docs/PROTOCOL.md, "What a key signs"). The key process builds the bytes from
 * these parts itself; nobody can hand it bytes to sign.
 */
export type Role = 'client' | 'server'

/** One of the two keys of a transition. */
export interface TransitionKey {
  readonly algorithm: 'ML-DSA-87' | 'ML-DSA-65'
  /** Raw, 2592 or 1952 bytes (FIPS 204, table 2). */
  readonly publicKey: Uint8Array
}

/** What the manifest of an evidence bundle says of the lines before it. */
export interface ManifestFields {
  /** When the bundle was put together, ms since 1970. */
  readonly at: number
  readonly lines: number
  readonly records: number
  /** How many of the records had their context removed. */
  readonly redacted: number
  /** SHA-384 of the lines with their line feeds, 48 bytes. */
  readonly digest: Uint8Array
}

export type SignInput =
  /** `hash` is a SHA-384 transcript hash, 48 bytes; `suite` is a name of the suite table. */
  | { readonly kind: 'handshake'; readonly role: Role; readonly suite: string; readonly hash: Uint8Array }
  | { readonly kind: 'rekey'; readonly role: Role; readonly suite: string; readonly hash: Uint8Array }
  /** `statements` are the exact bytes of 1 to 64 statements in leaf order; the root is computed where the key is. */
  | { readonly kind: 'batch'; readonly statements: readonly Uint8Array[] }
  /** `from` hands over to `to`; the key that signs is one of the two. `at` is milliseconds since 1970. */
  | { readonly kind: 'transition'; readonly from: TransitionKey; readonly to: TransitionKey; readonly at: number }
  | ({ readonly kind: 'manifest' } & ManifestFields)

const role = v.picklist(['client', 'server'])
const suite = v.pipe(v.string(), v.minLength(1), v.maxLength(100))
const statement = bytesUpTo(1, 4096)

const transitionKey = v.pipe(
  v.strictObject({ algorithm, publicKey: bytesOf(1952, 2592) }),
  v.check((key) => key.publicKey.length === PUBLIC_KEY_BYTES[key.algorithm], 'The key has the length of another'),
)

/** The union as it crosses the process boundary: exactly these members, hashes and keys of exactly their lengths. */
export const signInput = v.variant('kind', [
  v.strictObject({ kind: v.literal('handshake'), role, suite, hash: bytesOf(48) }),
  v.strictObject({ kind: v.literal('rekey'), role, suite, hash: bytesOf(48) }),
  v.strictObject({
    kind: v.literal('batch'),
    statements: v.pipe(v.array(statement), v.minLength(1), v.maxLength(64), v.readonly()),
  }),
  v.strictObject({ kind: v.literal('transition'), from: transitionKey, to: transitionKey, at: safeInteger }),
  v.strictObject({
    kind: v.literal('manifest'),
    at: safeInteger,
    lines: safeInteger,
    records: safeInteger,
    redacted: safeInteger,
    digest: bytesOf(48),
  }),
])

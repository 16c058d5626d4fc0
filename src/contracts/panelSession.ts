import * as v from 'valibot'
import { count, custody, digest, instant, label, list, measured, type Of, ref, sentence } from './panelSchema.ts'

/** One session as the panel draws it: only what was measured or claimed, and claims are marked as such by the view. */
export const SESSION_STATES = ['connecting', 'ready', 'reconnecting', 'closed', 'failed', 'blocked'] as const

/** A party's identity key: the key is proven by the handshake, name and custody are claims. */
export const identitySchema = v.strictObject({
  name: label,
  kid: digest,
  algorithm: label,
  custody,
  /** Six words of the kid (src/crypto/fingerprint.ts): an aid to compare, not a proof. */
  words: list(label, 6),
  /** Where the key lives, for the own side: "Luna 7, slot 0". */
  where: v.optional(label),
  /** It lives in the embedded vault. */
  vault: v.optional(v.boolean()),
})

/** As `HandshakeReport` of src/session/api.ts. */
export const handshakeSchema = v.strictObject({
  sid: digest,
  conn: digest,
  suite: label,
  steps: list(
    v.strictObject({
      name: v.picklist(['ClientHello', 'Retry', 'ServerHello', 'ClientAuth', 'Ready', 'sign', 'verify', 'encapsulate']),
      by: v.picklist(['client', 'server']),
      at: measured,
      took: measured,
      bytes: count,
      parts: list(v.strictObject({ label, bytes: count, sealed: v.boolean() }), 32),
    }),
    64,
  ),
  transcript: digest,
  took: measured,
  bytes: count,
})

export const LEG_KINDS = ['quantum-safe', 'local pipe', 'loopback', 'plain', 'classical', 'unknown'] as const

/** One stretch of the way. `to` is `gateway` or a server's name; `text` says in a sentence what the leg is made of. */
export const legSchema = v.strictObject({
  from: label,
  to: label,
  kind: v.picklist(LEG_KINDS),
  text: sentence,
})

/** A figure over the last five minutes, oldest first, one value a bucket; null: nothing was measured in that bucket. */
export const seriesSchema = v.strictObject({
  /** undefined: not measured yet. */
  now: v.optional(measured),
  values: list(v.nullable(measured), 300),
})

export const measuresSchema = v.strictObject({
  /** Contexts a second, both directions. */
  rate: seriesSchema,
  /** Milliseconds that signing and verifying added to a call, p50. */
  added: seriesSchema,
  /** Contexts that one signature covered, p50. */
  batch: seriesSchema,
  batchLimit: v.optional(count),
})

export const epochSchema = v.strictObject({
  epoch: count,
  from: instant,
  /** undefined: the current one. */
  until: v.optional(instant),
  /** What began it. */
  cause: v.picklist(['handshake', 'time', 'contexts', 'bytes', 'resume']),
  contexts: v.optional(count),
})

export const factSchema = v.strictObject({ label, value: sentence, code: v.optional(v.boolean()) })

export const sessionSchema = v.strictObject({
  /** Stable while the gateway is configured: what the view's selection holds on to. */
  id: ref,
  sid: v.optional(digest),
  servers: list(label, 64),
  state: v.picklist(SESSION_STATES),
  /** Since when the state holds. */
  since: v.optional(instant),
  /** What happened and what comes next, for every state but ready. */
  sentence: v.optional(sentence),
  facts: list(factSchema, 16),
  gateway: v.strictObject({ name: label, address: label }),
  pin: v.strictObject({
    state: v.picklist(['pinned', 'first use', 'explicit', 'none']),
    since: v.optional(instant),
  }),
  suite: v.optional(label),
  epoch: v.optional(count),
  self: v.optional(identitySchema),
  peer: v.optional(identitySchema),
  /** Blocked: the key that was pinned, beside `offered`, the one that answered. */
  pinned: v.optional(identitySchema),
  offered: v.optional(identitySchema),
  handshake: v.optional(handshakeSchema),
  legs: list(legSchema, 65),
  epochs: list(epochSchema, 64),
  nextRekey: v.optional(v.strictObject({ at: v.optional(instant), contexts: v.optional(count) })),
  contexts: count,
  rejected: count,
  measures: measuresSchema,
})

export type SessionState = (typeof SESSION_STATES)[number]
export type LegKind = (typeof LEG_KINDS)[number]
export type PanelIdentity = Of<typeof identitySchema>
export type PanelHandshake = Of<typeof handshakeSchema>
export type PanelLeg = Of<typeof legSchema>
export type PanelSeries = Of<typeof seriesSchema>
export type PanelMeasures = Of<typeof measuresSchema>
export type PanelEpoch = Of<typeof epochSchema>
export type PanelFact = Of<typeof factSchema>
export type PanelSession = Of<typeof sessionSchema>

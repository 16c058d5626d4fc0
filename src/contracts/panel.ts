/**
 * The panel's boundary: every message between extension host and webview, declared once and parsed from `unknown` on
 * both sides. The host owns the state and sends it; the webview sends intents, each a request with an id and a reply.
 */
import * as v from 'valibot'
import { bytesSchema, contextDetailSchema, EVIDENCE_PARTS } from './panelContext.ts'
import { contextRowsParams, contextsSchema, setFilterParams, windowSchema } from './panelContexts.ts'
import { hsmSchema, KEY_ACTIONS, SLOT_ACTIONS } from './panelHsm.ts'
import { count, custody, digest, label, list, type Of, ref, sentence } from './panelSchema.ts'
import { factSchema, measuresSchema, sessionSchema } from './panelSession.ts'
import { trialSchema } from './panelTrial.ts'

export const VIEWS = ['sessions', 'contexts', 'hsm', 'trial'] as const
export type View = (typeof VIEWS)[number]

/** The key that signs the next context: always in view. */
export const signerSchema = v.strictObject({
  state: v.picklist(['none', 'ready', 'locked', 'gone']),
  key: v.optional(label),
  token: v.optional(label),
  kid: v.optional(digest),
  custody: v.optional(custody),
  sentence: v.optional(sentence),
})

/** What a button of a notice may ask for: nothing else can be sent by pressing it. */
export const NOTICE_ACTIONS = [
  'selectSlot',
  'createKey',
  'connect',
  'trySample',
  'refreshInventory',
  'addModule',
  'showLog',
] as const

export const noticeSchema = v.strictObject({
  id: ref,
  level: v.picklist(['info', 'warning', 'error']),
  title: label,
  text: sentence,
  facts: list(factSchema, 16),
  /** The first one is the primary button. */
  actions: list(v.picklist(NOTICE_ACTIONS), 4),
  dismissable: v.boolean(),
  /** undefined: above every view. */
  view: v.optional(v.picklist(VIEWS)),
})

/** Counted since the panel's host started; the rows may be fewer, because only the newest are kept. */
export const countersSchema = v.strictObject({
  verified: count,
  pending: count,
  rejected: count,
  unsigned: count,
  /** Batches that were signed or verified. */
  roots: count,
  /** Over all gateways. */
  measures: measuresSchema,
  /** Rejected since the contexts view was last open. */
  unseen: count,
})

export const stateSchema = v.strictObject({
  /** Grows with every snapshot; an older one is ignored. */
  version: count,
  signer: signerSchema,
  sessions: list(sessionSchema, 64),
  counters: countersSchema,
  hsm: hsmSchema,
  notices: list(noticeSchema, 16),
})

const nothing = v.strictObject({})
const done = v.strictObject({})
const view = v.picklist(VIEWS)

/** Milliseconds after which both sides give up. `person`: somebody has to choose or type first. */
const soon = 20_000
const person = 15 * 60_000

/** Each intent with the shape of its parameters and of its result. */
export const METHODS = {
  /** The webview is up, or lost track: answer, then send `state`. The contexts are asked for by `setFilter`. */
  ready: { params: nothing, result: v.strictObject({ view: v.optional(view) }), within: soon },
  selectView: { params: v.strictObject({ view }), result: done, within: soon },
  /** Begins the list of contexts: the newest rows that match, then `contexts` with what changes. */
  setFilter: { params: setFilterParams, result: windowSchema, within: soon },
  contextRows: { params: contextRowsParams, result: windowSchema, within: soon },
  /** `reveal` shows the bytes of a rejected or unsigned context; without it they are withheld. Runs the verification. */
  contextDetail: {
    params: v.strictObject({ ref, reveal: v.boolean() }),
    result: contextDetailSchema,
    within: soon,
  },
  /** As contextDetail, and the host says so in its log: what a person asks for by a button. */
  verifyAgain: { params: v.strictObject({ ref, reveal: v.boolean() }), result: contextDetailSchema, within: soon },
  /** 4 KiB of the context itself, from `offset`. */
  contextBytes: {
    params: v.strictObject({ ref, offset: count, reveal: v.boolean() }),
    result: bytesSchema,
    within: soon,
  },
  /** One evidence record as a JSON line, to the clipboard. */
  copyEvidence: { params: v.strictObject({ ref }), result: v.strictObject({ bytes: count }), within: soon },
  /** A part of it, exactly as it was signed or received, to the clipboard. */
  copyPart: {
    params: v.strictObject({ ref, part: v.picklist(EVIDENCE_PARTS), reveal: v.boolean() }),
    result: v.strictObject({ bytes: count }),
    within: soon,
  },
  /** To a file that the person chooses, in the host's own dialog. */
  exportEvidence: { params: v.strictObject({ ref }), result: done, within: person },
  /** The host asks before it shows bytes that did not verify. */
  openDocument: { params: v.strictObject({ ref }), result: done, within: person },
  connect: { params: nothing, result: done, within: person },
  /** By gateway session: all of its servers. */
  disconnect: { params: v.strictObject({ session: ref }), result: done, within: soon },
  /** Tries to connect again now. */
  retry: { params: v.strictObject({ session: ref }), result: done, within: person },
  /** The gateway's key changed: the host asks the person in its own dialog before anything is pinned. */
  reviewKey: { params: v.strictObject({ session: ref }), result: done, within: person },
  /** Without a key: the host's QuickPick. With one: that key becomes the identity. */
  selectSlot: { params: v.strictObject({ key: v.optional(ref) }), result: done, within: person },
  /** In that slot, or where the person chooses. */
  createKey: { params: v.strictObject({ slot: v.optional(ref) }), result: done, within: person },
  trySample: { params: nothing, result: done, within: person },
  refreshInventory: { params: nothing, result: done, within: 60_000 },
  addModule: { params: nothing, result: done, within: person },
  /** With one slot, or with one key of the inventory. Whatever destroys or reveals is confirmed in the host's own dialogs. */
  slotAction: {
    params: v.strictObject({ slot: ref, action: v.picklist(SLOT_ACTIONS) }),
    result: done,
    within: person,
  },
  keyAction: { params: v.strictObject({ key: ref, action: v.picklist(KEY_ACTIONS) }), result: done, within: person },
  /** Every token and the vault, at once. */
  lockAll: { params: nothing, result: done, within: soon },
  /** *Try to Break It*; answered when it is over. What happens meanwhile comes as `trial`. */
  startTrial: { params: nothing, result: done, within: person },
  cancelTrial: { params: nothing, result: done, within: soon },
  showLog: { params: nothing, result: done, within: soon },
  openChat: { params: nothing, result: done, within: soon },
  dismissNotice: { params: v.strictObject({ id: ref }), result: done, within: soon },
  /** To the clipboard; of the inventory's key, or of either side of a session. */
  copyKey: {
    params: v.strictObject({ kid: v.pipe(digest, v.minLength(1)), as: v.picklist(['kid', 'jwk', 'words']) }),
    result: done,
    within: soon,
  },
} as const

export type Method = keyof typeof METHODS
export type Params<M extends Method> = Of<(typeof METHODS)[M]['params']>
export type Result<M extends Method> = Of<(typeof METHODS)[M]['result']>

const id = v.pipe(v.number(), v.safeInteger(), v.minValue(1))

export const replySchema = v.variant('ok', [
  v.strictObject({ type: v.literal('reply'), id, ok: v.literal(true), result: v.unknown() }),
  v.strictObject({
    type: v.literal('reply'),
    id,
    ok: v.literal(false),
    error: v.strictObject({ code: v.pipe(v.string(), v.maxLength(64)), message: sentence }),
  }),
])

const hostSchema = v.union([
  v.strictObject({ type: v.literal('state'), state: stateSchema }),
  v.strictObject({ type: v.literal('contexts'), contexts: contextsSchema }),
  v.strictObject({ type: v.literal('trial'), trial: trialSchema }),
  /** Show a view, and in it a context or a session: a click on the status bar or a notification. */
  v.strictObject({ type: v.literal('reveal'), view, context: v.optional(ref), session: v.optional(ref) }),
  replySchema,
])

/** `params` are parsed by the method's own schema, so that a wrong one gets a reply instead of silence. */
const requestSchema = v.strictObject({
  type: v.literal('request'),
  id,
  method: v.pipe(v.string(), v.maxLength(64)),
  params: v.unknown(),
})

export type PanelSigner = Of<typeof signerSchema>
export type PanelNotice = Of<typeof noticeSchema>
export type PanelCounters = Of<typeof countersSchema>
export type PanelState = Of<typeof stateSchema>
export type PanelReply = Of<typeof replySchema>
export type HostMessage = Of<typeof hostSchema>
export type PanelRequest = Of<typeof requestSchema>

/** undefined: not a message of ours; it is dropped. */
export function parseHostMessage(message: unknown): HostMessage | undefined {
  return parse(hostSchema, message)
}

export function parseRequest(message: unknown): PanelRequest | undefined {
  return parse(requestSchema, message)
}

export function isMethod(name: string): name is Method {
  return Object.hasOwn(METHODS, name)
}

type Specs = {
  readonly [M in Method]: {
    readonly params: v.GenericSchema<unknown, Params<M>>
    readonly result: v.GenericSchema<unknown, Result<M>>
  }
}
const specs: Specs = METHODS

function parse<T>(schema: v.GenericSchema<unknown, T>, input: unknown): T | undefined {
  const parsed = v.safeParse(schema, input)
  return parsed.success ? parsed.output : undefined
}

/** undefined: they are not what this method takes. */
export function parseParams<M extends Method>(method: M, params: unknown): Params<M> | undefined {
  return parse(specs[method].params, params)
}

export function parseResult<M extends Method>(method: M, result: unknown): Result<M> | undefined {
  return parse(specs[method].result, result)
}

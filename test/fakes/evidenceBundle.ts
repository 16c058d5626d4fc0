import { encodeBase64url, encodeUtf8 } from '../../src/crypto/encoding.ts'
import { sha384 } from '../../src/crypto/hash.ts'
import { DEFAULT_SUITES } from '../../src/crypto/suite.ts'
import type { Selection } from '../../src/evidence/bundle/selection.ts'
import { type BundleOptions, BundleWriter } from '../../src/evidence/bundle/writer.ts'
import { NO_SERVER, type StatementFields } from '../../src/evidence/statement.ts'
import { documentOf } from './transition.ts'
import type { EvidenceEntry } from '../../src/evidence/types.ts'
import { ANSWER, digestOf, End, NOW, QUESTION } from '../unit/evidence/build.ts'
import { SeedSigner } from './seedSigner.ts'

const NONE = new Uint8Array()
const TRANSCRIPT = new Uint8Array(48).fill(3)
/** A session id that is made of its handshake, as real ones are. */
export const BUNDLE_SID = encodeBase64url(sha384(encodeUtf8('cs1 conn'), TRANSCRIPT))
export const HANDSHAKE = {
  sid: BUNDLE_SID,
  conn: BUNDLE_SID,
  transcript: encodeBase64url(TRANSCRIPT),
  suite: DEFAULT_SUITES[0] ?? 'MLKEM1024_X25519_MLDSA87_AES256GCM_SHA384',
  at: NOW - 10,
} as const

/** The parties of the bundles that are forged. `former` was followed by `client`; nobody trusts `stranger`. */
export interface Parties {
  readonly client: SeedSigner
  readonly gateway: SeedSigner
  readonly former: SeedSigner
  readonly stranger: SeedSigner
}

export async function parties(): Promise<Parties> {
  const [client, gateway, former, stranger] = await Promise.all([1, 2, 3, 4].map((seed) => SeedSigner.create(seed)))
  if (client === undefined || gateway === undefined || former === undefined || stranger === undefined) throw new Error()
  return { client, gateway, former, stranger }
}

export interface Said {
  readonly context: Uint8Array
  readonly changes: Partial<StatementFields>
}

/** Both ends of one session as the client's journal has them, in batches of several statements. */
export class Talk {
  readonly entries: EvidenceEntry[] = []
  readonly c2s: End
  readonly s2c: End

  constructor({ client, gateway }: Pick<Parties, 'client' | 'gateway'>, sid: string = BUNDLE_SID) {
    this.c2s = new End('c2s', client, gateway.kid, sid)
    this.s2c = new End('s2c', gateway, client.kid, sid)
  }

  /** What an end acknowledges that has seen everything of the other. */
  ack({ chain }: End): StatementFields['ack'] {
    return { seq: chain.seq, head: encodeBase64url(chain.head) }
  }

  /** One batch. @returns the digests of its statements */
  async say(end: End, said: readonly Said[]): Promise<readonly string[]> {
    const ack = this.ack(end === this.c2s ? this.s2c : this.c2s)
    const statements = said.map(({ context, changes }) => end.statement(context, { ack, ...changes }))
    const batch = await end.batch(
      statements,
      said.map(({ context }) => context),
    )
    const how = end === this.c2s ? 'sent' : 'received'
    for (const [index, evidence] of batch.entries()) {
      const head = said[index]?.changes.head === digestOf(NONE) ? NONE : evidence.head
      this.entries.push({ ...evidence, head, how, at: NOW })
    }
    return statements.map(digestOf)
  }

  question(changes: Partial<StatementFields> = {}): Said {
    return { context: QUESTION, changes: { method: 'tools/call', id: '41', ...changes } }
  }

  answer(req: string | undefined, changes: Partial<StatementFields> = {}): Said {
    return { context: ANSWER, changes: { kind: 'response', id: '41', ...(req !== undefined && { req }), ...changes } }
  }

  closing(): Said {
    return { context: NONE, changes: { kind: 'close', server: NO_SERVER, exchange: 0, head: digestOf(NONE) } }
  }

  async close(): Promise<void> {
    await this.say(this.c2s, [this.closing()])
    await this.say(this.s2c, [this.closing()])
  }
}

/** Three questions in one batch, their answers in one, an exchange of events, and the end in order. */
export async function wholeTalk(of: Pick<Parties, 'client' | 'gateway'>, sid?: string): Promise<Talk> {
  const talk = new Talk(of, sid)
  const asked = await talk.say(
    talk.c2s,
    [3, 4, 5].map((exchange) => talk.question({ exchange })),
  )
  await talk.say(
    talk.s2c,
    asked.map((req, at) => talk.answer(req, { exchange: at + 3 })),
  )
  const [req = ''] = await talk.say(talk.c2s, [talk.question({ exchange: 6 })])
  const event = encodeUtf8('data: {"jsonrpc":"2.0","id":41,"result":{}}\n\n')
  const answers = { exchange: 6, req }
  await talk.say(talk.s2c, [
    { context: NONE, changes: { ...answers, kind: 'head' } },
    { context: event, changes: { ...answers, kind: 'event', id: '41' } },
    {
      context: NONE,
      changes: { ...answers, kind: 'end', head: digestOf(NONE), end: { events: 1, reason: 'complete' } },
    },
  ])
  await talk.close()
  return talk
}

export interface Exported extends Partial<Pick<BundleOptions, 'windowOf' | 'transitions'>> {
  readonly selection?: Selection
  readonly exporter: SeedSigner
  readonly redact?: (entry: EvidenceEntry, index: number) => boolean
  readonly handshake?: boolean
}

/** A bundle as the product writes it. */
export async function bundleOf(entries: readonly EvidenceEntry[], options: Exported): Promise<Buffer> {
  const { selection = { kind: 'all' }, redact, handshake = true, ...others } = options
  const parts: Uint8Array[] = []
  const writer = new BundleWriter({ ...others, selection, at: NOW, write: (bytes) => void parts.push(bytes) })
  await writer.begin()
  if (handshake) await writer.handshake(HANDSHAKE)
  for (const [index, entry] of entries.entries()) await writer.add(entry, redact?.(entry, index) === true)
  await writer.end()
  return Buffer.concat(parts)
}

/** The bundle that is forged: a whole session, one redacted context, a key that followed another. */
export async function realBundle(of: Parties): Promise<Buffer> {
  const { entries } = await wholeTalk(of)
  return await bundleOf(entries, {
    exporter: of.client,
    transitions: [await documentOf(of.former, of.client, NOW - 1000)],
    windowOf: (kid) => (kid === of.former.kid ? { until: NOW } : undefined),
    redact: (_entry, index) => index === 4,
  })
}

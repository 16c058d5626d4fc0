import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll } from 'vitest'
import { runVerify } from '../../../src/cli/verify.ts'
import { encodeBase64url, encodeUtf8 } from '../../../src/crypto/encoding.ts'
import { FIRST_PREV } from '../../../src/evidence/journal/format.ts'
import { Journal, type JournalOptions } from '../../../src/evidence/journal/journal.ts'
import { NO_SERVER, type StatementFields } from '../../../src/evidence/statement.ts'
import type { Direction, EvidenceEntry } from '../../../src/evidence/types.ts'
import { SeedSigner } from '../../fakes/seedSigner.ts'
import { ANSWER, digestOf, End, NOW, QUESTION, SID } from './build.ts'

const NONE = new Uint8Array()

/** Sessions, their journals and the command that verifies them, in a folder that is gone after the tests. */
export let root: string
export let client: SeedSigner
export let gateway: SeedSigner

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'countersign-offline-'))
  client = await SeedSigner.create(1)
  gateway = await SeedSigner.create(2)
})

afterAll(() => rm(root, { recursive: true, force: true }))

/** A session as its client saw it: what it says and hears, in order. */
export class Conversation {
  readonly entries: EvidenceEntry[] = []
  readonly c2s: End
  readonly s2c: End

  constructor(sid: string = SID) {
    this.c2s = new End('c2s', client, gateway.kid, sid)
    this.s2c = new End('s2c', gateway, client.kid, sid)
  }

  async ask(changes: Partial<StatementFields> = {}, question = QUESTION): Promise<string> {
    return await this.add(this.c2s, question, { method: 'tools/call', id: '41', ack: this.ack(this.s2c), ...changes })
  }

  async answer(req: string, changes: Partial<StatementFields> = {}): Promise<string> {
    const ack = this.ack(this.c2s)
    return await this.add(this.s2c, ANSWER, { kind: 'response', id: '41', req, ack, ...changes })
  }

  /** The last statement of each end; what a close has is the digest of no bytes. */
  async close(): Promise<void> {
    const closing = { kind: 'close', server: NO_SERVER, exchange: 0, head: digestOf(NONE) } as const
    await this.add(this.c2s, NONE, { ...closing, ack: this.ack(this.s2c) }, NONE)
    await this.add(this.s2c, NONE, { ...closing, ack: this.ack(this.c2s) }, NONE)
  }

  ack({ chain }: End): StatementFields['ack'] {
    return { seq: chain.seq, head: encodeBase64url(chain.head) }
  }

  private async add(
    end: End,
    context: Uint8Array,
    changes: Partial<StatementFields>,
    head?: Uint8Array,
  ): Promise<string> {
    const evidence = await end.one(context, changes)
    this.entries.push({ ...evidence, ...(head && { head }), how: end === this.c2s ? 'sent' : 'received', at: NOW })
    return digestOf(evidence.statement)
  }
}

/** Three questions and their answers, and the end in order. */
export async function conversation(): Promise<Conversation> {
  const talk = new Conversation()
  for (let n = 0; n < 3; n++) await talk.answer(await talk.ask())
  await talk.close()
  return talk
}

export async function journal(
  entries: readonly EvidenceEntry[],
  options: Partial<JournalOptions> = {},
): Promise<string> {
  const written = await Journal.open({ folder: await mkdtemp(join(root, 'j-')), ...options })
  for (const entry of entries) await written.append(entry)
  await written.close()
  return written.path
}

export async function verify(...argv: string[]) {
  const [out, err]: [string[], string[]] = [[], []]
  const code = await runVerify(argv, { stdout: (line) => void out.push(line), stderr: (line) => void err.push(line) })
  return { code, out, err, lines: out.slice(0, -1), summary: out.at(-1) ?? '' }
}

/** With both ends' keys trusted. */
export async function judged(...files: string[]) {
  return await verify('--trust', client.kid, '--trust', gateway.kid, ...files)
}

/** What is said of a direction whose `close` is not there. */
export function unclosed(dir: Direction, sid = SID): string {
  return `incomplete all files · session ${sid} has no close statement ${dir}: statements may be missing at the end of this direction`
}

/** A journal rewritten by somebody who knows the format: changed lines, and a chain that fits. */
export async function rewritten(path: string, change: (lines: Record<string, unknown>[]) => Record<string, unknown>[]) {
  const lines = (await readFile(path, 'utf8')).split('\n').slice(0, -1)
  const parsed = lines.map((line): Record<string, unknown> => JSON.parse(line))
  // A segment goes on where the one before it ended.
  const [first] = parsed
  let prev = typeof first?.['prev'] === 'string' ? first['prev'] : FIRST_PREV
  const from = Number(first?.['n'] ?? 0)
  const texts = change(parsed).map((line, at) => {
    const text = JSON.stringify({ ...line, n: from + at, prev })
    prev = digestOf(encodeUtf8(text))
    return `${text}\n`
  })
  const file = join(await mkdtemp(join(root, 'r-')), 'rewritten.jsonl')
  await writeFile(file, texts.join(''))
  return file
}

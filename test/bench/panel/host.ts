import { METHODS } from '../../../src/contracts/panel.ts'
import { type PanelHandlers, PanelResponder } from '../../../src/contracts/panelRpc.ts'
import type { Statement } from '../../../src/evidence/types.ts'
import { EvidenceCache } from '../../../src/extension/evidence/evidenceCache.ts'
import { ContextIndex } from '../../../src/extension/evidence/list/contextIndex.ts'
import type { IndexRow } from '../../../src/extension/evidence/list/chunk.ts'
import { refOf } from '../../../src/extension/evidence/refs.ts'
import { ContextFeed, type ListedContexts } from '../../../src/extension/panel/contextFeed.ts'
import { CountersignError } from '../../../src/support/errors.ts'
import { Emitter } from '../../../src/support/emitter.ts'
import { state } from '../../webview/data.ts'

const TOOLS = ['read_text_file', 'list_directory', 'search_files', 'write_file', 'get_file_info']

/** Of the size that statements have; nothing reads it here. */
const STATEMENT: Statement = {
  v: 1,
  typ: 'countersign-statement',
  sid: 'c2lk',
  dir: 'c2s',
  seq: 0,
  kind: 'request',
  server: 'files',
  exchange: 0,
  head: '',
  ts: 0,
  aud: '',
  salt: '',
  ctx: { alg: 'sha-384', digest: '', length: 0 },
  prev: '',
  ack: { seq: 0, head: '' },
}

/** The panel's host as far as the list goes: the real index, filter and feed. Rows come without sessions and signatures. */
export class BenchHost implements ListedContexts {
  readonly index = new ContextIndex()
  readonly receipts = { take: () => [] }
  readonly feed: ContextFeed
  private readonly evidence = new EvidenceCache(5_000, 64 * 1024 * 1024)
  private readonly changed = new Emitter<string>()
  readonly onChange = this.changed.event
  private readonly responder: PanelResponder

  constructor(post: (message: unknown) => void) {
    this.index.onChange((number) => this.changed.fire(refOf(number)))
    this.feed = new ContextFeed({ contexts: this, post, now: () => performance.now() })
    const refuse = async () => {
      throw new CountersignError('usage', 'Not in a bench.')
    }
    const others = Object.fromEntries(Object.keys(METHODS).map((name) => [name, refuse]))
    const handlers: Partial<PanelHandlers> = {
      ready: async () => {
        queueMicrotask(() => post({ type: 'state', state: state(1, [], 'full') }))
        return {}
      },
      selectView: async () => ({}),
      setFilter: async (params) => this.feed.setFilter(params),
      contextRows: async (params) => this.feed.contextRows(params),
    }
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- every method has one of the two
    this.responder = new PanelResponder({ ...others, ...handlers } as PanelHandlers, post)
  }

  receive(message: unknown): Promise<void> {
    return this.responder.receive(message)
  }

  dispose(): void {
    this.responder.dispose()
    this.feed.dispose()
  }

  row(number: number) {
    const row = this.index.get(number)
    if (row === undefined) return undefined
    const { gateway: _, chain: _chain, signer: _signer, audience: _audience, ...shown } = row
    return { ref: refOf(number), ...shown }
  }

  textOf(): string | undefined {
    return undefined
  }

  async *bodies() {}

  /** Contexts as they come: pending, then verified, with 1 KiB of evidence each. */
  bring(count: number): void {
    for (let at = 0; at < count; at++) {
      const seq = this.index.end
      const row: IndexRow = {
        verdict: 'pending',
        at: Date.now(),
        dir: seq % 2 === 0 ? 'c2s' : 's2c',
        server: seq % 5 === 0 ? 'tickets' : 'files',
        kind: seq % 2 === 0 ? 'request' : 'response',
        method: 'tools/call',
        tool: TOOLS[seq % TOOLS.length] ?? '',
        size: 1024,
        custody: 'hsm',
        sid: 'c2lk',
        gateway: 'desk',
        exchange: seq >> 1,
        seq,
        chain: new Uint8Array(48).fill(seq),
      }
      const number = this.index.add(row)
      const context = new Uint8Array(1024)
      const none = new Uint8Array()
      const entry = {
        statement: none,
        head: none,
        context,
        index: 0,
        proof: [],
        jws: none,
        how: 'sent',
        at: 0,
      } as const
      this.evidence.put(number, {
        entry: { ...entry, signer: { kid: '', algorithm: 'ML-DSA-87', publicKey: none } },
        statement: STATEMENT,
        expected: {},
      })
      this.index.set(number, { ...row, verdict: 'verified', batch: { id: `${seq >> 3}`, n: 8 } })
    }
  }
}

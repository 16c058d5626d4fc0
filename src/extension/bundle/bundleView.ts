import { basename, dirname } from 'node:path'
import { RelativePattern, Uri, workspace } from 'vscode'
import { type BundleMessage, parseBundleIntent } from '../../contracts/bundleView.ts'
import type { Clock } from '../../support/clock.ts'
import { type Disposable, DisposableStore } from '../../support/disposable.ts'
import { CountersignError, toCountersignError, unreachable } from '../../support/errors.ts'
import { t } from '../../support/l10n.ts'
import type { KnownKeys } from '../evidence/knownHere.ts'
import { bundleFile } from './bundleFile.ts'
import { type BundleSource, verifyBundle } from './verifyBundle.ts'

export interface BundleViewPorts {
  readonly uri: Uri
  readonly known: () => Promise<KnownKeys>
  readonly clock: Clock
  readonly post: (message: BundleMessage) => void
  /** For the log: the view says the sentence itself. */
  readonly failed: (error: CountersignError) => void
}

/** A file that is written comes in many events: it is read again when it was quiet for so long. */
const QUIET_MS = 300
/** Of a file that is not on this machine's disk: the editor hands it over in one piece. */
const MOST_ELSEWHERE = 64 * 1024 * 1024

/** One open bundle: verified when it is opened, when its file changes and when a person asks; given up when it is closed. */
export class BundleView implements Disposable {
  private readonly ports: BundleViewPorts
  private readonly owned = new DisposableStore()
  /** Keys that a person trusts here, until this view is closed. */
  private readonly forView = new Set<string>()
  private running = new AbortController()
  private quiet: ReturnType<typeof setTimeout> | undefined
  private last: BundleMessage | undefined

  constructor(ports: BundleViewPorts) {
    this.ports = ports
    const { uri } = ports
    const folder = uri.scheme === 'file' ? Uri.file(dirname(uri.fsPath)) : Uri.joinPath(uri, '..')
    const watcher = this.owned.add(workspace.createFileSystemWatcher(new RelativePattern(folder, '*')))
    const changed = (file: Uri) => {
      if (basename(file.path) === basename(uri.path)) this.changed()
    }
    for (const event of [watcher.onDidChange, watcher.onDidCreate, watcher.onDidDelete]) this.owned.add(event(changed))
    void this.verify()
  }

  receive(message: unknown): void {
    const intent = parseBundleIntent(message)
    switch (intent?.type) {
      case undefined:
        return
      case 'ready':
        // A hidden webview is gone, and comes back knowing nothing.
        if (this.last !== undefined) this.ports.post(this.last)
        return
      case 'trust':
        this.forView.add(intent.kid)
        return void this.verify()
      case 'again':
        return void this.verify()
      default:
        return unreachable(intent)
    }
  }

  dispose(): void {
    clearTimeout(this.quiet)
    this.running.abort()
    this.owned.dispose()
  }

  private changed(): void {
    clearTimeout(this.quiet)
    this.quiet = setTimeout(() => void this.verify(), QUIET_MS)
  }

  private async verify(): Promise<void> {
    this.running.abort()
    const running = new AbortController()
    this.running = running
    const { signal } = running
    const { clock, known, uri } = this.ports
    try {
      const source = await sourceOf(uri, signal)
      const working = (read: number) => this.say(signal, { type: 'working', read, bytes: source.bytes })
      working(0)
      const forView = new Set(this.forView)
      const report = await verifyBundle(source, { known: await known(), forView, clock, signal, progress: working })
      this.say(signal, { type: 'report', report })
    } catch (thrown) {
      if (signal.aborted) return
      const error = toCountersignError(thrown, t('This bundle could not be verified.'))
      this.ports.failed(error)
      this.say(signal, { type: 'failed', sentence: t(error.sentence) })
    }
  }

  /** Nothing of a run that another one took over. */
  private say(signal: AbortSignal, message: BundleMessage): void {
    if (signal.aborted) return
    this.last = message
    this.ports.post(message)
  }
}

/** @throws CountersignError `file-unreadable`, `limit` */
async function sourceOf(uri: Uri, signal: AbortSignal): Promise<BundleSource> {
  try {
    if (uri.scheme === 'file') return await bundleFile(uri.fsPath, signal)
    const { size } = await workspace.fs.stat(uri)
    if (size > MOST_ELSEWHERE) throw new CountersignError('limit', TOO_BIG)
    return { name: basename(uri.path), bytes: size, input: once(await workspace.fs.readFile(uri)) }
  } catch (cause) {
    if (cause instanceof CountersignError) throw cause
    const sentence = t('This file cannot be read: it was moved, deleted, or you may not read it.')
    throw new CountersignError('file-unreadable', sentence, { cause })
  }
}

async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes
}

const TOO_BIG = t(
  'This bundle is not on the disk of this machine, and too big to be fetched in one piece. Copy it here, or say countersign verify where it is.',
)

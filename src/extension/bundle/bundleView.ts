import { type BundleMessage, parseBundleIntent } from '../../contracts/bundleView.ts'
import type { Clock } from '../../support/clock.ts'
import { type Disposable, DisposableStore } from '../../support/disposable.ts'
import { type CountersignError, toCountersignError, unreachable } from '../../support/errors.ts'
import { t } from '../../support/l10n.ts'
import type { KnownKeys } from '../evidence/knownHere.ts'
import { type BundleSource, verifyBundle } from './verifyBundle.ts'

export interface BundleViewPorts {
  /** @throws CountersignError `file-unreadable`, `limit` */
  readonly source: (signal: AbortSignal) => Promise<BundleSource>
  /** Tells of every change of the file. */
  readonly watch: (changed: () => void) => Disposable
  readonly known: () => Promise<KnownKeys>
  readonly clock: Clock
  readonly post: (message: BundleMessage) => void
  /** For the log: the view says the sentence itself. */
  readonly failed: (error: CountersignError) => void
}

/** A file that is written comes in many events: it is read again when it was quiet for so long. */
const QUIET_MS = 300

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
    this.owned.add(ports.watch(() => this.changed()))
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
    const { clock, known } = this.ports
    try {
      const source = await this.ports.source(signal)
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

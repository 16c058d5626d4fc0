import type { BundleReport } from '../../contracts/bundleView.ts'
import { OfflineVerifier } from '../../evidence/offline.ts'
import type { TrustedWindow } from '../../evidence/trustedKeys.ts'
import type { Clock } from '../../support/clock.ts'
import type { KnownKeys } from '../evidence/knownHere.ts'
import { ReportBuilder } from './bundleReport.ts'

/** Milliseconds of the host's thread that are taken in one go: other extensions and sessions run in between. */
const SLICE_MS = 8
const PROGRESS_MS = 250

export interface BundleSource {
  readonly name: string
  readonly bytes: number
  readonly input: AsyncIterable<Uint8Array>
}

export interface VerifyOptions {
  readonly known: KnownKeys
  readonly forView: ReadonlySet<string>
  readonly clock: Clock
  readonly signal: AbortSignal
  readonly progress: (read: number) => void
}

/**
 * Verifies a bundle as `countersign verify` does, with the keys that this editor knows. A signer that it does not know makes a
 * bundle incomplete and not false: it may come from anybody, and nothing speaks against it.
 * @throws the reason of `signal`; what the input says
 */
export async function verifyBundle(source: BundleSource, options: VerifyOptions): Promise<BundleReport> {
  const { known, forView, clock, signal } = options
  const trusted = new Map<string, TrustedWindow>([...known].map(([kid, { window }]) => [kid, window]))
  for (const kid of forView) if (!trusted.has(kid)) trusted.set(kid, {})
  const verifier = new OfflineVerifier(trusted, undefined, 'not compared')
  const builder = new ReportBuilder(known, forView)
  let until = clock.monotonic() + SLICE_MS
  for await (const finding of verifier.verifyFile(source.name, watched(source.input, options))) {
    builder.add(finding)
    if (clock.monotonic() < until) continue
    await new Promise((resolve) => setImmediate(resolve))
    signal.throwIfAborted()
    until = clock.monotonic() + SLICE_MS
  }
  for (const finding of verifier.finish()) builder.add(finding)
  signal.throwIfAborted()
  return builder.report(verifier.summary, { bytes: source.bytes, checkedAt: clock.now() })
}

async function* watched(
  input: AsyncIterable<Uint8Array>,
  { clock, signal, progress }: VerifyOptions,
): AsyncGenerator<Uint8Array> {
  let read = 0
  let next = clock.monotonic() + PROGRESS_MS
  for await (const chunk of input) {
    signal.throwIfAborted()
    yield chunk
    read += chunk.length
    if (clock.monotonic() < next) continue
    next = clock.monotonic() + PROGRESS_MS
    progress(read)
  }
}

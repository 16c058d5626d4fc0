import { type Finding, OfflineVerifier, type Summary, type Watcher } from '../offline.ts'
import type { TrustedWindow } from '../trustedKeys.ts'

export interface VerifyBundleOptions {
  /** For messages. */
  readonly name?: string
  /** Keys by kid, with their windows; left out, signers are compared with nothing and every finding says so. */
  readonly trusted?: ReadonlyMap<string, TrustedWindow>
  readonly signal?: AbortSignal
  /** Told of each record, as it is read. */
  readonly onRecord?: Watcher
}

export interface BundleVerdict {
  readonly summary: Summary
  /** What was found about the manifest; undefined where there is none. */
  readonly manifest?: Finding
  /** One a session: what of it is there, and what is missing. */
  readonly sessions: readonly Finding[]
  /** What does not hold and concerns no single record: at most 1000, the first ones. */
  readonly problems: readonly Finding[]
}

const MOST = 1000

/**
 * Verifies one evidence bundle as a stream. Whoever calls it gets records one by one and may keep what it needs of them.
 * @throws the reason of `signal`, what the stream throws
 */
export async function verifyBundle(
  input: AsyncIterable<Uint8Array>,
  { name = '', trusted, signal, onRecord }: VerifyBundleOptions = {},
): Promise<BundleVerdict> {
  const verifier = new OfflineVerifier(trusted, onRecord)
  const problems: Finding[] = []
  let manifest: Finding | undefined
  for await (const finding of verifier.verifyFile(name, input)) {
    signal?.throwIfAborted()
    if (finding.manifest !== undefined) manifest = finding
    if (finding.state !== 'holds' && finding.record === undefined && problems.length < MOST) problems.push(finding)
  }
  const sessions = [...verifier.finish()]
  return { summary: verifier.summary, sessions, problems, ...(manifest !== undefined && { manifest }) }
}

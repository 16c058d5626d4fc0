import { checkThumbprint } from '../checks.ts'
import { parseManifest, type Manifest, verifyManifest } from '../bundle/manifest.ts'
import type { BundleEnd } from '../bundle/reader.ts'
import type { KeyLine, TransitionLine } from '../bundle/format.ts'
import { readTransition } from '../transition.ts'
import { CountersignError } from '../../support/errors.ts'
import { encodeBase64url } from '../../crypto/encoding.ts'
import { type Finding, STRANGER, UNTRUSTED } from './finding.ts'
import type { FileTrust } from './trust.ts'

type Judged = Pick<Finding, 'state' | 'notes'>

/** What must be said of a key line; undefined: nothing. */
export function takeKey({ kid, key, from, until, revoked }: KeyLine, trust: FileTrust): string | undefined {
  try {
    checkThumbprint({ kid, ...key })
  } catch (thrown) {
    if (thrown instanceof CountersignError) return thrown.message
    throw thrown
  }
  return trust.narrow(kid, { from, until, revoked }) ? undefined : 'the bundle has too many keys'
}

/** What must be said of a transition line; undefined: both keys signed it. */
export async function takeTransition({ document }: TransitionLine, trust: FileTrust): Promise<string | undefined> {
  try {
    return trust.follow(await readTransition(document)) ? undefined : 'the bundle has too many transitions'
  } catch (thrown) {
    if (!isVerdict(thrown)) throw thrown
    return 'A transition is not one that both of its keys signed.'
  }
}

/** Whether the bundle is what its exporter signed, and whether the exporter is trusted. */
export async function judgeManifest(end: BundleEnd, trust: FileTrust): Promise<Judged> {
  const wrong = await refuted(end)
  if (wrong !== undefined) return { state: 'false', notes: [wrong] }
  const { exporter, at } = end.header
  const trusted = trust.trustsIn(exporter)?.(exporter, at)
  if (trusted === false) return { state: 'false', notes: ['The bundle was put together by a key that is not trusted.'] }
  if (trusted === 'outside') {
    return { state: 'false', notes: ['The bundle was put together outside the window of its key.'] }
  }
  const { notes, doubted } = trust.about(exporter)
  const untrusted = trusted !== undefined ? [] : [trust.trusting ? STRANGER : UNTRUSTED]
  return { state: doubted || trusted === undefined ? 'incomplete' : 'holds', notes: [...untrusted, ...notes] }
}

async function refuted(end: BundleEnd): Promise<string | undefined> {
  let manifest: Manifest
  try {
    manifest = parseManifest(end.jws)
  } catch (thrown) {
    if (!isVerdict(thrown)) throw thrown
    return 'The manifest is malformed.'
  }
  const { digest, lines, records, redacted, at } = manifest.payload
  const same =
    encodeBase64url(digest) === end.digest &&
    lines === end.lines &&
    records === end.records &&
    redacted === end.redacted &&
    at === end.header.at
  if (!same) return 'The bundle is not what its manifest says: lines were changed, moved, added or taken out.'
  if (end.signer === undefined) return 'The key of the exporter is not in the bundle.'
  try {
    checkThumbprint(end.signer)
    await verifyManifest(manifest, end.signer)
    return undefined
  } catch (thrown) {
    if (!isVerdict(thrown)) throw thrown
    return 'The signature of the manifest does not hold.'
  }
}

/** A backend that could not be loaded is no verdict. */
function isVerdict(thrown: unknown): thrown is CountersignError {
  return (
    thrown instanceof CountersignError &&
    ['signature-invalid', 'length', 'decode', 'algorithm-unsupported', 'usage'].includes(thrown.code)
  )
}

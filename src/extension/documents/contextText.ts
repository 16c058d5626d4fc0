import { unreachable } from '../../support/errors.ts'
import { said, t } from '../../support/l10n.ts'
import { visible } from '../../support/printable.ts'
import type { FoundContext } from './findContext.ts'
import { rendering } from './rendering.ts'

/** Of one line at the head. */
const LONGEST = 500

/**
 * The document of a context: what it is and what its evidence comes to, in comments, then its bytes laid out. Bytes that did not
 * verify are withheld until a person asks for them, as in the panel.
 */
export function contextText(found: FoundContext, reveal: boolean): string {
  const { entry } = found
  const withheld = verdictOf(found) !== 'verified' && !reveal
  const bytes = entry?.context
  const head = [RENDERING, about(found), ...verdictLines(found)]
  if (bytes === undefined) return document([...head, absent(found)])
  if (withheld) return document([...head, WITHHELD])
  const { text, notes } = rendering(bytes)
  return document([...head, ...notes, ...(bytes.length === 0 ? [EMPTY] : [])], text)
}

/** What a list and a document say of it: the row's word, or what its evidence from the journal came to. */
export function verdictOf({ row, verdict }: FoundContext): 'verified' | 'rejected' | 'pending' | 'unsigned' {
  if (verdict?.ok === false) return 'rejected'
  return row?.verdict ?? 'verified'
}

function document(lines: readonly string[], body = ''): string {
  const head = lines.map((line) => `// ${visible(line.length > LONGEST ? `${line.slice(0, LONGEST)}…` : line)}\n`)
  return `${head.join('')}${body}\n`
}

function about({ row, statement, entry }: FoundContext): string {
  const { kind, server, dir, method } = statement ?? row ?? {}
  const size = entry?.context?.length ?? statement?.ctx.length ?? row?.size ?? 0
  const at = statement?.ts ?? row?.at
  const parts = [
    kind,
    row?.tool ?? method,
    server === undefined ? undefined : t`server ${server}`,
    dir === 'c2s' ? t('from this end to the gateway') : t('from the gateway to this end'),
    t`${size} bytes`,
    at === undefined ? undefined : time(at),
    statement === undefined ? undefined : t`sequence ${statement.seq}, exchange ${statement.exchange}`,
  ]
  return parts.filter((part) => part !== undefined).join(' · ')
}

function verdictLines(found: FoundContext): string[] {
  const { row, verdict, entry, statement, from, signer } = found
  const by = entry === undefined ? '' : ` ${signedBy(entry.signer.kid, signer)}`
  const digest =
    statement === undefined ? [] : [t`Its statement says: session ${statement.sid}, SHA-384 ${statement.ctx.digest}`]
  const word = verdictOf(found)
  switch (word) {
    case 'pending':
      return [t('Not signed yet: nothing of it has been verified.')]
    case 'unsigned':
      return [`${t('Never signed and never sent.')} ${row?.reason ?? ''}`.trimEnd()]
    case 'rejected':
      return [
        `${t('REJECTED.')} ${row?.reason ?? t(verdict?.error?.sentence ?? said('Its evidence does not hold.'))}${by}`,
        ...digest,
      ]
    case 'verified':
      if (from === 'window') return verdict === undefined ? [LOST] : [`${VERIFIED}${by}`, ...digest]
      return [`${signer === undefined ? UNKNOWN_SIGNER : FROM_JOURNAL}${by}`, ...digest]
    default:
      return unreachable(word)
  }
}

function signedBy(kid: string, signer: string | undefined): string {
  return signer === undefined ? t`Signed by ${kid}.` : t`Signed by ${kid}, ${signer}.`
}

function absent({ row, encrypted, entry }: FoundContext): string {
  if (encrypted)
    return t('Its bytes are encrypted in the journal: countersign decrypt reads them with the private key.')
  if (entry !== undefined) return t('Only the digest of its bytes was kept.')
  return row?.verdict === 'verified' ? t('Its bytes are not here.') : t('There are no bytes of it here.')
}

function time(at: number): string {
  const date = new Date(at)
  return Number.isNaN(date.getTime()) ? `${at} ms` : date.toISOString()
}

/** In place of a context that is not here. */
export function unresolved(why: string): string {
  return document([t('Countersign: this context cannot be shown.'), why])
}

/** For a tab of the editor: short, and nothing in it that a file name cannot have. */
export function documentName({ row, statement }: FoundContext): string {
  const { kind = 'context', server = '', method } = statement ?? row ?? {}
  const parts = [server, row?.tool ?? method ?? '', kind, String(statement?.seq ?? row?.seq ?? '')]
  const name = parts.map((part) => part.replace(/[^A-Za-z0-9._-]+/g, '-').slice(0, 40)).filter((part) => part !== '')
  return `${name.join(' ')} (rendering).jsonc`
}

const RENDERING = t(
  'Countersign: a rendering for reading and comparing. Lines are broken anew and unusual characters are written as \\uXXXX; what was signed are the bytes, not this text.',
)
const WITHHELD = t(
  'Its bytes are withheld, because they did not verify. The panel and Open Context as Document… show them to who asks.',
)
const EMPTY = t('It has no bytes.')
const VERIFIED = t(
  'Verified when this document was opened: signature, proof, digest, place in its session, and question.',
)
const FROM_JOURNAL = t(
  'From the journal. Signature, proof, digest and signer were verified when this document was opened; the rest of its session was not read.',
)
const UNKNOWN_SIGNER = t(
  'From the journal. Signature, proof and digest were verified when this document was opened; this editor does not know the signer.',
)
const LOST = t('It was verified when it came. Its evidence is no longer in memory, and the journal does not hold it.')

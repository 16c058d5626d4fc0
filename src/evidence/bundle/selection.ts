import { CountersignError } from '../../support/errors.ts'
import { isDigest, isMembers } from '../statement.ts'
import type { Statement } from '../types.ts'

/** What of a journal went into a bundle. `at`, not `ts`, says when: `from` is the first ms since 1970, `to` the first one after. */
export type Selection =
  /** Everything that there was. */
  | { readonly kind: 'all' }
  /** Chosen contexts: what came before and after them is left out on purpose. */
  | { readonly kind: 'contexts' }
  | { readonly kind: 'session'; readonly sid: string }
  | { readonly kind: 'time'; readonly from?: number; readonly to?: number }

/** A selection and the digests of a chosen context: of its statement, or of its bytes. */
export interface Choice {
  readonly selection: Selection
  /** Of kind `contexts`, base64url of 48 bytes each: undefined where they are not known. */
  readonly digests?: ReadonlySet<string>
}

/** Whether a record belongs into a bundle; of chosen contexts only their digests can say it. @param at ms since 1970 */
export function isChosen({ selection, digests }: Choice, statement: Statement, at: number, digest?: string): boolean {
  switch (selection.kind) {
    case 'contexts':
      return digests === undefined || digests.has(statement.ctx.digest) || (digest !== undefined && digests.has(digest))
    case 'session':
      return statement.sid === selection.sid
    case 'time':
      return at >= (selection.from ?? 0) && at < (selection.to ?? Infinity)
    case 'all':
    default:
      return true
  }
}

/** Exactly the members of its kind. @throws CountersignError `decode` */
export function parseSelection(value: unknown): Selection {
  if (!isMembers(value)) throw malformed()
  const { kind, sid, from, to, ...others } = value
  if (Object.keys(others).length > 0 || !isOptionalTime(from) || !isOptionalTime(to)) throw malformed()
  if (kind !== 'time' && (from !== undefined || to !== undefined)) throw malformed()
  if (kind === 'session' ? !isDigest(sid) : sid !== undefined) throw malformed()
  switch (kind) {
    case 'all':
    case 'contexts':
      return { kind }
    case 'session':
      return { kind, sid: String(sid) }
    case 'time':
      return { kind, ...(from !== undefined && { from }), ...(to !== undefined && { to }) }
    default:
      throw malformed()
  }
}

function isOptionalTime(value: unknown): value is number | undefined {
  return value === undefined || (typeof value === 'number' && Number.isSafeInteger(value) && value >= 0)
}

function malformed(): CountersignError {
  return new CountersignError('decode', 'A bundle says in no known way what was selected for it.')
}

import { t } from '../../../support/l10n.ts'
export function labelProblem(label: string, taken: ReadonlySet<string>): string | undefined {
  if (taken.has(label)) return t`There is a key ${label} already. A key is never replaced.`
  return /^[^\p{C}]{1,200}$/u.test(label) ? undefined : t('A label has 1 to 200 printable characters.')
}

/** CKA_ID as typed; empty is allowed and means that the token gets a random one. */
export function idProblem(id: string): string | undefined {
  if (id === '') return undefined
  return /^([0-9A-Fa-f]{2}){1,64}$/.test(id) ? undefined : t('An id has 1 to 64 bytes, two hexadecimal digits each.')
}

/** Undefined for an empty one. The caller checked it with `idProblem`. */
export function keyIdBytes(id: string): Uint8Array | undefined {
  return id === '' ? undefined : new Uint8Array(Buffer.from(id, 'hex'))
}

import type { Direction } from '../evidence/types.ts'

/**
 * Which context a document shows, as the query of its address. An address outlives the window that made it: the editor opens
 * the tab again after a reload, and other extensions can ask for one.
 */
export interface ContextAddress {
  /** In the list of the window that made the address. */
  readonly ref?: string
  /** In the journal. */
  readonly place?: { readonly sid: string; readonly dir: Direction; readonly seq: number }
  /** A person asked for the bytes although they did not verify. */
  readonly reveal: boolean
}

const FIELDS: Readonly<Record<string, RegExp>> = {
  ref: /^[A-Za-z0-9-]{1,64}$/,
  sid: /^[A-Za-z0-9_-]{64}$/,
  dir: /^(?:c2s|s2c)$/,
  seq: /^(?:0|[1-9]\d{0,14})$/,
  reveal: /^yes$/,
}

export function encodeContextAddress({ ref, place, reveal }: ContextAddress): string {
  const fields = [
    ...(ref === undefined ? [] : [`ref=${ref}`]),
    ...(place === undefined ? [] : [`sid=${place.sid}`, `dir=${place.dir}`, `seq=${place.seq}`]),
    ...(reveal ? ['reveal=yes'] : []),
  ]
  return fields.join('&')
}

/** undefined: not an address that `encodeContextAddress` made. */
export function parseContextAddress(query: string): ContextAddress | undefined {
  const fields = new Map<string, string>()
  for (const field of query.split('&')) {
    const [name = '', value = '', ...more] = field.split('=')
    const known = Object.hasOwn(FIELDS, name) ? FIELDS[name] : undefined
    if (known?.test(value) !== true || more.length > 0 || fields.has(name)) return undefined
    fields.set(name, value)
  }
  const [ref, sid, dir, seq] = ['ref', 'sid', 'dir', 'seq'].map((name) => fields.get(name))
  const placed = sid !== undefined && (dir === 'c2s' || dir === 's2c') && seq !== undefined
  const address: ContextAddress = {
    ...(ref !== undefined && { ref }),
    ...(placed && { place: { sid, dir, seq: Number(seq) } }),
    reveal: fields.has('reveal'),
  }
  // In another order, with half of a place, or of nothing: none that we made.
  return address.ref === undefined && !placed
    ? undefined
    : encodeContextAddress(address) === query
      ? address
      : undefined
}

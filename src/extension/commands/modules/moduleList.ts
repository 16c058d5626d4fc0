export interface NewModule {
  readonly path: string
  readonly libraryParameters?: string
}

/**
 * `countersign.modules` as it is written, with a module at its end. One that is there already keeps what a person said of it: it
 * must not come back as hardware because it was added again.
 */
export function withModule(before: unknown, entry: NewModule): readonly unknown[] {
  const all: readonly unknown[] = Array.isArray(before) ? before : []
  const known = all.filter((one) => isSame(one, entry))
  return [...all.filter((one) => !known.includes(one)), Object.assign({}, ...known, entry)]
}

/** The same file with other parameters is another module: NSS has one database for each. */
export function isSame(known: unknown, { path, libraryParameters }: NewModule): boolean {
  if (typeof known !== 'object' || known === null || !('path' in known) || known.path !== path) return false
  return ('libraryParameters' in known ? known.libraryParameters : undefined) === libraryParameters
}

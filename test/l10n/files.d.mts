export interface Compared {
  readonly file: string
  readonly missing: readonly string[]
  readonly unused: readonly string[]
  readonly differing: readonly string[]
}
export function compareAll(root: string): readonly Compared[]

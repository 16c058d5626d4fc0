export interface Found {
  readonly key: string
  readonly at: string
}
export function findKeys(root: string): {
  readonly host: readonly Found[]
  readonly panel: readonly Found[]
  readonly glued: readonly string[]
}
export function findBypasses(root: string, folder: string): string[]

export function within<T>(what: string, ms: number, work: Promise<T>): Promise<T>
export function until<T>(
  what: string | (() => string),
  look: () => Promise<T | undefined | false>,
  ms?: number,
): Promise<T>

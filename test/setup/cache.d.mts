export function cacheRoot(): string
export function cached(
  what: { thing: string; version: string; report?: (text: string) => void },
  build: (folder: string) => Promise<void>,
): Promise<string>

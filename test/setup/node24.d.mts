export function node24(options?: { report?: (text: string) => void }): Promise<{ node: string; home: string }>

export function openssl(options?: { report?: (text: string) => void }): Promise<void>

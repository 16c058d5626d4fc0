export function nss(options?: { report?: (text: string) => void }): Promise<{ module: string }>
export function nssLibraryParameters(folder: string): string

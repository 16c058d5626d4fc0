export function softhsm(options?: { report?: (text: string) => void }): Promise<{ module: string }>
export function createSofthsmToken(
  folder: string,
  token: { label: string; pin: string; soPin: string },
): Promise<{ SOFTHSM2_CONF: string }>

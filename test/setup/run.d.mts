export function run(
  command: string,
  args: readonly string[],
  options?: { cwd?: string; env?: NodeJS.ProcessEnv; input?: string; timeout?: number },
): Promise<string>
export function findInPath(...names: string[]): string | undefined
export function npm(
  args: readonly string[],
  options?: { cwd?: string; env?: NodeJS.ProcessEnv; input?: string; timeout?: number; node?: string },
): Promise<string>

/** Where it is; or why it is not here. */
export interface Installed {
  readonly version: string
  readonly path?: string
  readonly missing?: string
}

export interface Agents {
  /** The program `node`, for agents that need a newer one than ours. */
  readonly node: Installed
  /** These four: a folder `node_modules`. */
  readonly 'claude-code': Installed
  readonly codex: Installed
  readonly inspector: Installed
  readonly servers: Installed
}

export function agents(options?: { report?: (text: string) => void }): Promise<Agents>

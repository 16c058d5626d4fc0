import { join } from 'node:path'
import { CountersignError } from '../../support/errors.ts'
import { addEntry, type Dialect, entriesOf, removeEntry } from './files/jsonEdits.ts'
import { addTable, removeTable, tablesOf } from './files/tomlEdits.ts'

/** One file in which an agent keeps its servers. */
export interface AgentFile {
  /** The name of its token. */
  readonly agent: string
  readonly label: string
  readonly path: string
  /** The workspace folder that it lies in: others read such a file, so nothing of this machine goes into it. */
  readonly workspace?: string
  readonly format: { readonly kind: 'json'; readonly dialect: Dialect } | { readonly kind: 'toml' }
  /** The member or table that holds all servers. */
  readonly container: string
  /** Members that an entry has beside command and arguments. */
  readonly extra: Readonly<Record<string, string>>
  /** The launcher, as this file names it. */
  readonly launcher: string
}

export interface ServerTarget {
  readonly gateway: string
  readonly server: string
}

export interface AgentPlaces {
  readonly home: string
  /** XDG_CONFIG_HOME, if it is set. */
  readonly configHome: string | undefined
  readonly platform: NodeJS.Platform
  readonly workspaces: readonly { readonly name: string; readonly path: string }[]
  /** The folder of this editor's own user files; undefined where it lies on another machine. */
  readonly editorUser: string | undefined
}

const LAUNCHER = '.countersign/bin/countersign'
const JSON_FILE = { kind: 'json', dialect: 'json' } as const
const JSONC_FILE = { kind: 'json', dialect: 'jsonc' } as const
const STDIO = { type: 'stdio' }

/** Where the agents that we know keep their servers, whether the file exists or not. */
export function agentFiles({ home, configHome, platform, workspaces, editorUser }: AgentPlaces): AgentFile[] {
  const launcher = join(home, LAUNCHER)
  const vscode = { agent: 'vscode', format: JSONC_FILE, container: 'servers', extra: STDIO }
  const claude = { agent: 'claude-code', format: JSON_FILE, container: 'mcpServers', extra: STDIO }
  const cursor = { agent: 'cursor', format: JSON_FILE, container: 'mcpServers', extra: {} }
  const files: AgentFile[] = workspaces.flatMap(({ name, path }): AgentFile[] => {
    const at = (...parts: readonly string[]) => ({ path: join(path, ...parts), workspace: path })
    // Each in the way in which the agent itself writes the home folder: a path of this machine would be wrong on another.
    const userHome = `\${userHome}/${LAUNCHER}`
    return [
      { ...vscode, ...at('.vscode', 'mcp.json'), label: `VS Code, workspace ${name}`, launcher: userHome },
      { ...claude, ...at('.mcp.json'), label: `Claude Code, project ${name}`, launcher: `\${HOME}/${LAUNCHER}` },
      { ...cursor, ...at('.cursor', 'mcp.json'), label: `Cursor, project ${name}`, launcher: userHome },
    ]
  })
  if (editorUser !== undefined)
    files.push({ ...vscode, label: 'VS Code, user', path: join(editorUser, 'mcp.json'), launcher })
  const config =
    platform === 'darwin' ? join(home, 'Library', 'Application Support') : (configHome ?? join(home, '.config'))
  const codex = { agent: 'codex', format: { kind: 'toml' }, container: 'mcp_servers', extra: {} } as const
  const desktop = { agent: 'claude-desktop', format: JSON_FILE, container: 'mcpServers', extra: {} }
  files.push(
    { ...claude, label: 'Claude Code, user', path: join(home, '.claude.json'), launcher },
    { ...cursor, label: 'Cursor, user', path: join(home, '.cursor', 'mcp.json'), launcher },
    { ...codex, label: 'Codex', path: join(home, '.codex', 'config.toml'), launcher },
    { ...desktop, label: 'Claude Desktop', path: join(config, 'Claude', 'claude_desktop_config.json'), launcher },
  )
  return files
}

/**
 * The text of the file with an entry for the server, and the entry's name. The entry starts the shim; it holds no token, in no
 * file: the shim finds that, and so the entry stays right when a token is revoked and made anew.
 * @throws CountersignError `config-invalid` where it is there already, or nothing can be added
 */
export function addServer(file: AgentFile, text: string, target: ServerTarget): { text: string; name: string } {
  const args = argumentsOf(file, target)
  const there = ownEntries(file, text).find((entry) => JSON.stringify(entry.args) === JSON.stringify(args))
  if (there !== undefined) throw invalid(`${file.label} has ${target.server} already, as "${there.name}".`)
  const taken = entries(file, text)
  // What all agents take for a name: they make names of tools from it.
  const names = [target.server, `${target.server}-${target.gateway}`].map((name) => name.replaceAll('.', '-'))
  const name = names.find((free) => !taken.has(free))
  if (name === undefined) throw invalid(`${file.label} has servers called ${names.join(' and ')} already.`)
  const entry = { command: file.launcher, args }
  if (file.format.kind === 'toml') return { text: addTable(text, file.container, name, entry), name }
  const place = { container: file.container, name, dialect: file.format.dialect }
  return { text: addEntry(text, place, { ...file.extra, ...entry }), name }
}

/** @throws CountersignError `config-invalid` where the entry is not there, or is more than what was added */
export function removeServer(file: AgentFile, text: string, name: string): string {
  if (file.format.kind === 'toml') return removeTable(text, file.container, name)
  return removeEntry(text, { container: file.container, name, dialect: file.format.dialect })
}

export interface OwnEntry {
  readonly name: string
  readonly args: readonly string[]
}

/** The entries that start our launcher for this agent. */
export function ownEntries(file: AgentFile, text: string): OwnEntry[] {
  return Array.from(entries(file, text), ([name, entry]) => ({ name, ...written(entry) })).flatMap(
    ({ name, command, args }) => {
      const ours = command?.endsWith(`/${LAUNCHER}`) === true && args?.[0] === 'connect' && args[2] === file.agent
      return ours ? [{ name, args: args.map(String) }] : []
    },
  )
}

function argumentsOf({ agent }: AgentFile, { gateway, server }: ServerTarget): readonly string[] {
  return ['connect', '--agent', agent, '--gateway', gateway, '--server', server]
}

function entries({ format, container }: AgentFile, text: string): ReadonlyMap<string, unknown> {
  return format.kind === 'toml' ? tablesOf(text, container) : entriesOf(text, container, format.dialect)
}

function written(entry: unknown): { readonly command?: string; readonly args?: readonly unknown[] } {
  if (typeof entry !== 'object' || entry === null || !('command' in entry) || !('args' in entry)) return {}
  const { command, args } = entry
  return typeof command === 'string' && Array.isArray(args) ? { command, args } : {}
}

function invalid(sentence: string): CountersignError {
  return new CountersignError('config-invalid', `${sentence} Nothing was written.`)
}

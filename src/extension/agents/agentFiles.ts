import { join } from 'node:path'
import type { Agent, KeptMembers } from '../../contracts/agentEntry.ts'
import type { EntryPlace } from '../../contracts/securedServer.ts'
import type { Syntax } from '../../contracts/template.ts'
import { CountersignError } from '../../support/errors.ts'
import { said, type Sentence, t } from '../../support/l10n.ts'
import { addEntry, type Dialect, entriesOf, type Place, removeEntry } from './files/jsonEdits.ts'
import { addTable, removeTable, tablesOf } from './files/tomlEdits.ts'

/** One file in which an agent keeps its servers. */
export interface AgentFile {
  /** The name of its token. */
  readonly agent: Agent
  readonly label: string
  readonly path: string
  /** The workspace folder that it lies in: others read such a file, so nothing of this machine goes into it. */
  readonly workspace?: string
  readonly format: { readonly kind: 'json'; readonly dialect: Dialect } | { readonly kind: 'toml' }
  /** What in the texts of an entry stands for something else. */
  readonly syntax: Syntax
  /** The member or table that holds all servers. */
  readonly container: string
  /** Members that lead to the container; undefined: it stands at the top. */
  readonly within?: readonly string[]
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

type Kind = Pick<AgentFile, 'format' | 'syntax' | 'container' | 'extra'>
const KINDS: Readonly<Record<Agent, Kind>> = {
  vscode: { format: JSONC_FILE, syntax: 'vscode', container: 'servers', extra: STDIO },
  'claude-code': { format: JSON_FILE, syntax: 'claude-code', container: 'mcpServers', extra: STDIO },
  cursor: { format: JSON_FILE, syntax: 'cursor', container: 'mcpServers', extra: {} },
  codex: { format: { kind: 'toml' }, syntax: 'none', container: 'mcp_servers', extra: {} },
  'claude-desktop': { format: JSON_FILE, syntax: 'none', container: 'mcpServers', extra: {} },
}

/** Where the agents that we know keep their servers, whether the file exists or not. */
export function agentFiles({ home, configHome, platform, workspaces, editorUser }: AgentPlaces): AgentFile[] {
  const launcher = join(home, LAUNCHER)
  const files: AgentFile[] = workspaces.flatMap(({ name, path }): AgentFile[] => {
    const at = (agent: Agent, label: string, ...parts: readonly string[]): AgentFile => {
      const place = { agent, path: join(path, ...parts), workspace: path }
      return { ...KINDS[agent], ...place, label: `${label} ${name}`, launcher: sharedLauncher(agent) }
    }
    return [
      at('vscode', t('VS Code, workspace'), '.vscode', 'mcp.json'),
      at('claude-code', t('Claude Code, project'), '.mcp.json'),
      at('cursor', t('Cursor, project'), '.cursor', 'mcp.json'),
    ]
  })
  const own = (agent: Agent, label: string, ...parts: readonly string[]): void => {
    files.push({ ...KINDS[agent], agent, label, path: join(...parts), launcher })
  }
  if (editorUser !== undefined) own('vscode', t('VS Code, user'), editorUser, 'mcp.json')
  const config =
    platform === 'darwin' ? join(home, 'Library', 'Application Support') : (configHome ?? join(home, '.config'))
  own('claude-code', t('Claude Code, user'), home, '.claude.json')
  own('cursor', t('Cursor, user'), home, '.cursor', 'mcp.json')
  own('codex', 'Codex', home, '.codex', 'config.toml')
  own('claude-desktop', 'Claude Desktop', config, 'Claude', 'claude_desktop_config.json')
  return files
}

/** What Claude Code keeps for one project in a user's own file: where `claude mcp add` puts a server unless it is told otherwise. */
export function claudeProjects({ home, workspaces }: Pick<AgentPlaces, 'home' | 'workspaces'>): AgentFile[] {
  return workspaces.map(({ name, path }) => ({
    ...KINDS['claude-code'],
    agent: 'claude-code',
    label: t`Claude Code, you in project ${name}`,
    path: join(home, '.claude.json'),
    within: ['projects', path],
    launcher: join(home, LAUNCHER),
  }))
}

/** The file of an entry that was written down, also where its folder is not open. */
export function fileOf({ agent, path, workspace, within }: EntryPlace, home: string): AgentFile {
  return {
    ...KINDS[agent],
    agent,
    path,
    label: path,
    launcher: workspace === undefined ? join(home, LAUNCHER) : sharedLauncher(agent),
    ...(workspace !== undefined && { workspace }),
    ...(within !== undefined && { within }),
  }
}

/** As the agent itself writes the home folder: a path of this machine would be wrong on another. */
function sharedLauncher(agent: Agent): string {
  return `\${${agent === 'claude-code' ? 'HOME' : 'userHome'}}/${LAUNCHER}`
}

/**
 * The text of the file with an entry for the server, and the entry's name. The entry starts the shim; it holds no token, in no
 * file: the shim finds that, and so the entry stays right when a token is revoked and made anew.
 * @throws CountersignError `config-invalid` where it is there already, or nothing can be added
 */
export function addServer(file: AgentFile, text: string, target: ServerTarget): { text: string; name: string } {
  const entry = shimEntry(file, target)
  const { args } = entry
  const there = ownEntries(file, text).find((entry) => JSON.stringify(entry.args) === JSON.stringify(args))
  if (there !== undefined) throw invalid(said`${file.label} has ${target.server} already, as "${there.name}".`)
  const taken = entries(file, text)
  // What all agents take for a name: they make names of tools from it.
  const names = [target.server, `${target.server}-${target.gateway}`].map((name) => name.replaceAll('.', '-'))
  const name = names.find((free) => !taken.has(free))
  if (name === undefined) throw invalid(said`${file.label} has servers called ${names.join(' and ')} already.`)
  if (file.format.kind === 'toml') return { text: addTable(text, file.container, name, entry), name }
  return { text: addEntry(text, placeIn(file, file.format.dialect, name), { ...file.extra, ...entry }), name }
}

/** @throws CountersignError `config-invalid` where the entry is not there, or is more than what was added */
export function removeServer(file: AgentFile, text: string, name: string): string {
  if (file.format.kind === 'toml') return removeTable(text, file.container, name)
  return removeEntry(text, placeIn(file, file.format.dialect, name))
}

export interface OwnEntry {
  readonly name: string
  readonly args: readonly string[]
}

/** The entries that start our launcher for this agent. */
export function ownEntries(file: AgentFile, text: string): OwnEntry[] {
  return Array.from(entries(file, text), ([name, entry]) => ({ name, ...written(entry) })).flatMap(
    ({ name, command, args }) => {
      const ours = command === file.launcher && args?.[0] === 'connect' && args[2] === file.agent
      return ours ? [{ name, args: args.map(String) }] : []
    },
  )
}

/** What an entry says that starts the shim for this agent and this server, `kept` of the entry that was there before. */
export function shimEntry({ agent, launcher }: AgentFile, { gateway, server }: ServerTarget, kept: KeptMembers = {}) {
  const args = ['connect', '--agent', agent, '--gateway', gateway, '--server', server]
  return { command: launcher, args, ...kept }
}

/** Where an entry of this name is in a JSON file. */
export function placeIn({ container, within }: AgentFile, dialect: Dialect, name: string): Place {
  return { container, name, dialect, ...(within !== undefined && { within }) }
}

function entries(file: AgentFile, text: string): ReadonlyMap<string, unknown> {
  const { format, container } = file
  return format.kind === 'toml' ? tablesOf(text, container) : entriesOf(text, placeIn(file, format.dialect, ''))
}

function written(entry: unknown): { readonly command?: string; readonly args?: readonly unknown[] } {
  if (typeof entry !== 'object' || entry === null || !('command' in entry) || !('args' in entry)) return {}
  const { command, args } = entry
  return typeof command === 'string' && Array.isArray(args) ? { command, args } : {}
}

function invalid(sentence: Sentence): CountersignError {
  return new CountersignError('config-invalid', said`${sentence} Nothing was written.`)
}

import * as v from 'valibot'
import { CountersignError } from '../support/errors.ts'
import { type Filling, said } from '../support/l10n.ts'
import { inert } from '../support/printable.ts'

/** The agents whose files we know. */
export const AGENTS = ['vscode', 'claude-code', 'cursor', 'codex', 'claude-desktop'] as const
export type Agent = (typeof AGENTS)[number]

/** A server as an agent's file describes it. Texts are as they are written: what stands for something else is not replaced yet. */
export type AgentEntry = (StdioEntry | HttpEntry) & {
  /** What an entry tells its agent rather than the server (time-outs, which tools are on): it goes on holding. */
  readonly kept: KeptMembers
}

export interface StdioEntry {
  readonly command: string
  readonly args: readonly string[]
  readonly env: Readonly<Record<string, string>>
  /** Variables of the agent's own environment that the server gets. */
  readonly inherits: readonly string[]
  readonly cwd?: string | undefined
}

export interface HttpEntry {
  readonly url: string
  readonly headers: Readonly<Record<string, string>>
  /** Headers whose value is a variable of the agent's own environment, with what stands before it. */
  readonly inherits: readonly InheritedHeader[]
}

export interface InheritedHeader {
  readonly header: string
  readonly before: string
  readonly variable: string
}

export type KeptMembers = Readonly<Record<string, string | number | boolean | readonly string[]>>

const text = v.pipe(v.string('must be text'), v.maxLength(32_768, 'is too long'))
const filled = v.pipe(text, v.nonEmpty('must not be empty'))
const list = v.pipe(v.array(text, 'must be a list of texts'), v.maxLength(1000, 'is too long'))
const number = v.pipe(v.number('must be a number'), v.finite('must be a number'))
const variable = v.pipe(text, v.regex(/^[A-Za-z_][A-Za-z0-9_]*$/, 'must be the name of a variable'))
const headerName = v.pipe(text, v.regex(/^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/, 'must be the name of a header'))
const headers = v.optional(v.record(headerName, text), {})
const boolean = v.boolean('must be true or false')

const command = {
  command: filled,
  args: v.optional(list, []),
  // VS Code takes numbers as well. Its null, which takes a variable away, has no counterpart in a gateway.
  env: v.optional(v.record(variable, v.union([text, v.pipe(number, v.transform(String))], 'must be text')), {}),
}
const address = { url: filled, headers }
const stdioType = { type: v.exactOptional(v.literal('stdio', 'does not go with a command')) }
const httpType = {
  type: v.exactOptional(
    v.picklist(['http', 'streamable-http', 'streamableHttp'], 'is a transport that a gateway does not speak'),
  ),
}
/** Where VS Code installed it from. It comes back with the entry. */
const gallery = { gallery: v.exactOptional(v.union([boolean, text])), version: v.exactOptional(text) }
const claude = { timeout: v.exactOptional(number) }
const codex = {
  enabled: v.exactOptional(boolean),
  required: v.exactOptional(boolean),
  startup_timeout_sec: v.exactOptional(number),
  startup_timeout_ms: v.exactOptional(number),
  tool_timeout_sec: v.exactOptional(number),
  enabled_tools: v.exactOptional(list),
  disabled_tools: v.exactOptional(list),
}
const codexCommand = v.strictObject({
  ...command,
  ...codex,
  env_vars: v.optional(v.array(variable, 'must be a list of variables'), []),
  cwd: v.exactOptional(filled),
})
const codexAddress = v.strictObject({
  url: filled,
  ...codex,
  http_headers: headers,
  env_http_headers: v.optional(v.record(headerName, variable), {}),
  bearer_token_env_var: v.exactOptional(variable),
})

const plainStdio = ({ command, args, env, cwd }: Omit<StdioEntry, 'inherits'>): StdioEntry => ({
  command,
  args,
  env,
  cwd,
  inherits: [],
})
const plainHttp = ({ url, headers }: Omit<HttpEntry, 'inherits'>): HttpEntry => ({
  url,
  headers,
  inherits: [],
})

type Schema<T> = v.GenericSchema<unknown, T>
interface Dialect {
  readonly stdio: Schema<StdioEntry>
  /** Undefined: the agent takes commands only. */
  readonly http: Schema<HttpEntry> | undefined
  readonly kept: readonly string[]
}

/** What may stand in an entry. What is not here would be lost without a word, so an entry that has it is refused. */
const DIALECTS: Readonly<Record<Agent, Dialect>> = {
  vscode: {
    stdio: v.pipe(
      v.strictObject({ ...command, ...stdioType, ...gallery, cwd: v.exactOptional(filled) }),
      v.transform((entry) => plainStdio(entry)),
    ),
    http: v.pipe(
      v.strictObject({ ...address, ...httpType, ...gallery }),
      v.transform((entry) => plainHttp(entry)),
    ),
    kept: [],
  },
  'claude-code': {
    stdio: v.pipe(
      v.strictObject({ ...command, ...stdioType, ...claude }),
      v.transform((entry) => plainStdio(entry)),
    ),
    http: v.pipe(
      v.strictObject({ ...address, ...httpType, ...claude }),
      v.transform((entry) => plainHttp(entry)),
    ),
    kept: Object.keys(claude),
  },
  cursor: {
    stdio: v.pipe(
      v.strictObject({ ...command, ...stdioType }),
      v.transform((entry) => plainStdio(entry)),
    ),
    http: v.pipe(
      v.strictObject({ ...address, ...httpType }),
      v.transform((entry) => plainHttp(entry)),
    ),
    kept: [],
  },
  codex: {
    stdio: v.pipe(
      codexCommand,
      v.transform((entry) => ({ ...plainStdio(entry), inherits: entry.env_vars })),
    ),
    http: v.pipe(
      codexAddress,
      v.transform((entry) => ({ url: entry.url, headers: entry.http_headers, inherits: codexHeaders(entry) })),
    ),
    kept: Object.keys(codex),
  },
  'claude-desktop': {
    stdio: v.pipe(
      v.strictObject(command),
      v.transform((entry) => plainStdio(entry)),
    ),
    http: undefined,
    kept: [],
  },
}

/**
 * Reads a server's entry in the file of an agent, as a JSON or TOML parser returned it.
 * @throws CountersignError `config-invalid`: the entry is wrong, or has something that a gateway could not do in the agent's place
 */
export function parseAgentEntry(agent: Agent, value: unknown): AgentEntry {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw refused(said('it is no object'))
  const { stdio, http, kept } = DIALECTS[agent]
  const schema = 'command' in value ? stdio : 'url' in value ? http : undefined
  if (schema === undefined)
    throw refused(said('it has no command that could be run, and no address that this agent takes'))
  const read = v.safeParse<Schema<StdioEntry | HttpEntry>>(schema, value)
  if (!read.success) throw refused(reason(read.issues[0]))
  return { ...read.output, kept: keptOf(value, kept) }
}

function keptOf(value: object, names: readonly string[]): KeptMembers {
  const members = Object.entries(value).filter(([name]) => names.includes(name))
  // The schema has looked at them; this only tells the compiler.
  const shapes = v.record(v.string(), v.union([v.string(), v.number(), v.boolean(), v.array(v.string())]))
  return v.parse(shapes, Object.fromEntries(members))
}

function codexHeaders({
  env_http_headers,
  bearer_token_env_var,
}: v.InferOutput<typeof codexAddress>): readonly InheritedHeader[] {
  const named = Object.entries(env_http_headers).map(([header, variable]) => ({ header, before: '', variable }))
  if (bearer_token_env_var === undefined) return named
  return [...named, { header: 'Authorization', before: 'Bearer ', variable: bearer_token_env_var }]
}

const LONGEST_PART = 200

function reason(issue: v.BaseIssue<unknown>): string {
  const path = `"${inert((v.getDotPath(issue) ?? '').slice(0, LONGEST_PART))}"`
  if (issue.type === 'strict_object' && issue.expected === 'never')
    return `it has ${path}, which a gateway could not do in its place`
  return `${path} ${issue.message.slice(0, LONGEST_PART)}`
}

function refused(what: Filling): CountersignError {
  return new CountersignError('config-invalid', said`This entry cannot be secured: ${what}. Nothing was changed.`)
}

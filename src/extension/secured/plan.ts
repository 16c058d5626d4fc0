import { isAbsolute, resolve } from 'node:path'
import type { AgentEntry, HttpEntry, StdioEntry } from '../../contracts/agentEntry.ts'
import type { ConfigText } from '../../contracts/gatewayConfig.ts'
import { literal, parseTemplate, type Surroundings, type Syntax, type Template } from '../../contracts/template.ts'
import { checkHttpUpstream } from '../../mcp/upstream/config.ts'
import { CountersignError, toCountersignError } from '../../support/errors.ts'
import { said, type Sentence } from '../../support/l10n.ts'
import { inert } from '../../support/printable.ts'

/** An entry as a gateway will run it, before anything is run or written. */
export interface Plan {
  /** The server, as a gateway's configuration names it. */
  readonly upstream: PlannedCommand | PlannedAddress
  /** Variables that hold what is known only at the start of the gateway: no file has their values. */
  readonly values: Readonly<Record<string, Template>>
  /** Variables of the editor's environment that these are made of. */
  readonly variables: readonly string[]
  /** Inputs that a person has to be asked for. */
  readonly inputs: readonly string[]
}

export interface PlannedCommand {
  readonly command: string
  readonly args: readonly ConfigText[]
  readonly env: Readonly<Record<string, ConfigText>>
  readonly cwd: string
}

export interface PlannedAddress {
  readonly url: ConfigText
  readonly headers: Readonly<Record<string, ConfigText>>
}

/** Everything that a plan depends on beside the entry. */
export interface PlanContext extends Surroundings {
  readonly syntax: Syntax
  /** Of this editor: what a gateway can be given later. */
  readonly environment: NodeJS.ProcessEnv
}

/** @throws CountersignError `config-invalid`: the entry says something that a gateway cannot do in the agent's place */
export function planServer(entry: AgentEntry, context: PlanContext): Plan {
  const planner = new Planner(context)
  const upstream = 'command' in entry ? planner.command(entry) : planner.address(entry)
  return { upstream, values: Object.fromEntries(planner.values), ...planner.needs() }
}

class Planner {
  readonly values = new Map<string, Template>()
  private readonly context: PlanContext

  constructor(context: PlanContext) {
    this.context = context
  }

  command({ command, args, env, inherits, cwd }: StdioEntry): PlannedCommand {
    const program = this.known(command, said('its command'))
    const folder = this.folder(cwd)
    // A user's agent starts it in whatever folder the agent itself was started in.
    if (this.context.workspace === undefined && cwd === undefined && program.includes('/') && !isAbsolute(program))
      throw refused(said('its command is a path that begins in whatever folder the agent was started in'))
    return {
      command: program,
      args: args.map((arg) => this.text(arg)),
      env: { ...this.texts(env), ...Object.fromEntries(inherits.map((name) => [name, this.later([{ env: name }])])) },
      cwd: folder,
    }
  }

  address({ url, headers, inherits }: HttpEntry): PlannedAddress {
    const address = this.text(url)
    const inherited = inherits.map(({ header, before, variable }): [string, ConfigText] => [
      header,
      this.later(before === '' ? [{ env: variable }] : [before, { env: variable }]),
    ])
    const all = { ...this.texts(headers), ...Object.fromEntries(inherited) }
    // What is known only later, the gateway checks when it starts.
    const checked = { url: typeof address === 'string' ? address : 'https://later.invalid/', headers: namesOf(all) }
    try {
      checkHttpUpstream('here', checked)
    } catch (cause) {
      throw refused(said`a gateway would not use it (${toCountersignError(cause).sentence})`)
    }
    return { url: address, headers: all }
  }

  needs(): Pick<Plan, 'variables' | 'inputs'> {
    const pieces = [...this.values.values()].flat()
    const variables = pieces.flatMap((piece) => (typeof piece === 'object' && 'env' in piece ? [piece] : []))
    // An empty text in its place would be another server than the one that was meant.
    const missing = variables.find(({ env, fallback }) => (fallback ?? this.context.environment[env]) === undefined)
    if (missing !== undefined)
      throw refused(
        said`it takes the variable ${inert(missing.env)} from the environment, and this editor's has none. Start the editor where it is set`,
      )
    return {
      variables: [...new Set(variables.map(({ env }) => env))],
      inputs: [
        ...new Set(pieces.flatMap((piece) => (typeof piece === 'object' && 'input' in piece ? [piece.input] : []))),
      ],
    }
  }

  private folder(cwd: string | undefined): string {
    const base = this.context.workspace?.path ?? this.context.home
    if (cwd === undefined) return base
    // VS Code, which is the only one to do so, takes ~ for the home folder.
    const folder = this.known(cwd, said('its folder')).replace(
      /^~(?=\/|$)/,
      this.context.syntax === 'vscode' ? this.context.home : '~',
    )
    return resolve(base, folder)
  }

  /** For what has to be shown before anything is run. */
  private known(text: string, what: Sentence): string {
    const found = literal(this.template(text))
    if (found === undefined || found === '')
      throw refused(
        said`${what} depends on a variable or an input, so that nobody can show beforehand what would be run`,
      )
    return found
  }

  private text(text: string): ConfigText {
    const template = this.template(text)
    return literal(template) ?? this.later(template)
  }

  private texts(texts: Readonly<Record<string, string>>): Record<string, ConfigText> {
    return Object.fromEntries(Object.entries(texts).map(([name, text]) => [name, this.text(text)]))
  }

  private template(text: string): Template {
    return parseTemplate(text, this.context.syntax, this.context)
  }

  private later(template: Template): ConfigText {
    const fromEnv = `COUNTERSIGN_VALUE_${this.values.size + 1}`
    this.values.set(fromEnv, template)
    return { fromEnv }
  }
}

function namesOf(headers: object): Record<string, string> {
  return Object.fromEntries(Object.keys(headers).map((name) => [name, '']))
}

function refused(what: Sentence): CountersignError {
  return new CountersignError('config-invalid', said`This entry cannot be secured: ${what}. Nothing was changed.`)
}

import { setTimeout as sleep } from 'node:timers/promises'
import { readConfig } from '../contracts/configFile.ts'
import { connectConfig } from '../contracts/gatewayConfig.ts'
import { AgentFolder } from '../mcp/bridge/agentFolder.ts'
import type { EditorTunnel } from '../mcp/client/editorTunnel.ts'
import { findEditor, type Wanted } from '../mcp/client/findEditor.ts'
import type { Tunnel } from '../mcp/exchange/client.ts'
import { type ErrorCode, toCountersignError } from '../support/errors.ts'
import { type CliContext, type Endpoint, openEndpoint } from './endpoint.ts'
import { GatewayLink } from './gatewayLink.ts'

export interface RouteOptions {
  /** Use an editor that runs. */
  readonly editor: Wanted | undefined
  /** The configuration to work alone with. */
  readonly config: string | undefined
}

/** An editor begins its servers' agents before its extensions run: so long an agent waits for a window. */
const EDITOR_PATIENCE = 10_000
const LOOK_AGAIN = 500
/** There is no way through an editor. Every other error of one is told: alone the call would be signed by another key. */
const NO_EDITOR: ReadonlySet<ErrorCode> = new Set(['editor-missing', 'server-unknown', 'unauthorized'])

interface Alone {
  readonly link: GatewayLink
  readonly endpoint: Endpoint
}

/** The way of one agent to its server: through the editor that runs, with the editor's session and key, or alone. */
export class AgentRoute {
  private readonly options: RouteOptions
  private readonly context: CliContext
  private readonly folder = new AgentFolder()
  private readonly ending = new AbortController()
  private editor: EditorTunnel | undefined
  private alone: Promise<Alone> | undefined
  private finding: Promise<Tunnel> | undefined

  constructor(options: RouteOptions, context: CliContext) {
    this.options = options
    this.context = context
  }

  /** What is wrong with the configuration is said at the start, where there is no other way. */
  async begin(): Promise<void> {
    if (this.options.editor === undefined) await this.openAlone()
  }

  async open(): Promise<Tunnel> {
    // Messages that come at once look once.
    this.finding ??= this.find().finally(() => (this.finding = undefined))
    return await this.finding
  }

  async close(): Promise<void> {
    this.ending.abort()
    this.editor?.close()
    const alone = await this.alone?.catch(() => undefined)
    await alone?.link.close()
    await alone?.endpoint.close()
  }

  private async find(): Promise<Tunnel> {
    const { editor, config } = this.options
    if (editor === undefined) return await (await this.openAlone()).link.open()
    if (this.editor?.ended === false) return this.editor
    // A session of our own goes on: the MCP session in it belongs to our key.
    const alone = await this.alone?.catch(() => undefined)
    if (alone?.link.inUse === true) return await alone.link.open()
    try {
      this.editor = await this.search(editor)
      this.context.log.log('info', 'an editor is used', { server: editor.server, agent: editor.agent })
      return this.editor
    } catch (thrown) {
      const { code, message } = toCountersignError(thrown)
      if (config === undefined || !NO_EDITOR.has(code)) throw thrown
      this.context.log.log('info', 'no editor is used', { code, reason: message })
      return await (await this.openAlone()).link.open()
    }
  }

  private async search(wanted: Wanted): Promise<EditorTunnel> {
    const { signal } = this.ending
    const deadline = performance.now() + EDITOR_PATIENCE
    for (;;) {
      try {
        return await findEditor(this.folder, wanted)
      } catch (thrown) {
        const { code } = toCountersignError(thrown)
        const wait = code === 'editor-missing' && this.options.config === undefined && performance.now() < deadline
        if (!wait || signal.aborted) throw thrown
      }
      await sleep(LOOK_AGAIN, undefined, { signal }).catch(() => {})
    }
  }

  private openAlone(): Promise<Alone> {
    this.alone ??= this.begun().catch((thrown: unknown) => {
      // A key file may be mended without a restart of the agent.
      this.alone = undefined
      throw thrown
    })
    return this.alone
  }

  private async begun(): Promise<Alone> {
    const file = this.options.config ?? ''
    const config = await readConfig(file, connectConfig)
    const endpoint = await openEndpoint(file, config, this.context)
    return { endpoint, link: new GatewayLink(config, endpoint, this.context) }
  }
}

import type { AgentFile, ServerTarget } from '../../agents/agentFiles.ts'
import { type FileBefore, writeAgentFile } from '../../agents/files/ownFile.ts'
import type { Plan } from '../../secured/plan.ts'
import type { GatewayEntry } from '../../secured/securedServers.ts'
import { CountersignError } from '../../../support/errors.ts'
import { said, t } from '../../../support/l10n.ts'
import { inert } from '../../../support/printable.ts'
import { withProgress } from '../../progress.ts'
import { checkSaved } from '../agents/agentPorts.ts'
import { type SecurePorts, withoutGateway } from './securePorts.ts'

export interface Agreed {
  readonly file: AgentFile
  readonly before: FileBefore
  /** What the file is to be. */
  readonly text: string
  readonly original: string
  /** Of the entry. */
  readonly name: string
  readonly target: ServerTarget
  readonly plan: Plan
  readonly answers: ReadonlyMap<string, string>
}

/**
 * Makes the gateway, looks whether the server answers through it, and only then changes the agent's file. Whatever fails or is
 * cancelled before that takes back all that was done.
 * @returns how many tools the server has
 */
export async function putGatewayBefore(ports: SecurePorts, agreed: Agreed): Promise<number> {
  const { target, file } = agreed
  const { folder } = ports.agents
  const allowed = folder.token(file.agent) !== undefined
  return await withProgress(t`Securing ${inert(agreed.name)}`, async (signal, report) => {
    // The gateway's command: a setting that names it must find it.
    await ports.agents.launcher.write()
    report(t('making a key for the gateway'))
    const entry = await makeGateway(ports, agreed, signal)
    try {
      await configure(ports, target, entry)
      const tools = await askForTools(ports, target, signal, report)
      report(t('writing the file'))
      await folder.allow(file.agent)
      await ports.agents.bridge.listen()
      // The last moment at which it can be cancelled: what follows is one rename.
      signal.throwIfAborted()
      checkSaved(file)
      await writeAgentFile(file.path, agreed.before, agreed.text, file.workspace)
      return tools
    } catch (thrown) {
      await ports.gateways.get(target.gateway)?.close({ held: true })
      await withoutGateway(ports, target.gateway)
      await ports.secured.remove(target.gateway)
      // An agent that has no entry needs no token.
      if (!allowed) await folder.revoke(file.agent)
      throw thrown
    }
  })
}

async function makeGateway(
  { secured }: SecurePorts,
  { target, file, name, original, plan, answers }: Agreed,
  signal: AbortSignal,
): Promise<GatewayEntry> {
  const { agent, path, workspace, within } = file
  const place = { agent, path, name, ...(workspace && { workspace }), ...(within && { within }) }
  return await secured.make({ ...target, place, original }, plan, answers, signal)
}

async function configure(
  { configuration }: SecurePorts,
  { gateway }: ServerTarget,
  entry: GatewayEntry,
): Promise<void> {
  const raw = configuration.raw('countersign.gateways')
  const gateways = typeof raw === 'object' && raw !== null ? raw : {}
  await configuration.write('countersign.gateways', { ...gateways, [gateway]: entry })
}

/** The server's first answer. A server that does not start, or wants what a gateway does not have, is known before the file is changed. */
async function askForTools(
  { gateways, identity }: SecurePorts,
  { gateway: name, server }: ServerTarget,
  signal: AbortSignal,
  report: (message: string) => void,
): Promise<number> {
  const gateway = gateways.get(name)
  if (gateway === undefined)
    throw new CountersignError('config-invalid', said`The gateway ${name} is not in the settings.`)
  report(t('opening the key'))
  await identity.get({ asked: true })
  report(t('starting the gateway'))
  // Patient: its first start on a busy machine may take longer than a handshake.
  const { exchanges } = await gateway.get({ patient: true, asked: true, signal })
  report(t('asking the server for its tools'))
  // The SDK is loaded when it is needed.
  const { inspectServer } = await import('../../../mcp/client/sdkClient.ts')
  return (await inspectServer(exchanges, server, signal)).tools.length
}

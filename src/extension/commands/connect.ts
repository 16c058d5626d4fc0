import { commands, QuickPickItemKind, type QuickPickItem } from 'vscode'
import { CountersignError } from '../../support/errors.ts'
import { said, t } from '../../support/l10n.ts'
import type { Configuration } from '../configuration.ts'
import type { SigningIdentity } from '../identity/signingIdentity.ts'
import type { ConnectionState } from '../sessions/gatewayConnection.ts'
import type { Gateway, GatewayLink, Gateways } from '../sessions/gatewayLink.ts'
import { addressOf } from '../sessions/address.ts'
import { addGateway } from './addGateway.ts'
import { pickOne } from './pickOne.ts'
import { withProgress } from '../progress.ts'
import { notify } from '../notify.ts'

export interface ConnectPorts {
  readonly configuration: Configuration
  readonly gateways: Gateways
  readonly identity: SigningIdentity
}

const GLYPHS: Record<ConnectionState['kind'], string> = {
  ready: '$(countersign-ready)',
  connecting: '$(countersign-pending)',
  reconnecting: '$(countersign-pending)',
  blocked: '$(countersign-rejected)',
  failed: '$(countersign-off)',
  closed: '$(countersign-off)',
}

interface Choice extends QuickPickItem {
  readonly gateway?: string
  readonly add?: true
}

/** *Connect to Server…*: choose one that is configured, or add a gateway first. */
export async function connectToServer(ports: ConnectPorts): Promise<void> {
  const choices: Choice[] = ports.gateways.all().flatMap(({ setting, state }) =>
    setting.servers.map((server) => ({
      label: `${GLYPHS[state.kind]} ${server}`,
      description: state.kind === 'closed' ? '' : state.kind,
      detail: t`through ${setting.name} · ${addressOf(setting)}`,
      gateway: setting.name,
    })),
  )
  const add: Choice = { label: t('$(add) Add a gateway…'), detail: t('By address or command'), add: true }
  const picked = await pickOne<Choice>(
    choices.length === 0 ? [add] : [...choices, { label: '', kind: QuickPickItemKind.Separator }, add],
    { title: t('Countersign: Connect to Server'), placeHolder: t('Choose a server'), matchOnDetail: true },
  )
  if (picked === undefined) return
  const name = picked.add === true ? (await addGateway(ports.configuration))?.name : picked.gateway
  if (name === undefined) return
  const gateway = ports.gateways.get(name)
  if (gateway === undefined)
    throw new CountersignError('config-invalid', said`The gateway ${name} is not in the settings.`)
  await connectGateway(ports, gateway)
}

/** Connects with progress, and says what was done. */
export async function connectGateway(
  { identity }: Pick<ConnectPorts, 'identity'>,
  gateway: Gateway,
): Promise<GatewayLink> {
  const { name, servers } = gateway.setting
  const link = await withProgress(t`Connecting to ${name}`, async (signal, report) => {
    report(t('opening the key'))
    await identity.get({ asked: true })
    report(t('handshake'))
    return await gateway.get({ patient: false, asked: true, signal })
  })
  const listed = servers.join(', ')
  const { session } = link
  const done = t`Connected to ${name} with ${session.suite}. Your agents find ${listed} in the list of MCP servers.`
  void notify.info(done, t('Open Panel')).then((choice) => {
    if (choice !== undefined) void commands.executeCommand('countersign.openPanel')
  })
  return link
}

/** *Disconnect*: the one session there is, or the one that is chosen. */
export async function disconnect(gateways: Gateways): Promise<void> {
  const open = gateways.all().filter(({ state }) => state.kind !== 'closed')
  if (open.length === 0) {
    void notify.info(t('Countersign: no session is open.'))
    return
  }
  const [only] = open
  if (open.length === 1 && only !== undefined) return await end(only)
  const picked = await pickOne(
    open.map((gateway) => ({
      label: `${GLYPHS[gateway.state.kind]} ${gateway.setting.name}`,
      description: gateway.state.kind,
      detail: gateway.setting.servers.join(', '),
      gateway,
    })),
    { title: t('Countersign: Disconnect'), placeHolder: t('Choose the session to end') },
  )
  if (picked !== undefined) await end(picked.gateway)
}

async function end(gateway: Gateway): Promise<void> {
  await gateway.close({ held: true })
  const { name } = gateway.setting
  void notify.info(t`Disconnected from ${name}. Its servers answer with an error until you connect again.`)
}

import { commands } from 'vscode'
import type { Configuration } from '../configuration.ts'
import type { SigningIdentity } from '../identity/signingIdentity.ts'
import { SAMPLE, type SampleGateway } from '../sample/sampleGateway.ts'
import type { Gateways } from '../sessions/gatewayLink.ts'
import { withProgress } from '../progress.ts'
import { t } from '../../support/l10n.ts'
import { notify } from '../notify.ts'

export interface TrySamplePorts {
  readonly sample: SampleGateway
  readonly gateways: Gateways
  readonly identity: SigningIdentity
  readonly configuration: Configuration
}

/** *Try the Sample Server*: a gateway and a server on this machine, connected, and what to do next. */
export async function trySample({ sample, gateways, identity, configuration }: TrySamplePorts): Promise<void> {
  // A broken setting is said before two processes are started for nothing.
  void configuration.usable
  await withProgress(t('Countersign sample'), async (signal, report) => {
    const setting = await sample.start(signal, report)
    // Nobody is asked for a PIN after they said no.
    signal.throwIfAborted()
    const gateway = gateways.addTemporary(setting)
    report(t('opening the key'))
    await identity.get({ asked: true })
    report(t('handshake'))
    await gateway.get({ patient: false, asked: true, signal })
  })
  const next = t`The server "${SAMPLE}" is connected. Open the chat in agent mode and ask for its echo tool; the panel shows each signed context.`
  const [panel, chat] = [t('Open Panel'), t('Open Chat')]
  void notify.info(next, panel, chat).then((choice) => {
    if (choice === panel) void commands.executeCommand('countersign.openPanel')
    if (choice === chat) void commands.executeCommand('workbench.action.chat.open', { mode: 'agent' })
  })
}

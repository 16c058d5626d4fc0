import { window } from 'vscode'
import type { LazyPanel } from '../panel/lazyPanel.ts'
import type { Gateway } from './gatewayLink.ts'

/** A changed key is the one thing that a person must hear of although nobody asked: the safe choice does nothing. */
export async function tellBlocked(gateway: Gateway, panel: LazyPanel): Promise<void> {
  const { name, servers } = gateway.setting
  const sentence = `${servers.join(', ')}: blocked, the key of the gateway ${name} changed. Nothing was sent.`
  const choice = await window.showErrorMessage(sentence, 'Show', 'Keep Blocked')
  if (choice === 'Show') await panel.show({ view: 'sessions', session: `gateway ${name}` })
}

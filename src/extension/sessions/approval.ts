import { env, window } from 'vscode'
import type { GatewaySetting } from '../../contracts/settings.ts'
import type { PeerIdentity } from '../../session/api.ts'
import type { FirstUse } from '../../trust/gatewayPins.ts'
import { approvalText } from './approvalText.ts'

/** First use of a gateway: VS Code's modal. Anything but the button means no. */
export async function askAboutGateway(
  setting: GatewaySetting,
  question: FirstUse & PeerIdentity,
  self: string,
): Promise<boolean> {
  const detail = approvalText(setting, question, self)
  for (;;) {
    const what = question.rotation === undefined ? 'the gateway' : 'the new key of the gateway'
    const title = `Trust ${what} "${setting.name}"?`
    const choice = await window.showWarningMessage(title, { modal: true, detail }, 'Trust and Pin', 'Copy kid')
    if (choice !== 'Copy kid') return choice === 'Trust and Pin'
    await env.clipboard.writeText(question.kid)
  }
}

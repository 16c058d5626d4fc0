import { env, window } from 'vscode'
import type { GatewaySetting } from '../../contracts/settings.ts'
import type { PeerIdentity } from '../../session/api.ts'
import type { FirstUse } from '../../trust/gatewayPins.ts'
import { approvalText } from './approvalText.ts'
import { t } from '../../support/l10n.ts'

/** First use of a gateway: VS Code's modal. Anything but the button means no. */
export async function askAboutGateway(
  setting: GatewaySetting,
  question: FirstUse & PeerIdentity,
  self: string,
): Promise<boolean> {
  const detail = approvalText(setting, question, self)
  for (;;) {
    const title =
      question.rotation === undefined
        ? t`Trust the gateway "${setting.name}"?`
        : t`Trust the new key of the gateway "${setting.name}"?`
    const [trust, copy] = [t('Trust and Pin'), t('Copy kid')]
    const choice = await window.showWarningMessage(title, { modal: true, detail }, trust, copy)
    if (choice !== copy) return choice === trust
    await env.clipboard.writeText(question.kid)
  }
}

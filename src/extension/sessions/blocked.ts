import type { LazyPanel } from '../panel/lazyPanel.ts'
import type { Gateway } from './gatewayLink.ts'
import { t } from '../../support/l10n.ts'
import { notify } from '../notify.ts'

/** A changed key is the one thing that a person must hear of although nobody asked: the safe choice does nothing. */
export async function tellBlocked(gateway: Gateway, panel: LazyPanel): Promise<void> {
  const { name, servers } = gateway.setting
  const sentence = t`${servers.join(', ')}: blocked, the key of the gateway ${name} changed. Nothing was sent.`
  const show = t('Show')
  const choice = await notify.error(sentence, show, t('Keep Blocked'))
  if (choice === show) await panel.show({ view: 'sessions', session: `gateway ${name}` })
}

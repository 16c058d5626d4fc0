import { toCountersignError } from '../../../../support/errors.ts'
import { t } from '../../../../support/l10n.ts'
import { withProgress } from '../../../progress.ts'
import type { Gateway, Gateways } from '../../../sessions/gatewayLink.ts'
import { SAMPLE } from '../../../sample/sampleGateway.ts'
import type { Outcome } from './outcomes.ts'

/** Those that have an operator: the sample on this machine takes whoever comes. */
export function told(gateways: Gateways): readonly Gateway[] {
  return gateways.all().filter(({ setting }) => setting.name !== SAMPLE)
}

/** Tells every gateway which key follows, over the session that there is or a new one of the old key. One that fails hides no other. */
export async function deliver(gateways: Gateways, document: Uint8Array): Promise<readonly Outcome[]> {
  return await withProgress(t('Telling the gateways of the new key'), async (signal, report) => {
    const all = told(gateways)
    report(all.map(({ setting }) => setting.name).join(', '))
    return await Promise.all(all.map((gateway) => tell(gateway, document, signal)))
  })
}

async function tell(gateway: Gateway, document: Uint8Array, signal: AbortSignal): Promise<Outcome> {
  const { name } = gateway.setting
  try {
    const { session } = gateway.ready ?? (await gateway.get({ patient: false, asked: true, signal }))
    return { gateway: name, status: await session.transition(document) }
  } catch (thrown) {
    const { code, sentence } = toCountersignError(thrown)
    // It answered, and its answer is no: it knows no transitions.
    if (code === 'session-refused') return { gateway: name, status: 'refused', reason: t(sentence) }
    return { gateway: name, status: 'unreached', reason: t(sentence) }
  }
}

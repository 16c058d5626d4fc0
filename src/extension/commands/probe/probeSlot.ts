import { window } from 'vscode'
import type { ProbeResult } from '../../../contracts/inventory.ts'
import { ML_DSA_SETS, type MlDsaSet } from '../../../contracts/keyFacts.ts'
import { probeToken } from '../../../keys/hsm/probe.ts'
import { toCountersignError } from '../../../support/errors.ts'
import { said, t } from '../../../support/l10n.ts'
import { placeText, whereOf } from '../../identity/keyPlaces.ts'
import { withProgress } from '../../progress.ts'
import { chooseSlot, type Slot } from '../choosePlace.ts'
import { probeResult } from './probeResult.ts'
import { probeReport } from './probeText.ts'
import { type SlotPorts, unlock } from '../slotPorts.ts'

/**
 * *Probe Slot…*: what a token really does, not what it says it can. It makes a key pair that lives as long as its session,
 * signs with it, and destroys it; the signature is verified here, in software.
 */
export async function probeSlot(ports: SlotPorts, ref?: string): Promise<void> {
  const place = await chooseSlot(ports, ref, {
    title: t('Probe Slot'),
    placeHolder: t('Choose the token to try. Its keys are not touched.'),
    fits: ({ slot }) => slot.token !== undefined && setsOf(slot.token.can).length > 0,
    none: said('No token was found that lists ML-DSA. Insert one, or add its module.'),
  })
  if (place === undefined) return
  const results: ProbeResult[] = []
  // One after the other, best first, so that a token that can do less is told by what it can do.
  for (const algorithm of setsOf(place.slot.token?.can ?? [])) {
    const result = await probe(ports, place, algorithm)
    if (result === undefined) return
    ports.inventory.probed(place.ref, result)
    results.push(result)
  }
  const { message, detail, holds } = probeReport(placeText(place), results)
  ports.log.log(holds ? 'info' : 'warn', 'a token was probed', { place: placeText(place), result: message })
  if (holds) await window.showInformationMessage(message, { modal: true, detail })
  else await window.showWarningMessage(message, { modal: true, detail })
}

function setsOf(can: readonly string[]): MlDsaSet[] {
  return ML_DSA_SETS.filter((algorithm) => can.includes(algorithm))
}

/** Undefined: the person closed the PIN box. */
async function probe(ports: SlotPorts, place: Slot, algorithm: MlDsaSet): Promise<ProbeResult | undefined> {
  const keyProcess = ports.processes.module(place.module.setting)
  const once = () =>
    withProgress(t`Probing ${placeText(place)}: ${algorithm}`, async () =>
      probeResult(await probeToken(keyProcess, whereOf(place), algorithm), Date.now()),
    )
  try {
    return await once()
  } catch (thrown) {
    if (toCountersignError(thrown).code !== 'pin-needed') throw thrown
    return (await unlock(ports, place)) ? await once() : undefined
  }
}

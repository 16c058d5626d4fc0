import { openSettings } from '../../failures.ts'
import { withProgress } from '../../progress.ts'
import type { SlotPorts } from '../slotPorts.ts'
import { addModule } from './addModule.ts'
import { slots, tokens } from '../counted.ts'
import type { Inventory } from '../../identity/inventoryService.ts'
import { t } from '../../../support/l10n.ts'
import { notify } from '../../notify.ts'

/** Adds a module, looks into it, and says what is there. */
export async function addAndReport({ configuration, inventory }: SlotPorts): Promise<void> {
  if (await addModule(configuration))
    reportModule(await withProgress(t('Looking at the module'), () => inventory.refresh()))
}

/** After a module was added: what is in it, or why it could not be loaded and what can be done. */
function reportModule({ modules }: Inventory): void {
  const added = modules.at(-1)
  if (added === undefined) return
  const { name, facts, error } = added
  if (facts !== undefined) {
    const there = facts.slots.filter(({ token }) => token !== undefined).length
    const ready = facts.slots.filter(({ readiness }) => readiness === 'ready' || readiness === 'usable').length
    const summary = t`${name} has ${slots(facts.slots.length)} with ${tokens(there)}; ${ready} can carry a quantum-safe identity.`
    void notify.info(summary)
    return
  }
  if (error === undefined) return
  // It stays in the list: a module whose daemon is down, or whose token is elsewhere, is there tomorrow.
  void notify
    .error(t`${name} was added and could not be loaded. ${error.sentence}`, t('Open Settings'))
    .then((choice) => {
      if (choice !== undefined) openSettings('countersign.modules')
    })
}

import { commands } from 'vscode'
import { trialFigures } from '../../contracts/panelTrial.ts'
import { CountersignError } from '../../support/errors.ts'
import { t } from '../../support/l10n.ts'
import { notify } from '../notify.ts'
import { withProgress } from '../progress.ts'
import type { TrialBoard } from '../trial/board.ts'

/** *Try to Break It*: attacks the bundled sample server. It touches nothing of the person's own, so nobody is asked before. */
export async function tryToBreakIt(trial: TrialBoard): Promise<void> {
  const ended = await withProgress(t('Countersign: trying to break it'), async (signal, report) => {
    signal.addEventListener('abort', () => trial.cancel(), { once: true })
    const subscription = trial.onChange((now) => {
      const { over, all } = trialFigures(now)
      if (all > 0) report(t`${over} of ${all}`)
    })
    try {
      return await trial.start()
    } finally {
      subscription.dispose()
    }
  })
  if (ended.state === 'failed') {
    throw new CountersignError(
      'server-start',
      ended.sentence ?? 'The trial could not be carried out. Show Log says why.',
    )
  }
  if (ended.state !== 'done') return
  const { attacks, refused, controls, passed } = trialFigures(ended)
  const told = t`${refused} of ${attacks} attacks were refused; ${passed} of ${controls} controls went through.`
  const tell = refused === attacks && passed === controls ? notify.info : notify.error
  void tell(told, t('Open Panel')).then((choice) => {
    if (choice !== undefined) void commands.executeCommand('countersign.openPanel')
  })
}

import type { PanelTrial } from '../../contracts/panelTrial.ts'
import type { Log } from '../../support/log.ts'
import type { Places } from '../places.ts'
import { startSample } from './gateway.ts'
import { runTrial } from './trial.ts'

/** The trial of the bundled sample gateway. */
export async function runSampleTrial(
  places: Places,
  log: Log,
  signal: AbortSignal,
  tell: (trial: PanelTrial) => void,
): Promise<PanelTrial> {
  // What fails here is meant to: nobody who reads the log should take it for trouble of theirs.
  const own: Log = { log: (_level, message, fields) => log.log('info', `trial: ${message}`, fields) }
  const { keyProcess } = places
  const gateway = (folder: string, ending: AbortSignal) => startSample(places, folder, own, ending)
  return await runTrial({ keyProcess, gateway, log: own, tell }, signal)
}

import { CancellationError, commands, env } from 'vscode'
import type { CountersignError, ErrorCode } from '../support/errors.ts'
import { toCountersignError } from '../support/errors.ts'
import { t } from '../support/l10n.ts'
import type { Log } from '../support/log.ts'
import { notify } from './notify.ts'

const KEY_TROUBLE: ReadonlySet<ErrorCode> = new Set([
  'vault-locked',
  'vault-corrupt',
  'key-missing',
  'key-ambiguous',
  'key-changed',
  'key-process-gone',
  'module-load',
  'module-invalid',
  'module-unsupported',
  'slot-missing',
  'token-missing',
  'token-unsupported',
  'token-busy',
  'pin-wrong',
  'pin-locked',
  'pin-needed',
  'pin-expired',
  'login-failed',
  'signer-unavailable',
  'signer-timeout',
])

/** Logs a failure with its causes, and tells the person its sentence with what can be done. What somebody cancelled is no failure. */
export function showFailure(log: Log, thrown: unknown, what: string): void {
  const error = toCountersignError(thrown)
  // VS Code cancels what waits for a person when the window closes.
  if (error.code === 'cancelled' || thrown instanceof CancellationError) return
  logFailure(log, error, what)
  // The blocked connection tells it itself, with what can be done about it.
  if (error.code === 'peer-changed') return
  const [show, select, settings] = [t('Show Log'), t('Select HSM Slot…'), t('Open Settings')]
  const actions = KEY_TROUBLE.has(error.code)
    ? [select, show]
    : error.code === 'config-invalid'
      ? [settings, show]
      : [show]
  void notify.error(t(error.sentence), ...actions).then((choice) => {
    if (choice === show) void commands.executeCommand('countersign.showLog')
    if (choice === select) void commands.executeCommand('countersign.selectSlot')
    if (choice === settings) openSettings('countersign')
  })
}

export function logFailure(log: Log, error: CountersignError, what: string): void {
  log.log('error', `${what}: ${error.message}`, { code: error.code, cause: causes(error.cause) })
}

/** Messages of the chain of causes; never their fields, which can hold what they were about. */
function causes(cause: unknown): string | undefined {
  const chain: string[] = []
  for (let at = cause; at instanceof Error && chain.length < 4; at = at.cause) chain.push(at.message)
  return chain.length === 0 ? undefined : chain.join(' <- ')
}

/** Machine settings of a remote window are on the remote machine, and the editor shows them in a tab of their own. */
export function openSettings(query: string): void {
  const where = env.remoteName === undefined ? 'openSettings' : 'openRemoteSettings'
  void commands.executeCommand(`workbench.action.${where}`, { query })
}

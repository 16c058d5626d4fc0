import { ConfigurationTarget, workspace } from 'vscode'
import { parseSettings, type SettingName, type Settings } from '../contracts/settings.ts'
import type { Disposable } from '../support/disposable.ts'
import { Emitter } from '../support/emitter.ts'
import { CountersignError } from '../support/errors.ts'
import { said, t } from '../support/l10n.ts'
import { openSettings } from './failures.ts'
import { notify } from './notify.ts'

/** The settings as they are now. Read from the user and machine level only: what a workspace says is not even looked at. */
export class Configuration implements Disposable {
  private readonly changed = new Emitter<Settings>()
  readonly onChange = this.changed.event
  private readonly subscription: Disposable
  private settings: Settings | undefined
  private shown = ''

  constructor() {
    this.subscription = workspace.onDidChangeConfiguration((event) => {
      if (!event.affectsConfiguration('countersign')) return
      this.settings = undefined
      this.report()
      this.changed.fire(this.current)
    })
  }

  get current(): Settings {
    this.settings ??= parseSettings(read)
    return this.settings
  }

  /**
   * The settings, if what the person asked for is known.
   * @throws CountersignError `config-invalid` while a setting that decides about signing is wrong
   */
  get usable(): Settings {
    const blocking = this.current.problems.find((problem) => problem.blocking)
    if (blocking !== undefined) {
      throw new CountersignError(
        'config-invalid',
        said`${blocking.sentence} Nothing is signed or sent before it is mended.`,
      )
    }
    return this.current
  }

  /** Names each wrong setting once per change, with the way to it. */
  report(): void {
    const { problems } = this.current
    const sentences = problems.map(({ sentence }) => sentence).join('\n')
    if (sentences === this.shown) return
    this.shown = sentences
    for (const { setting, sentence } of problems) {
      void notify.error(sentence, t('Open Settings')).then((choice) => {
        if (choice !== undefined) openSettings(setting)
      })
    }
  }

  /** The value as it is written, wrong entries included: what adds to it must not drop them. */
  raw(setting: SettingName): unknown {
    return workspace.getConfiguration().inspect<unknown>(setting)?.globalValue
  }

  async write(setting: SettingName, value: unknown): Promise<void> {
    await workspace.getConfiguration().update(setting, value, ConfigurationTarget.Global)
  }

  dispose(): void {
    this.subscription.dispose()
  }
}

function read(setting: SettingName): unknown {
  const known = workspace.getConfiguration().inspect<unknown>(setting)
  // VS Code itself ignores machine settings of a workspace; reading them nowhere makes that independent of the manifest.
  return known?.globalValue ?? known?.defaultValue
}

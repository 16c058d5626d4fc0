import type { WebviewPanel } from 'vscode'
import type { View } from '../../contracts/panel.ts'
import type { Disposable } from '../../support/disposable.ts'
import { Later } from '../later.ts'
import type { Panel } from './panel.ts'

export const PANEL_TYPE = 'countersign.panel'

export interface Reveal {
  readonly view: View
  readonly session?: string
}

/** The panel, whose code is loaded when somebody opens it. */
export class LazyPanel implements Disposable {
  private readonly panel: Later<Panel>

  constructor(load: () => Promise<Panel>) {
    this.panel = new Later(load)
  }

  async show(reveal?: Reveal): Promise<void> {
    ;(await this.panel.get()).show(reveal)
  }

  /** The window was reloaded with the panel in it. */
  async restore(panel: WebviewPanel): Promise<void> {
    ;(await this.panel.get()).restore(panel)
  }

  /** The row of the contexts that is selected, while the panel is open. */
  get selected(): string | undefined {
    return this.panel.loaded?.selected
  }

  stateChanged(): void {
    this.panel.loaded?.stateChanged()
  }

  dispose(): void {
    this.panel.dispose()
  }
}

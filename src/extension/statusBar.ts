import { MarkdownString, StatusBarAlignment, type StatusBarItem, ThemeColor, window } from 'vscode'
import type { GatewaySetting, IdentitySetting } from '../contracts/settings.ts'
import type { Disposable } from '../support/disposable.ts'
import { t } from '../support/l10n.ts'
import { CUSTODY_WORD, STATE_WORD } from './words.ts'
import { namedKey } from './identity/namedKey.ts'
import type { SignerState } from './identity/signingIdentity.ts'
import type { ConnectionState } from './sessions/gatewayConnection.ts'
import { escapeMarkdown, statusText } from './statusText.ts'

const BACKGROUND = {
  none: undefined,
  warning: new ThemeColor('statusBarItem.warningBackground'),
  error: new ThemeColor('statusBarItem.errorBackground'),
} as const

/** How things stand. Before anything was needed that is told from the settings alone. */
export interface Standing {
  readonly gateways: readonly {
    readonly setting: Pick<GatewaySetting, 'name' | 'servers'>
    readonly state: Pick<ConnectionState, 'kind'>
  }[]
  readonly signer: SignerState
  /** Rejected since somebody looked. */
  readonly unseen: number
}

export interface StatusBarPorts {
  readonly standing: () => Standing
  readonly identitySetting: () => IdentitySetting
  readonly vaultMade: () => boolean
}

/** Session state and custody of the key that signs next, always in view. It changes when they do and has no timer. */
export class StatusBar implements Disposable {
  private readonly ports: StatusBarPorts
  private readonly item: StatusBarItem
  private drawn = ''

  constructor(ports: StatusBarPorts) {
    this.ports = ports
    this.item = window.createStatusBarItem('countersign.status', StatusBarAlignment.Left, 0)
    this.item.name = 'Countersign'
    this.item.command = 'countersign.openPanel'
    this.update()
    this.item.show()
  }

  update(): void {
    const standing = this.ports.standing()
    const { gateways, signer: state, unseen } = standing
    const signer = 'identity' in state ? state.identity?.signer : undefined
    const status = statusText({
      gateways: gateways.map(({ setting, state }) => ({ name: setting.name, state: state.kind })),
      signer: state.kind,
      rejected: unseen,
      ...(signer === undefined ? {} : { custody: signer.custody }),
    })
    const tooltip = this.tooltip(standing)
    // Contexts arrive by the hundred; the editor is told only what differs.
    const drawn = `${status.text}\n${tooltip.value}`
    if (drawn === this.drawn) return
    this.drawn = drawn
    this.item.text = status.text
    this.item.accessibilityInformation = { label: status.spoken, role: 'button' }
    this.item.backgroundColor = BACKGROUND[status.level]
    this.item.tooltip = tooltip
  }

  dispose(): void {
    this.item.dispose()
  }

  private tooltip({ gateways, signer: state }: Standing): MarkdownString {
    const markdown = new MarkdownString('', true)
    // Only these commands can be linked, whatever a name manages to smuggle in.
    markdown.isTrusted = { enabledCommands: ['countersign.openPanel', 'countersign.selectSlot', 'countersign.connect'] }
    const key = namedKey(state, this.ports.identitySetting(), this.ports.vaultMade())
    if (key === undefined)
      markdown.appendMarkdown(`${t('No key yet: the embedded vault makes one when it is first needed')}\n\n`)
    else {
      const custody =
        key.custody === undefined ? '' : `$(countersign-${key.custody}) **${CUSTODY_WORD[key.custody]}** · `
      markdown.appendMarkdown(`${custody}${escapeMarkdown(`${key.label} · ${key.place}`)}\n\n`)
    }
    if ('error' in state) markdown.appendMarkdown(`${escapeMarkdown(t(state.error.sentence))}\n\n`)
    for (const { setting, state } of gateways) {
      const glyph = state.kind === 'ready' ? 'ready' : state.kind === 'blocked' ? 'rejected' : 'off'
      const servers = setting.servers.join(', ')
      markdown.appendMarkdown(
        `$(countersign-${glyph}) ${escapeMarkdown(setting.name)} · ${STATE_WORD[state.kind]} · ${escapeMarkdown(servers)}\n\n`,
      )
    }
    return markdown.appendMarkdown(
      [
        `[${t('Open Panel')}](command:countersign.openPanel)`,
        `[${t('Select HSM Slot…')}](command:countersign.selectSlot)`,
        `[${t('Connect to Server…')}](command:countersign.connect)`,
      ].join(' · '),
    )
  }
}

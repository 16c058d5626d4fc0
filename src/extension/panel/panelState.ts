import type { PanelSigner, PanelState } from '../../contracts/panel.ts'
import type { PanelHsm, PanelHsmLife } from '../../contracts/panelHsm.ts'
import type { IdentitySetting } from '../../contracts/settings.ts'
import type { ContextStore } from '../evidence/contextStore.ts'
import type { InventoryService } from '../identity/inventoryService.ts'
import { namedKey } from '../identity/namedKey.ts'
import type { SignerState, SigningIdentity } from '../identity/signingIdentity.ts'
import type { Gateways } from '../sessions/gatewayLink.ts'
import { addressOf } from '../sessions/address.ts'
import type { PinBoard } from '../sessions/pinBoard.ts'
import { hsmView } from './hsmView.ts'
import { sessionView } from './sessionsView.ts'
import { t } from '../../support/l10n.ts'

export interface HsmStatePorts {
  readonly identity: SigningIdentity
  readonly identitySetting: () => IdentitySetting
  readonly inventory: InventoryService
  /** Where an own key is in its life; undefined: in force, without dates. */
  readonly lifeOf: (kid: string) => PanelHsmLife | undefined
}

export interface PanelStatePorts extends HsmStatePorts {
  readonly gateways: Gateways
  readonly contexts: ContextStore
  readonly board: PinBoard
  /** Whether the embedded vault was made already. */
  readonly vaultMade: () => boolean
}

/** The whole state of the panel, made from what there is now. Pure: it decides nothing and remembers nothing. */
export function panelState(ports: PanelStatePorts, version: number): PanelState {
  const { gateways, identity, contexts, board } = ports
  const { state } = identity
  const open = 'identity' in state ? state.identity : undefined
  return {
    version,
    signer: signerView(ports),
    sessions: gateways
      .all()
      .slice(0, 64)
      .map((gateway) =>
        sessionView({
          gateway,
          figures: contexts.figures,
          own: open,
          pinned: board.pinOf(addressOf(gateway.setting)),
          offered: board.offered.get(gateway.setting.name),
        }),
      ),
    counters: contexts.figures.counters(),
    hsm: hsmState(ports),
    notices: noticesOf(state),
  }
}

/** The HSM view alone, which the tree view draws as well. */
export function hsmState({ identity, identitySetting, inventory, lifeOf }: HsmStatePorts): PanelHsm {
  const signer = 'identity' in identity.state ? identity.state.identity?.signer : undefined
  return hsmView({ inventory: inventory.inventory, identity: identitySetting(), signer, lifeOf })
}

function signerView({ identity, identitySetting, vaultMade }: PanelStatePorts): PanelSigner {
  const { state } = identity
  const named = namedKey(state, identitySetting(), vaultMade())
  const error = 'error' in state ? { sentence: t(state.error.sentence) } : {}
  if (named === undefined) return { state: state.kind, ...error }
  const { label, place, custody, kid } = named
  return {
    // A key that was chosen and not needed yet is not "no key".
    state: state.kind === 'none' ? 'ready' : state.kind,
    key: label.slice(0, 256),
    token: place.slice(0, 256),
    ...(custody === undefined ? {} : { custody }),
    ...(kid === undefined ? {} : { kid }),
    ...error,
  }
}

/** What stands above every view: only what keeps anything from being signed. */
function noticesOf(state: SignerState): PanelState['notices'] {
  if (!('error' in state)) return []
  const locked = state.kind === 'locked'
  return [
    {
      id: `signer ${state.kind}`,
      level: locked ? 'warning' : 'error',
      title: locked ? t('PIN wanted') : t('The key does not answer'),
      text: t`${state.error.sentence} Without it nothing can be signed, so nothing goes out. Sessions stay open.`,
      facts: [{ label: t('cause'), value: state.error.code, code: true }],
      actions: ['selectSlot', 'showLog'],
      dismissable: false,
    },
  ]
}

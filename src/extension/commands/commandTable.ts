import type { KeyAction, SlotAction } from '../../contracts/panelHsm.ts'
import { unreachable } from '../../support/errors.ts'
import { t } from '../../support/l10n.ts'
import type { GatewayPins } from '../../trust/gatewayPins.ts'
import type { OutputLog } from '../outputLog.ts'
import type { PanelActions } from '../panel/panelHandlers.ts'
import type { SampleGateway } from '../sample/sampleGateway.ts'
import type { TrialBoard } from '../trial/board.ts'
import { addressOf } from '../sessions/address.ts'
import { rowOf } from '../slots/slotTree.ts'
import { addToAgent } from './agents/addToAgent.ts'
import { removeFromAgent } from './agents/removeFromAgent.ts'
import { connectGateway, connectToServer, disconnect } from './connect.ts'
import { compareContexts, type ContextCommandPorts, copyEvidence, openContext } from './evidence/contextCommands.ts'
import { type EvidencePorts, exportEvidence } from './evidence/exportEvidence.ts'
import { forgetPin } from './forgetPin.ts'
import { copyPublicKey } from './keys/copyKey.ts'
import { createIdentityKey } from './keys/createKey.ts'
import { destroyKey } from './keys/destroyKey.ts'
import { retireKey, revokeKey } from './keys/endKey.ts'
import { exportKeys } from './keys/exportKeys.ts'
import type { KeyPorts } from './keys/keyPorts.ts'
import { rotateKey } from './keys/rotate/rotateKey.ts'
import { addAndReport } from './modules/addAndReport.ts'
import { removeModule } from './modules/removeModule.ts'
import { changePin } from './pins/changePin.ts'
import { forgetStoredPin } from './pins/forgetStoredPin.ts'
import { initialiseToken } from './pins/initialiseToken.ts'
import { lockNow, type LockPorts, lockSlot } from './pins/lockNow.ts'
import { resetPin } from './pins/resetPin.ts'
import { unlockToken } from './pins/unlockToken.ts'
import { probeSlot } from './probe/probeSlot.ts'
import type { CommandTable } from './register.ts'
import type { SecurePorts } from './secure/securePorts.ts'
import { selectKey, selectSlot } from './selectSlot.ts'
import { trySample } from './trySample.ts'
import { tryToBreakIt } from './tryToBreakIt.ts'
import { notify } from '../notify.ts'

export interface CommandPorts extends KeyPorts, SecurePorts, EvidencePorts, ContextCommandPorts {
  readonly log: OutputLog
  readonly sample: SampleGateway
  readonly trial: TrialBoard
  readonly gatewayPins: GatewayPins
  readonly locking: LockPorts
  /** A person did something: nobody is idle. */
  readonly used: () => void
}

/** What the palette, the panel and the tree can do: one function each, whoever asks. */
export function commandTable(ports: CommandPorts): PanelActions & { readonly palette: CommandTable } {
  const { gateways, identity, log, configuration } = ports
  const pinPorts = {
    pins: ports.gatewayPins,
    gateways,
    forgotten: () => void notify.info(t('The pin is forgotten. You are asked about the key at the next connection.')),
  }
  const actions: PanelActions = {
    connect: () => connectToServer(ports),
    connectGateway: async (gateway) => {
      await connectGateway(ports, gateway)
    },
    selectSlot: (key) => (key === undefined ? selectSlot(ports) : selectKey(ports, key)),
    createKey: (slot) => createIdentityKey(ports, slot),
    trySample: () => trySample({ sample: ports.sample, gateways, identity, configuration }),
    startTrial: () => tryToBreakIt(ports.trial),
    cancelTrial: () => ports.trial.cancel(),
    addModule: () => addAndReport(ports),
    slotAction: (action, slot) => slotAction(ports, action, slot),
    keyAction: (action, key) => keyAction(ports, action, key),
    lockAll: async () => lockNow(ports.locking),
    reviewKey: (gateway) => forgetPin(pinPorts, addressOf(gateway.setting)),
    showLog: () => log.show(),
  }
  return {
    ...actions,
    palette: {
      'countersign.connect': () => actions.connect(),
      'countersign.disconnect': () => disconnect(gateways),
      'countersign.selectSlot': () => actions.selectSlot(undefined),
      'countersign.createKey': (target) => actions.createKey(rowOf(target, 'slot')),
      'countersign.addModule': () => actions.addModule(),
      'countersign.removeModule': (target) => removeModule(ports, rowOf(target, 'module')),
      'countersign.probeSlot': (target) => probeSlot(ports, rowOf(target, 'slot')),
      'countersign.unlockToken': (target) => unlockToken(ports, rowOf(target, 'slot')),
      'countersign.lockNow': () => actions.lockAll(),
      'countersign.changePin': (target) => changePin(ports, rowOf(target, 'slot')),
      'countersign.resetPin': (target) => resetPin(ports, rowOf(target, 'slot')),
      'countersign.initialiseToken': (target) => initialiseToken(ports, rowOf(target, 'slot')),
      'countersign.forgetStoredPin': () => forgetStoredPin(ports),
      'countersign.copyPublicKey': (target) => copyPublicKey(ports, rowOf(target, 'key')),
      'countersign.rotateKey': (target) => rotateKey(ports, rowOf(target, 'key')),
      'countersign.retireKey': (target) => retireKey(ports, rowOf(target, 'key')),
      'countersign.revokeKey': (target) => revokeKey(ports, rowOf(target, 'key')),
      'countersign.destroyKey': (target) => destroyKey(ports, rowOf(target, 'key')),
      'countersign.exportKeys': () => exportKeys(ports),
      'countersign.exportEvidence': (target) => exportEvidence(ports, target),
      'countersign.openContext': () => openContext(ports),
      'countersign.compareContexts': () => compareContexts(ports),
      'countersign.copyEvidence': () => copyEvidence(ports),
      'countersign.addToAgent': () => addToAgent(ports),
      'countersign.removeFromAgent': () => removeFromAgent(ports),
      // Imported when first needed, with the TOML parser.
      'countersign.secureServer': async () => (await import('./secure/secureServer.ts')).secureServer(ports),
      'countersign.stopSecuring': async () => (await import('./secure/stopSecuring.ts')).stopSecuring(ports),
      'countersign.trySample': () => actions.trySample(),
      'countersign.forgetPin': () => forgetPin(pinPorts),
    },
  }
}

async function slotAction(ports: CommandPorts, action: SlotAction, slot: string): Promise<void> {
  ports.used()
  switch (action) {
    case 'probe':
      return await probeSlot(ports, slot)
    case 'unlock':
      return await unlockToken(ports, slot)
    case 'lock':
      return await lockSlot(ports, ports.locking, slot)
    case 'changePin':
      return await changePin(ports, slot)
    case 'resetPin':
      return await resetPin(ports, slot)
    case 'initialise':
      return await initialiseToken(ports, slot)
    case 'createKey':
      return await createIdentityKey(ports, slot)
    default:
      return unreachable(action)
  }
}

async function keyAction(ports: CommandPorts, action: KeyAction, key: string): Promise<void> {
  ports.used()
  switch (action) {
    case 'rotate':
      return await rotateKey(ports, key)
    case 'retire':
      return await retireKey(ports, key)
    case 'revoke':
      return await revokeKey(ports, key)
    case 'destroy':
      return await destroyKey(ports, key)
    case 'copyJwk':
      return await copyPublicKey(ports, key, 'jwk')
    case 'copyPem':
      return await copyPublicKey(ports, key, 'pem')
    case 'copyWords':
      return await copyPublicKey(ports, key, 'words')
    default:
      return unreachable(action)
  }
}

import { isSignatureAlgorithm } from '../../crypto/signature.ts'
import { CountersignError } from '../../support/errors.ts'
import { said } from '../../support/l10n.ts'
import type { Log } from '../../support/log.ts'
import type { KeyRing, OwnKey } from '../../trust/keyRing.ts'
import type { Configuration } from '../configuration.ts'
import type { InventoryService } from '../identity/inventoryService.ts'
import { identityOf, type Place, type PlacedKey, placeText, settingValue, whereOf } from '../identity/keyPlaces.ts'
import type { KeyProcesses } from '../identity/keyProcesses.ts'
import type { PinDesk } from '../identity/pinDesk.ts'
import type { SigningIdentity } from '../identity/signingIdentity.ts'
import type { EmbeddedVault } from '../identity/vault.ts'
import type { SecretStore, TokenPlace } from '../secretStore.ts'

/** What the commands about keys need. */
export interface SlotPorts {
  readonly configuration: Configuration
  readonly inventory: InventoryService
  readonly processes: KeyProcesses
  readonly secrets: SecretStore
  readonly pins: PinDesk
  readonly identity: SigningIdentity
  readonly ring: KeyRing
  readonly vault: EmbeddedVault
  readonly log: Log
}

type Slot = Extract<Place, { kind: 'slot' }>

/** What a PIN belongs to. */
export function tokenPlaceOf(place: Slot): TokenPlace {
  const { path, libraryParameters } = place.module.setting
  const parameters = libraryParameters === undefined ? {} : { libraryParameters }
  return { module: path, ...parameters, where: whereOf(place) }
}

/** Logs in; `proof` as in `PinDesk.unlock`. False: the person closed the box. */
export async function unlock({ pins }: Pick<SlotPorts, 'pins'>, place: Slot, proof?: 'proof'): Promise<boolean> {
  return await pins.unlock(tokenPlaceOf(place), placeText(place), proof)
}

/**
 * A key as the key ring keeps it.
 * @throws CountersignError `algorithm-unsupported` for ML-DSA-44, which no suite takes and which therefore has no life here
 */
export function ownKeyOf({ place, key }: PlacedKey): OwnKey {
  const { algorithm, kid, publicKey, label, custody } = key
  if (!isSignatureAlgorithm(algorithm)) {
    throw new CountersignError('algorithm-unsupported', said`${label} is an ${algorithm} key: no suite takes it.`)
  }
  const where = JSON.stringify(settingValue(identityOf(place, label)))
  return { kid, algorithm, publicKey, label, custody, place: where }
}

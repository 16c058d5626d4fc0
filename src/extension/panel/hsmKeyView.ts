import type { InventoryKey } from '../../contracts/inventory.ts'
import type { KeyClaims } from '../../contracts/keyFacts.ts'
import type { PanelHsmKey, PanelHsmLife } from '../../contracts/panelHsm.ts'
import type { IdentitySetting } from '../../contracts/settings.ts'
import { fingerprintWords } from '../../crypto/fingerprint.ts'
import { DEFAULT_LABEL } from '../../keys/signer.ts'
import { medianOf } from '../evidence/series.ts'
import type { Inventory } from '../identity/inventoryService.ts'
import { isIdentity, type PlacedKey } from '../identity/keyPlaces.ts'
import type { ObservedSigner, SignerFigures } from '../identity/observedSigner.ts'
import { keyActionsOf } from './hsmActions.ts'
import { t } from '../../support/l10n.ts'

export interface HsmFacts {
  readonly inventory: Inventory
  readonly identity: IdentitySetting
  /** The key that signs, with its figures, once it was opened. */
  readonly signer: ObservedSigner | undefined
  /** Where a key is in its life; undefined: in force, without dates. */
  readonly lifeOf: (kid: string) => PanelHsmLife | undefined
}

/** One key of the HSM view. `slotSigns`: its slot is not ruled out. */
export function keyView(placed: PlacedKey, slotSigns: boolean, { identity, signer, lifeOf }: HsmFacts): PanelHsmKey {
  const { key, ref } = placed
  const current = isIdentity(placed, identity, DEFAULT_LABEL)
  const life = lifeOf(key.kid)
  const over = life?.state === 'retired' || life?.state === 'revoked'
  return {
    ref,
    label: key.label.slice(0, 256),
    algorithm: key.algorithm,
    kid: key.kid,
    words: [...fingerprintWords(key)],
    ...(key.id === null ? {} : { id: key.id }),
    custody: key.custody,
    ...(key.reasons.length === 0 ? {} : { custodyReason: key.reasons.join('; ') }),
    identity: current,
    selectable: slotSigns && !current && key.notReady === undefined && !over,
    ...(key.notReady === undefined ? {} : { notReady: key.notReady }),
    publicKeyBytes: key.publicKey.length,
    ...(life === undefined ? {} : { life }),
    attributes: attributesOf(key),
    ...(signer?.kid === key.kid ? { signing: signingOf(signer.figures) } : {}),
    actions: keyActionsOf(placed, life, current),
  }
}

function signingOf({ roots, contexts, failed, took, sizes }: SignerFigures): NonNullable<PanelHsmKey['signing']> {
  return {
    roots,
    contexts,
    failed,
    took: [...took],
    ...(took.length === 0 ? {} : { p50: medianOf(took) }),
    sizes: [...sizes],
    ...(roots === 0 ? {} : { mean: contexts / roots }),
  }
}

/** Those that custody rests on stand first; the panel draws them in two columns, row by row. */
const CLAIMS: readonly (readonly [keyof KeyClaims, string, boolean | undefined, boolean])[] = [
  ['sensitive', t('sensitive'), true, true],
  ['token', t('token object'), undefined, false],
  ['neverExtractable', t('never extractable'), true, true],
  ['sign', t('sign'), undefined, false],
  ['local', t('made inside'), true, true],
  ['modifiable', t('modifiable'), undefined, false],
  ['extractable', t('extractable'), false, false],
  ['alwaysSensitive', t('always sensitive'), true, false],
]

function attributesOf({ claims }: InventoryKey): PanelHsmKey['attributes'] {
  if (claims === null) return []
  return CLAIMS.map(([member, name, wanted, counts]) => ({
    name,
    counts,
    ...(claims[member] === null ? {} : { value: claims[member] }),
    ...(wanted === undefined ? {} : { wanted }),
  }))
}

import { narrowedTrust, type TrustedWindow } from '../../evidence/trustedKeys.ts'
import type { GatewaySetting } from '../../contracts/settings.ts'
import type { GatewayPins } from '../../trust/gatewayPins.ts'
import { type KeyRing, windowOf } from '../../trust/keyRing.ts'
import { t } from '../../support/l10n.ts'

/** A key that this editor can say something about. */
export interface KnownKey {
  readonly window: TrustedWindow
  /** In words of this editor: a label of its own key, or a gateway's address or name. */
  readonly whose: string
}

export type KnownKeys = ReadonlyMap<string, KnownKey>

export interface KnownHerePorts {
  readonly ring: KeyRing
  readonly pins: GatewayPins
  readonly gateways: () => readonly GatewaySetting[]
}

/**
 * The keys that this editor knows, by kid: its own with the time in which each counted, and those of gateways that a person
 * pinned. Of a key that is known twice the narrower time counts, as for `countersign verify`.
 * @throws CountersignError `file-unreadable`, `file-permissions`: a list that cannot be read must not look like an empty one
 */
export async function keysKnownHere({ ring, pins, gateways }: KnownHerePorts): Promise<KnownKeys> {
  const known = new Map<string, KnownKey>()
  const add = (kid: string, window: TrustedWindow, whose: string) => {
    const before = known.get(kid)
    known.set(
      kid,
      before === undefined ? { window, whose } : { ...before, window: narrowedTrust(before.window, window) },
    )
  }
  for (const life of await ring.list()) {
    const { revoked } = life
    add(life.kid, { ...windowOf(life), ...(revoked !== undefined && { revoked }) }, t`your key ${life.label}`)
  }
  for (const { kid, name, address, from, before = [] } of await pins.list()) {
    const whose = t`gateway ${address ?? name}`
    add(kid, from === undefined ? {} : { from }, whose)
    for (const former of before) add(former.kid, { until: Date.parse(former.until) }, t`${whose}, its former key`)
  }
  for (const { name, pin } of gateways()) if (pin !== 'first-use') add(pin, {}, t`gateway ${name}`)
  return known
}

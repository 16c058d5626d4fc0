import type { Attack } from './attack.ts'
import { ARCHIVE } from './attacks/archive.ts'
import { GATEWAY } from './attacks/gateway.ts'
import { KEYS } from './attacks/keys.ts'
import { NETWORK } from './attacks/network.ts'
import { SIGNER } from './attacks/signer.ts'

/** Every attack of the trial, by what its attacker has: nothing, the session's keys, the signing key, the gateway, the files. */
export const ATTACKS: readonly Attack[] = [...NETWORK, ...KEYS, ...SIGNER, ...GATEWAY, ...ARCHIVE]

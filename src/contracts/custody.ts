/**
 * Who can be said to hold a private key: a claim of module and peer, shown as a claim.
 * `hsm`: hardware by every sign there is; `software`: the vault, or a module known to be software; `unknown`: all else.
 */
export const CUSTODIES = ['hsm', 'software', 'unknown'] as const

export type Custody = (typeof CUSTODIES)[number]

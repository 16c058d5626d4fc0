/** In this order. While something is signed, all that a handshake or a rekey needs is in memory. */
export const STOPS = [
  'signing the handshake',
  'open',
  'signing the rekey',
  'rekeyed',
  'signing the resume',
  'resumed',
  'closed',
] as const
export type Stop = (typeof STOPS)[number]

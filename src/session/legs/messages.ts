import { asBool, asList, asText, decodeCbor, encodeCbor } from '../../contracts/cbor.ts'
import { isServerName } from '../../evidence/statement.ts'
import { ALERT, SessionError } from '../alerts.ts'
import { REACHES, type UpstreamLeg } from '../api.ts'
import { MAX_PLAINTEXT } from '../channel/record.ts'
import { type Extension, LEGS } from '../handshake/extensions.ts'
import { MAX_LEGS } from '../limits.ts'

const MAX_SERVER = 64
const MAX_REACH = 16

/** In M1 that the client listens, in EE that the gateway will tell: always the same. */
export const LEGS_OFFER: Extension = { name: LEGS, critical: false, data: new Uint8Array(0) }

/** `[[server, reach, proxied]…]`, deterministic CBOR (docs/PROTOCOL.md, "Legs"). */
export function encodeLegs(legs: readonly UpstreamLeg[]): Uint8Array {
  return encodeCbor(legs.slice(0, MAX_LEGS).map(({ server, reach, proxied }) => [server, reach, proxied]))
}

/** @throws CountersignError `decode`; SessionError alert 21 for a name or kind that none may be, or a server that comes twice */
export function parseLegs(payload: Uint8Array): readonly UpstreamLeg[] {
  const list = asList(decodeCbor(payload, { bytes: MAX_PLAINTEXT, depth: 4 }), 'Legs', { max: MAX_LEGS })
  const names = new Set<string>()
  return list.map((item) => {
    const [name, kind, proxied] = asList(item, 'A leg', 3)
    const server = asText(name, 'A leg', MAX_SERVER)
    const said = asText(kind, 'A leg', MAX_REACH)
    const reach = REACHES.find((known) => known === said)
    if (reach === undefined || !isServerName(server) || names.has(server)) {
      throw new SessionError(ALERT.decode, 'A gateway says of its legs what none may say.')
    }
    names.add(server)
    return { server, reach, proxied: asBool(proxied, 'A leg') }
  })
}

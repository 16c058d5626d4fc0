import type { LegKind, PanelLeg } from '../../contracts/panelSession.ts'
import type { GatewaySetting } from '../../contracts/settings.ts'
import type { Reach, UpstreamLeg } from '../../session/api.ts'
import { t } from '../../support/l10n.ts'

/** The way of a context, leg by leg. Behind the gateway everything is the gateway's claim, and is said to be. */
export function legsOf(
  { servers, route }: Pick<GatewaySetting, 'servers' | 'route'>,
  told: readonly UpstreamLeg[] | undefined,
): PanelLeg[] {
  const trunk = { from: 'editor', to: 'gateway', kind: 'quantum-safe' as const, text: CARRIERS[carrierOf(route)] }
  const ends = servers.slice(0, 64).map((server) =>
    legTo(
      server,
      told?.find((leg) => leg.server === server),
    ),
  )
  return [trunk, ...ends]
}

function legTo(server: string, told: UpstreamLeg | undefined): PanelLeg {
  if (told === undefined) return { from: 'gateway', to: server, kind: 'unknown', text: UNTOLD }
  const { kind, text } = REACHED[told.reach]
  return { from: 'gateway', to: server, kind, text: told.proxied ? `${text} ${PROXIED}` : text }
}

function carrierOf(route: GatewaySetting['route']): keyof typeof CARRIERS {
  if (route.kind !== 'websocket') return 'command'
  return route.url.startsWith('wss:') ? 'tls' : 'plain'
}

const CARRIERS = {
  command: t(
    'ML-KEM and an elliptic curve inside the pipe of a command, as far as the gateway: recording it is of no use later.',
  ),
  tls: t('ML-KEM and an elliptic curve inside TLS, as far as the gateway: recording it is of no use later.'),
  plain: t(
    'ML-KEM and an elliptic curve inside a WebSocket without TLS, as far as the gateway: recording it is of no use later.',
  ),
}

const UNTOLD = t('The gateway does not say how it reaches this server.')

const PROXIED = t('As the gateway says, the connection goes through a proxy.')

const REACHED: Readonly<Record<Reach, { readonly kind: LegKind; readonly text: string }>> = {
  pipe: {
    kind: 'local pipe',
    text: t(
      'A pipe to a process on the machine of the gateway, as the gateway says. Whom that process talks to is not seen.',
    ),
  },
  loopback: {
    kind: 'loopback',
    text: t('HTTP that does not leave the machine of the gateway, as the gateway says.'),
  },
  plain: {
    kind: 'plain',
    text: t('HTTP without TLS over a network, as the gateway says: whoever is on the way reads it today.'),
  },
  tls: {
    kind: 'unknown',
    text: t(
      'TLS, as the gateway says. It does not know the key agreement: no connection was made yet, or its runtime does not tell.',
    ),
  },
  'tls-classical': {
    kind: 'classical',
    text: t(
      'TLS with a classical key agreement, as the gateway says: a quantum computer opens a recording of it later.',
    ),
  },
  'tls-mlkem': {
    kind: 'quantum-safe',
    text: t('TLS with ML-KEM in its key agreement, as the gateway says: recording it is of no use later.'),
  },
}

import type { PanelHandshake, PanelIdentity, PanelSession, SessionState } from '../../contracts/panelSession.ts'
import { fingerprintWords } from '../../crypto/fingerprint.ts'
import type { HandshakeReport, PeerIdentity } from '../../session/api.ts'
import { EPOCH_AGE, EPOCH_CONTEXTS } from '../../session/limits.ts'
import { unreachable } from '../../support/errors.ts'
import { locale, t } from '../../support/l10n.ts'
import type { RememberedPeer } from '../../trust/peers.ts'
import type { Figures } from '../evidence/figures.ts'
import type { OpenIdentity } from '../identity/signingIdentity.ts'
import type { ConnectionState } from '../sessions/gatewayConnection.ts'
import type { Gateway, GatewayLink } from '../sessions/gatewayLink.ts'
import { addressOf } from '../sessions/address.ts'
import { legsOf } from './legsView.ts'

export interface SessionFacts {
  readonly gateway: Gateway
  readonly figures: Figures
  /** The own key. */
  readonly own: Pick<OpenIdentity, 'label' | 'place' | 'setting'> | undefined
  readonly pinned: RememberedPeer | undefined
  /** The key that the gateway showed last. */
  readonly offered: PeerIdentity | undefined
}

/** One gateway's session as the panel draws it: what was measured, and claims marked as claims by the view. */
export function sessionView(facts: SessionFacts): PanelSession {
  const { gateway, figures } = facts
  const { setting, state, ready: link } = gateway
  const sentence = sentenceOf(state)
  return {
    id: `gateway ${setting.name}`,
    servers: setting.servers.slice(0, 64),
    state: STATES[state.kind],
    since: state.since,
    ...(sentence === undefined ? {} : { sentence }),
    facts: factsOf(state),
    gateway: { name: setting.name, address: addressOf(setting).slice(0, 256) },
    pin: pinOf(facts),
    ...(link === undefined ? {} : live(facts, link)),
    ...(state.kind === 'blocked' ? blocked(facts) : {}),
    // What a way is made of is known when it was made.
    legs: link === undefined ? [] : legsOf(gateway.setting, link.recorder.told),
    epochs: link === undefined ? [] : [...link.recorder.epochs.all],
    ...(link === undefined || state.kind !== 'ready' ? {} : nextRekey(link)),
    ...figures.session(setting.name),
  }
}

const STATES: Record<ConnectionState['kind'], SessionState> = {
  closed: 'closed',
  connecting: 'connecting',
  ready: 'ready',
  reconnecting: 'reconnecting',
  failed: 'failed',
  blocked: 'blocked',
}

function sentenceOf(state: ConnectionState): string | undefined {
  switch (state.kind) {
    case 'ready':
      return undefined
    case 'closed':
      return state.held
        ? t('You ended this session. Connect to Server… opens it again; until then calls get an error.')
        : t('No session is open. The next call of an agent, or Connect to Server…, opens one.')
    case 'connecting':
      return t('The handshake is under way. Nothing is sent before both keys are proven.')
    case 'reconnecting':
      return t`${state.error.sentence} Calls wait while it is tried again.`
    case 'failed':
      return t`${state.error.sentence} Nothing was sent in the clear. The next call tries again.`
    case 'blocked':
      return t`${state.error.sentence} Nothing was sent.`
    default:
      return unreachable(state)
  }
}

function factsOf(state: ConnectionState): PanelSession['facts'] {
  if (!('error' in state)) return []
  const code = { label: t('cause'), value: state.error.code, code: true }
  if (state.kind !== 'reconnecting') return [code]
  return [code, { label: t('next try'), value: new Date(state.next).toLocaleTimeString(locale()) }]
}

function live({ own }: SessionFacts, { session, recorder }: GatewayLink): Partial<PanelSession> {
  const { report } = recorder
  return {
    sid: session.sid,
    suite: session.suite,
    epoch: recorder.epochs.current?.epoch ?? 0,
    self: {
      ...identityOf(session.self),
      // Names tell keys apart here; what this editor calls itself to gateways is a setting.
      ...(own === undefined
        ? {}
        : { name: own.label.slice(0, 256), where: own.place.slice(0, 256), vault: own.setting.kind === 'vault' }),
    },
    peer: identityOf(session.peer),
    ...(report === undefined ? {} : { handshake: handshakeOf(report) }),
  }
}

/** When the client will rekey, if there is traffic: an idle session does not, so a time that has passed is not shown. */
function nextRekey({ recorder }: GatewayLink): Pick<PanelSession, 'nextRekey'> {
  const { current } = recorder.epochs
  if (current === undefined) return {}
  const at = current.from + EPOCH_AGE
  const contexts = Math.max(0, EPOCH_CONTEXTS - (current.contexts ?? 0))
  return { nextRekey: { contexts, ...(at > Date.now() && { at }) } }
}

function blocked({ pinned, offered, gateway }: SessionFacts): Partial<PanelSession> {
  const kid = pinned?.kid ?? (gateway.setting.pin === 'first-use' ? undefined : gateway.setting.pin)
  const known = kid === undefined ? undefined : { kid, name: pinned?.name ?? gateway.setting.name }
  return {
    ...(known === undefined
      ? {}
      : {
          pinned: { ...known, algorithm: 'ML-DSA', custody: 'unknown' as const, words: [...fingerprintWords(known)] },
        }),
    ...(offered === undefined ? {} : { offered: identityOf(offered) }),
  }
}

function identityOf(identity: PeerIdentity): PanelIdentity {
  const { name, kid, algorithm, custody } = identity
  return { name: name.slice(0, 256), kid, algorithm, custody, words: [...fingerprintWords(identity)] }
}

function handshakeOf(report: HandshakeReport): PanelHandshake {
  return { ...report, steps: report.steps.slice(0, 64).map((step) => ({ ...step, parts: step.parts.slice(0, 32) })) }
}

function pinOf({ gateway, pinned }: SessionFacts): PanelSession['pin'] {
  if (gateway.setting.pin !== 'first-use') return { state: 'explicit' }
  if (pinned === undefined) return { state: 'none' }
  const since = Date.parse(pinned.since)
  // Pinned on first use, by a person who saw the words; "first use" until the session after that.
  const state = gateway.ready !== undefined && since >= gateway.state.since - FIRST_USE_MS ? 'first use' : 'pinned'
  return { state, since }
}

const FIRST_USE_MS = 60_000

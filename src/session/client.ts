import type { Session } from './api.ts'
import { LiveSession, type SessionPorts } from './liveSession.ts'
import { type OpenOptions, openConnection } from './openConnection.ts'
import type { Acceptance, TrustPort } from './ports.ts'
import { HANDSHAKE_TIMEOUT } from './limits.ts'
import { Reconnector } from './resume/reconnector.ts'

export interface ConnectOptions extends SessionPorts, OpenOptions {
  /**
   * Whether a lost connection is worth another one: not where the gateway is a process that lives as long as its carrier.
   * Default: where `carrier` says how to connect one.
   */
  readonly resumable?: boolean
  /** 0 ≤ value < 1, for the jitter of attempts to reconnect. */
  readonly random?: () => number
}

/**
 * Opens a session with a gateway. Resolves when the gateway said Ready: both ends have proven their keys to each other. With a
 * function for carrier, a handshake that had to wait for a person is tried again, and a lost connection is brought back.
 * @throws CountersignError as `openConnection`
 */
export async function connectSession(options: ConnectOptions): Promise<Session> {
  const asked = new Asked(options.trust, (options.timeout ?? HANDSHAKE_TIMEOUT) / 2)
  try {
    return await connectOnce({ ...options, trust: asked })
  } catch (error) {
    // The gateway gave up while a person compared fingerprints. The answer is pinned now, so nobody is asked again.
    if (typeof options.carrier !== 'function' || !asked.waited || options.signal?.aborted === true) throw error
    return await connectOnce(options)
  }
}

async function connectOnce(options: ConnectOptions): Promise<Session> {
  const { opened } = await openConnection(options)
  const session = new LiveSession('client', opened.established, options)
  if (options.resumable ?? typeof options.carrier === 'function') new Reconnector(session, options).watch()
  session.attach(opened)
  return session
}

/** Remembers whether the answer took so long that the gateway may have lost patience. */
class Asked implements TrustPort {
  waited = false
  private readonly trust: TrustPort
  private readonly patience: number

  constructor(trust: TrustPort, patience: number) {
    this.trust = trust
    this.patience = patience
  }

  async checkGateway(...asked: Parameters<TrustPort['checkGateway']>): Promise<Acceptance> {
    const started = performance.now()
    const answer = await this.trust.checkGateway(...asked)
    this.waited = performance.now() - started > this.patience
    return answer
  }
}

import type { KeyWindow } from '../evidence/keyWindow.ts'
import { type CountersignError, toCountersignError } from '../support/errors.ts'
import type { Log } from '../support/log.ts'
import type { PeerIdentity } from './api.ts'
import { STANDING_INTERVAL } from './limits.ts'
import type { Acceptance, ClientPort } from './ports.ts'

/** What of a session is looked at. */
export interface Standing {
  readonly peer: PeerIdentity
  readonly closed: Promise<unknown>
  /** False while the connection is lost: the next one asks by itself. */
  readonly connected: boolean
  setWindow(window: KeyWindow): void
  fail(error: CountersignError): void
}

export function windowOf(acceptance: Acceptance): KeyWindow {
  return acceptance === 'accept' ? {} : acceptance
}

/**
 * Asks once a minute whether the client of a session is still served: a handshake may be hours ago when its key is revoked,
 * replaced or at its end. What says no ends the session with the alert that a handshake would end with.
 */
export function watchStanding(session: Standing, clients: ClientPort, log: Log): void {
  const ask = clients.recheckClient?.bind(clients)
  if (ask === undefined) return
  let unreadable = false
  const look = async (): Promise<void> => {
    if (!session.connected) return
    try {
      session.setWindow(windowOf(await ask(session.peer)))
      unreadable = false
    } catch (thrown) {
      const error = toCountersignError(thrown)
      // An editor that is saving the file must not end every session; a file that stays unreadable does.
      if (error.code === 'file-unreadable' && !unreadable) {
        unreadable = true
        return log.log('error', 'whether a client is still served cannot be read', { reason: error.message })
      }
      session.fail(error)
    }
  }
  const timer = setInterval(() => void look(), STANDING_INTERVAL).unref()
  void session.closed.then(() => clearInterval(timer))
}

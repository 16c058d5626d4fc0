import { dirname, resolve } from 'node:path'
import { parseIdentityConfig } from '../contracts/identityConfig.ts'
import { backendName } from '../crypto/backend/select.ts'
import { Journal } from '../evidence/journal/journal.ts'
import { BatchSigner } from '../keys/batchSigner.ts'
import { openIdentity } from '../keys/hsm/openIdentity.ts'
import type { Rejection, SessionObserver } from '../session/api.ts'
import type { SessionPorts } from '../session/liveSession.ts'
import { systemClock } from '../support/clock.ts'
import { CountersignError } from '../support/errors.ts'
import type { Log } from '../support/log.ts'
import { KeyRing } from '../trust/keyRing.ts'
import { UsableSigner } from './usableSigner.ts'

/** What the roots of `gateway` and `connect` are given by `main`. */
export interface CliContext {
  /** One line, without its line end. */
  stdout(line: string): void
  stderr(line: string): void
  readonly log: Log
  readonly keyProcessPath: string
}

interface EndpointConfig {
  readonly name: string
  readonly identity: unknown
  readonly state: string
  readonly journal: string
  readonly durability: 'written' | 'fsync'
  readonly contexts: 'full' | 'digest'
}

/** One end of sessions: its key, the queue in front of it, and its journal. */
export interface Endpoint {
  readonly kid: string
  readonly ports: SessionPorts
  /** Resolves a path of the configuration file. */
  path(relative: string): string
  close(): Promise<void>
}

/** @throws CountersignError of `openIdentity`, `Journal.open` and `assertUsable` */
export async function openEndpoint(configFile: string, config: EndpointConfig, context: CliContext): Promise<Endpoint> {
  const folder = dirname(resolve(configFile))
  const { log, keyProcessPath } = context
  const opened = await openIdentity(parseIdentityConfig(config.identity, folder), { keyProcessPath, log })
  try {
    const { durability, contexts } = config
    const sink = await Journal.open({ folder: resolve(folder, config.journal), durability, contexts })
    // The slowest backend is as correct as the others, and somebody who wonders why it is slow finds it here.
    log.log('info', 'post-quantum algorithms', { backend: await backendName() })
    const signer = new UsableSigner(opened.signer, new KeyRing(resolve(folder, config.state), systemClock), systemClock)
    // Said at the start, where somebody reads it, and not by the first handshake.
    await signer.check()
    const batches = new BatchSigner(signer, { lanes: opened.signer.lanes })
    const identity = { signer, batches, name: config.name }
    return {
      kid: signer.kid,
      ports: { identity, sink, observer: rejectionsTo(log), clock: systemClock, log },
      path: (relative) => resolve(folder, relative),
      close: async () => {
        batches.dispose()
        opened.dispose()
        await sink.close()
      },
    }
  } catch (thrown) {
    opened.dispose()
    throw thrown
  }
}

/** Where there is no panel, a withheld context is at least a line in the log. */
function rejectionsTo(log: Log): SessionObserver {
  return {
    rejected: ({ alert, error, claimed }: Rejection) =>
      log.log('error', 'a context did not verify and was withheld', {
        alert,
        code: error.code,
        reason: error.message,
        server: claimed?.server,
      }),
  }
}

/**
 * Resolves when the process is asked to end. The same request again ends it at once: a person has waited long enough. Another
 * signal is no second request: Claude Code sends SIGINT and, 100 ms later, SIGTERM, and a signed goodbye may take longer than that.
 */
export function untilAsked(): Promise<void> {
  return new Promise((done) => {
    const asked = new Set<NodeJS.Signals>()
    for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) {
      process.on(signal, () => {
        if (asked.has(signal)) process.exit(1)
        asked.add(signal)
        done()
      })
    }
  })
}

export function usage(sentence: string): CountersignError {
  return new CountersignError('usage', sentence)
}

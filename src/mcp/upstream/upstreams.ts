import type { UpstreamLeg } from '../../session/api.ts'
import type { LegsPort } from '../../session/ports.ts'
import { systemClock } from '../../support/clock.ts'
import { Emitter } from '../../support/emitter.ts'
import { CountersignError } from '../../support/errors.ts'
import { type Log, silentLog } from '../../support/log.ts'
import type { ExchangeRequest, Responder } from '../exchange/gateway.ts'
import { isStdio, type UpstreamConfig } from './config.ts'
import { type GrantFor, HttpUpstream } from './http.ts'
import { Grant } from './oauth/grant.ts'
import type { SecretFile } from './oauth/grantFile.ts'
import { SessionIds } from './sessionIds.ts'
import { StdioUpstream } from './stdio.ts'

/** The MCP servers behind a gateway, by name. `handle` is the handler of its `ExchangeServer`s. */
export class Upstreams implements LegsPort {
  private readonly reached = new Emitter<void>()
  /** It is known better how one of them is reached. */
  readonly onLegs = this.reached.event
  private readonly servers: ReadonlyMap<string, HttpUpstream | StdioUpstream>

  /**
   * Starts nothing.
   * @param grants the file of the tokens for a server; without it there are none
   * @throws CountersignError `config-invalid`
   */
  constructor(
    config: Readonly<Record<string, UpstreamConfig>>,
    log: Log = silentLog,
    grants?: (server: string) => SecretFile,
    clock = systemClock,
  ) {
    const ids = new SessionIds()
    const grantFor: GrantFor | undefined =
      grants && ((name, url, connections) => new Grant({ name, url, file: grants(name), connections, clock, log }))
    this.servers = new Map(
      Object.entries(config).map(([name, entry]) => [
        name,
        isStdio(entry)
          ? new StdioUpstream(name, entry, log)
          : new HttpUpstream(name, entry, ids, grantFor, () => this.reached.fire()),
      ]),
    )
  }

  readonly handle = async (request: ExchangeRequest, respond: Responder): Promise<void> => {
    const server = this.servers.get(request.server)
    if (server === undefined) {
      throw new CountersignError('server-unknown', `The gateway has no server ${request.server}. Check the name.`)
    }
    await server.handle(request, respond)
  }

  /** How each of them is reached: kinds, and no address. */
  get legs(): readonly UpstreamLeg[] {
    return Array.from(this.servers, ([server, { leg }]) => ({ server, ...leg }))
  }

  /** To be called when a countersign session is over: processes that only it could reach end. */
  sessionEnded(sid: string): void {
    for (const server of this.servers.values()) if (server instanceof StdioUpstream) server.sessionEnded(sid)
  }

  /** Ends every process and connection. Resolves 2 s later at most. */
  async close(): Promise<void> {
    await Promise.all(Array.from(this.servers.values(), async (server) => server.close()))
  }
}

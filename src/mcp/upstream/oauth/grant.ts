import type { Clock } from '../../../support/clock.ts'
import { CountersignError, toCountersignError } from '../../../support/errors.ts'
import type { Log } from '../../../support/log.ts'
import type { Connections } from '../connections.ts'
import { encodeGrant, parseGrant, type SecretFile, type StoredGrant } from './grantFile.ts'

export interface GrantOptions {
  /** Of the server, for the log. */
  readonly name: string
  readonly url: URL
  readonly file: SecretFile
  readonly connections: Connections
  readonly clock: Clock
  readonly log: Log
}

/**
 * The tokens that `countersign authorize` left for one server. They are read for each call: a grant that was made or removed
 * meanwhile counts at once. The authorization server is asked for new ones only, where the file says, by one call at a time.
 */
export class Grant {
  private readonly options: GrantOptions
  private renewing: Promise<string | undefined> | undefined
  /** There was no file: not looked for again before the server wants a token. */
  private none = false
  /** A refresh token that the authorization server has said is over. */
  private over: string | undefined

  constructor(options: GrantOptions) {
    this.options = options
  }

  /** The access token to send; `undefined` where there is none. @throws CountersignError `unauthorized` */
  async token(): Promise<string | undefined> {
    if (this.none) return undefined
    const grant = await this.read()
    if (grant?.expires === undefined || this.options.clock.now() < grant.expires) return grant?.access
    // A clock may be wrong: where there is nothing new, the server decides about the old one.
    return (await this.renewed(grant.access)) ?? grant.access
  }

  /**
   * Another token than the one that the server refused; `undefined` where there is none to be had without a person.
   * @param refused `undefined` where none was sent
   * @throws CountersignError `unauthorized`
   */
  async renewed(refused: string | undefined): Promise<string | undefined> {
    // One for all calls that wait: most authorization servers end a grant whose refresh token is used twice.
    this.renewing ??= this.renew(refused).finally(() => (this.renewing = undefined))
    const token = await this.renewing
    return token === refused ? undefined : token
  }

  private async renew(refused: string | undefined): Promise<string | undefined> {
    const { name, url, file, connections, clock, log } = this.options
    const grant = await this.read()
    // Another process has renewed it, or a person: what was refused was an older one.
    if (grant === undefined || grant.access !== refused) return grant?.access
    const { refresh } = grant
    if (refresh === undefined || refresh === this.over) return undefined
    // Only where OAuth is used are its libraries loaded.
    const [{ refreshed }, { oauthFetch }] = await Promise.all([import('./refresh.ts'), import('./fetch.ts')])
    const next = await refreshed({ ...grant, refresh }, oauthFetch(url, connections), clock.now())
    if (next === undefined) {
      this.over = refresh
      log.log('warn', 'the authorization server has ended a grant; run "countersign authorize"', { server: name })
      return undefined
    }
    await this.kept(() => file.write(encodeGrant(next)))
    return next.access
  }

  private async read(): Promise<StoredGrant | undefined> {
    const content = await this.kept(() => this.options.file.read())
    const grant = content === undefined ? undefined : await this.kept(() => parseGrant(content))
    this.none = grant?.url !== this.options.url.href
    if (grant === undefined || !this.none) return grant
    this.options.log.log('warn', 'a grant is for another address and was not used', { server: this.options.name })
    return undefined
  }

  /** The client learns that there is a fault; the path, and what it is, are for the gateway's operator. */
  private async kept<T>(work: () => T | Promise<T>): Promise<T> {
    try {
      return await work()
    } catch (thrown) {
      const error = toCountersignError(thrown)
      this.options.log.log('error', error.message, { server: this.options.name, code: error.code })
      const sentence =
        'What the gateway was granted at this server cannot be read or kept: see its log. The call was not carried out.'
      throw new CountersignError('unauthorized', sentence, { cause: error })
    }
  }
}

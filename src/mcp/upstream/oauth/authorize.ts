import {
  auth,
  extractWWWAuthenticateParams,
  type OAuthClientProvider,
  type OAuthDiscoveryState,
} from '@modelcontextprotocol/sdk/client/auth.js'
import { OAuthError } from '@modelcontextprotocol/sdk/server/auth/errors.js'
import type {
  OAuthClientInformationMixed,
  OAuthClientMetadata,
  OAuthTokens,
} from '@modelcontextprotocol/sdk/shared/auth.js'
import type { FetchLike } from '@modelcontextprotocol/sdk/shared/transport.js'
import { CountersignError } from '../../../support/errors.ts'
import type { Connections } from '../connections.ts'
import { assertAllowed, isSameIssuer, mayHoldTokens } from './address.ts'
import { oauthFetch } from './fetch.ts'
import type { StoredGrant } from './grantFile.ts'
import type { Answer, Redirect } from './redirect.ts'
import { tokenFields } from './tokens.ts'

export interface AuthorizeOptions {
  /** The MCP server. */
  readonly url: URL
  readonly connections: Connections
  readonly redirect: Redirect
  /** What was agreed with an authorization server that does not register strangers. */
  readonly client: {
    readonly issuer?: string | undefined
    readonly clientId?: string | undefined
    readonly clientSecret?: string | undefined
    readonly scope?: string | undefined
  }
  /** Shows the person where to agree, and with whom. */
  readonly show: (address: URL, issuer: string) => void
  /** Milliseconds since 1970. */
  readonly now: () => number
}

/** Changes nothing at a server; one that wants a token refuses it as it would refuse a call. */
const PROBE = '{"jsonrpc":"2.0","id":1,"method":"ping"}'
const PROBE_HEADERS = { 'content-type': 'application/json', accept: 'application/json, text/event-stream' }

/**
 * The authorization code flow of MCP as the SDK has it (OAuth 2.1 with PKCE, RFC 9728 and 8414 discovery, RFC 7591 registration,
 * RFC 8707 resource). What it leaves open is checked here: who the metadata is of, PKCE, who answers, where addresses lead.
 * @throws CountersignError `unauthorized`, `forbidden`, `upstream`, `config-invalid` for a server that may hold no tokens
 */
export async function authorize(options: AuthorizeOptions): Promise<StoredGrant> {
  const { url, connections, redirect, client, now } = options
  if (!mayHoldTokens(url)) {
    throw new CountersignError(
      'config-invalid',
      'Tokens are only sent over https: the address of the server has to be.',
    )
  }
  const provider = new Provider(options)
  const fetchFn = oauthFetch(url, connections)
  try {
    const asked = await probe(url, fetchFn)
    const where = { serverUrl: url, fetchFn, ...asked, ...(client.scope !== undefined && { scope: client.scope }) }
    await auth(provider, where)
    const answer = await redirect.answer
    provider.checkAnswer(answer)
    await auth(provider, { ...where, authorizationCode: answer.code })
    return provider.grant(now())
  } catch (thrown) {
    throw thrown instanceof CountersignError ? thrown : failed(thrown)
  }
}

/** What the server says about its authorization when it refuses. */
async function probe(url: URL, fetchFn: FetchLike): Promise<{ resourceMetadataUrl?: URL; scope?: string }> {
  const response = await fetchFn(url, { method: 'POST', headers: PROBE_HEADERS, body: PROBE })
  const { resourceMetadataUrl, scope } = response.status === 401 ? extractWWWAuthenticateParams(response) : {}
  if (resourceMetadataUrl !== undefined && resourceMetadataUrl.origin !== url.origin) {
    throw new CountersignError('forbidden', 'The server names metadata of its own at another server. It was not used.')
  }
  return {
    ...(resourceMetadataUrl !== undefined && { resourceMetadataUrl }),
    ...(scope !== undefined && { scope }),
  }
}

/** The SDK's memory for one flow. Nothing is kept before it came to its end. */
class Provider implements OAuthClientProvider {
  private readonly options: AuthorizeOptions
  private discovery: OAuthDiscoveryState | undefined
  private registered: OAuthClientInformationMixed | undefined
  private received: OAuthTokens | undefined
  private verifier = ''

  constructor(options: AuthorizeOptions) {
    this.options = options
    const { clientId, clientSecret, issuer } = options.client
    if (clientId !== undefined) this.registered = { client_id: clientId, client_secret: clientSecret, issuer }
  }

  get redirectUrl(): URL {
    return this.options.redirect.url
  }

  get clientMetadata(): OAuthClientMetadata {
    return {
      client_name: 'Countersign gateway',
      redirect_uris: [this.redirectUrl.href],
      grant_types: ['authorization_code', 'refresh_token'],
      response_types: ['code'],
      // A secret that is made for whoever asks, and lies beside the tokens, protects nothing more.
      token_endpoint_auth_method: 'none',
      scope: this.options.client.scope,
    }
  }

  state(): string {
    return this.options.redirect.state
  }

  clientInformation(): OAuthClientInformationMixed | undefined {
    return this.registered
  }

  saveClientInformation(information: OAuthClientInformationMixed): void {
    this.registered = information
  }

  /** None: a person is here to agree anew. */
  tokens(): undefined {
    return undefined
  }

  saveTokens(tokens: OAuthTokens): void {
    this.received = tokens
  }

  saveCodeVerifier(verifier: string): void {
    this.verifier = verifier
  }

  codeVerifier(): string {
    return this.verifier
  }

  discoveryState(): OAuthDiscoveryState | undefined {
    return this.discovery
  }

  /** Comes before anything is sent to the authorization server but requests for its metadata. */
  saveDiscoveryState(state: OAuthDiscoveryState): void {
    const { authorizationServerUrl: issuer, authorizationServerMetadata: metadata } = state
    const { client } = this.options
    if (metadata === undefined) throw no('names no authorization server that says what it is (RFC 8414)')
    // RFC 8414, section 3.3: else one authorization server could give out another's endpoints as its own.
    if (!isSameIssuer(metadata.issuer, issuer))
      throw no('names an authorization server whose metadata is of another one')
    if (client.issuer !== undefined && !isSameIssuer(client.issuer, issuer))
      throw no('names another "issuer" than is configured')
    if (metadata.code_challenge_methods_supported?.includes('S256') !== true) {
      throw no('names an authorization server without PKCE (S256)')
    }
    if (client.clientId === undefined && metadata.registration_endpoint === undefined) {
      throw no(
        'has an authorization server that does not register strangers: configure "clientId" and "issuer" in "oauth"',
      )
    }
    this.discovery = state
  }

  redirectToAuthorization(address: URL): void {
    assertAllowed(address, this.options.url)
    this.options.show(address, this.metadata.issuer)
  }

  /** RFC 9207: a code of another authorization server must not be handed to this one. */
  checkAnswer({ issuer }: Answer): void {
    const { metadata } = this
    const promised = Reflect.get(metadata, 'authorization_response_iss_parameter_supported') === true
    if (issuer === undefined ? promised : issuer !== metadata.issuer) {
      throw no('has an authorization server, and another one answered')
    }
  }

  grant(now: number): StoredGrant {
    const { metadata, registered, received: tokens } = this
    if (registered === undefined || tokens === undefined) throw no('has an authorization server that gave no token')
    const method = 'token_endpoint_auth_method' in registered ? registered.token_endpoint_auth_method : undefined
    return {
      v: 1,
      url: this.options.url.href,
      issuer: metadata.issuer,
      authorizationEndpoint: metadata.authorization_endpoint,
      tokenEndpoint: metadata.token_endpoint,
      clientId: registered.client_id,
      tokenMethods: metadata.token_endpoint_auth_methods_supported,
      clientSecret: registered.client_secret,
      clientMethod: method,
      resource: this.discovery?.resourceMetadata?.resource,
      ...tokenFields(tokens, now),
    }
  }

  private get metadata(): NonNullable<OAuthDiscoveryState['authorizationServerMetadata']> {
    const metadata = this.discovery?.authorizationServerMetadata
    if (metadata === undefined) throw new CountersignError('internal', 'There is no metadata yet.')
    return metadata
  }
}

function no(what: string): CountersignError {
  return new CountersignError('forbidden', `The server ${what}. Nothing was kept.`)
}

/** What the SDK threw. Its sentences may repeat an answer, and an answer may have tokens in it: the code is enough. */
function failed(thrown: unknown): CountersignError {
  const what =
    thrown instanceof OAuthError ? `refused (${thrown.errorCode})` : 'gave an answer that OAuth does not have'
  return new CountersignError('unauthorized', `The authorization server, or the server's metadata, ${what}.`)
}

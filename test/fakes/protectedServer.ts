import { randomUUID } from 'node:crypto'
import type { AddressInfo } from 'node:net'
import { createServer, type IncomingMessage, type Server as HttpServer, type ServerResponse } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import { Server } from '@modelcontextprotocol/sdk/server/index.js'
import { InvalidGrantError, InvalidTargetError } from '@modelcontextprotocol/sdk/server/auth/errors.js'
import { requireBearerAuth } from '@modelcontextprotocol/sdk/server/auth/middleware/bearerAuth.js'
import type { AuthorizationParams, OAuthServerProvider } from '@modelcontextprotocol/sdk/server/auth/provider.js'
import { getOAuthProtectedResourceMetadataUrl, mcpAuthRouter } from '@modelcontextprotocol/sdk/server/auth/router.js'
import type { AuthInfo } from '@modelcontextprotocol/sdk/server/auth/types.js'
import { createMcpExpressApp } from '@modelcontextprotocol/sdk/server/express.js'
import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js'
import type { OAuthClientInformationFull, OAuthTokens } from '@modelcontextprotocol/sdk/shared/auth.js'
import { CallToolRequestSchema, ListToolsRequestSchema } from '@modelcontextprotocol/sdk/types.js'

interface Issued {
  readonly client: string
  readonly scopes: readonly string[]
  readonly resource: URL | undefined
}

type Request = IncomingMessage & { readonly path: string; readonly body: unknown }
type Response = ServerResponse & { json: (body: object) => unknown }
type Handler = (request: Request, response: Response, next: () => void) => unknown

/** What is used of express, which comes with the SDK and without types. */
interface App {
  (request: IncomingMessage, response: ServerResponse): void
  use(...given: (string | Handler)[]): void
  post(path: string, handler: Handler): void
}

/** The rules of an authorization server; the SDK's router speaks the protocol around them. */
class Rules implements OAuthServerProvider {
  readonly clients = new Map<string, OAuthClientInformationFull>()
  readonly access = new Map<string, Issued & { readonly until: number }>()
  readonly refresh = new Map<string, Issued>()
  private readonly codes = new Map<string, Issued & { readonly params: AuthorizationParams }>()
  /** What the authorization server was asked for with each token request. */
  readonly asked: string[] = []
  lifetime = 3600
  says: 'yes' | 'no' = 'yes'
  iss: string | undefined
  down = false

  get clientsStore() {
    return {
      getClient: (id: string) => this.clients.get(id),
      registerClient: (client: Omit<OAuthClientInformationFull, 'client_id' | 'client_id_issued_at'>) => {
        const made = { ...client, client_id: `client-${randomUUID()}` }
        this.clients.set(made.client_id, made)
        return made
      },
    }
  }

  authorize(client: OAuthClientInformationFull, params: AuthorizationParams, response: { redirect(to: string): void }) {
    const target = new URL(params.redirectUri)
    const code = `code-${randomUUID()}`
    if (this.says === 'yes') {
      const issued = { client: client.client_id, scopes: params.scopes ?? [], resource: params.resource }
      this.codes.set(code, { ...issued, params })
      target.searchParams.set('code', code)
    } else target.searchParams.set('error', 'access_denied')
    if (this.iss !== undefined) target.searchParams.set('iss', this.iss)
    if (params.state !== undefined) target.searchParams.set('state', params.state)
    response.redirect(target.href)
    return Promise.resolve()
  }

  challengeForAuthorizationCode(_: OAuthClientInformationFull, code: string): Promise<string> {
    const challenge = this.codes.get(code)?.params.codeChallenge
    return challenge === undefined ? Promise.reject(new InvalidGrantError('unknown code')) : Promise.resolve(challenge)
  }

  async exchangeAuthorizationCode(
    client: OAuthClientInformationFull,
    code: string,
    _verifier?: string,
    redirect?: string,
    resource?: URL,
  ): Promise<OAuthTokens> {
    this.asked.push('code')
    const issued = this.codes.get(code)
    this.codes.delete(code)
    if (issued?.client !== client.client_id || issued.params.redirectUri !== redirect) throw new InvalidGrantError('no')
    if (resource?.href !== issued.resource?.href) throw new InvalidTargetError('no')
    return this.issue(issued)
  }

  /** Each refresh token works once: whoever uses one twice is no longer served, as real servers do. */
  async exchangeRefreshToken(
    client: OAuthClientInformationFull,
    token: string,
    _scopes?: string[],
    resource?: URL,
  ): Promise<OAuthTokens> {
    this.asked.push('refresh')
    if (this.down) throw new Error('down')
    const issued = this.refresh.get(token)
    this.refresh.delete(token)
    if (issued?.client !== client.client_id) {
      this.refresh.clear()
      throw new InvalidGrantError('no')
    }
    if (resource?.href !== issued.resource?.href) throw new InvalidTargetError('no')
    return this.issue(issued)
  }

  async verifyAccessToken(token: string): Promise<AuthInfo> {
    const issued = this.access.get(token)
    if (issued === undefined) return { token, clientId: '', scopes: [], expiresAt: 1 }
    const { client, scopes, until, resource } = issued
    return {
      token,
      clientId: client,
      scopes: [...scopes],
      expiresAt: until,
      ...(resource !== undefined && { resource }),
    }
  }

  private issue({ client, scopes, resource }: Issued): OAuthTokens {
    const [access, refresh] = [`access-${randomUUID()}`, `refresh-${randomUUID()}`]
    this.access.set(access, { client, scopes, resource, until: Math.floor(Date.now() / 1000) + 3600 })
    this.refresh.set(refresh, { client, scopes, resource })
    const told = { expires_in: this.lifetime, scope: scopes.join(' ') }
    return { access_token: access, refresh_token: refresh, token_type: 'Bearer', ...told }
  }
}

/**
 * A real MCP server that demands a token, and the authorization server that issues it, both with the SDK's server side, on one
 * origin: `/mcp` says who called it by which token.
 */
export class ProtectedServer {
  readonly rules = new Rules()
  /** The authorization headers that `/mcp` saw. */
  readonly seen: (string | undefined)[] = []
  /** Paths beside `/mcp` that were asked for. */
  readonly paths: string[] = []
  /** Members of the authorization server's metadata that are to be others, or (undefined) none. */
  readonly metadata: Record<string, unknown> = {}
  /** Members of the resource's metadata likewise. */
  readonly resource: Record<string, unknown> = {}
  private readonly server: HttpServer
  private handler: (request: IncomingMessage, response: ServerResponse) => void = () => {}
  private readonly scheme: string

  constructor(tls?: { readonly key: string; readonly cert: string }) {
    this.scheme = tls === undefined ? 'http' : 'https'
    const listener: typeof this.handler = (request, response) => this.handler(request, response)
    this.server = tls === undefined ? createServer(listener) : createTlsServer(tls, listener)
  }

  get origin(): string {
    const address: AddressInfo | string | null = this.server.address()
    return `${this.scheme}://127.0.0.1:${typeof address === 'object' ? address?.port : 0}`
  }

  get url(): string {
    return `${this.origin}/mcp`
  }

  async listen(): Promise<this> {
    await new Promise<void>((resolve) => this.server.listen(0, '127.0.0.1', resolve))
    const app: App = createMcpExpressApp()
    const resourceServerUrl = new URL(this.url)
    app.use((request, response, next) => {
      if (request.path !== '/mcp') this.paths.push(request.path)
      const changes = request.path.includes('oauth-protected-resource') ? this.resource : this.metadata
      if (request.path.startsWith('/.well-known/')) {
        const json = response.json.bind(response)
        response.json = (body: object) => json({ ...body, ...changes })
      }
      next()
    })
    const options = {
      provider: this.rules,
      issuerUrl: new URL(this.origin),
      resourceServerUrl,
      scopesSupported: ['mcp:use'],
    }
    app.use(
      mcpAuthRouter({
        ...options,
        tokenOptions: { rateLimit: false },
        clientRegistrationOptions: { rateLimit: false },
      }),
    )
    app.use('/mcp', (request, _, next) => {
      this.seen.push(request.headers.authorization)
      next()
    })
    const resourceMetadataUrl = getOAuthProtectedResourceMetadataUrl(resourceServerUrl)
    const verifier = this.rules
    app.use(
      '/mcp',
      requireBearerAuth({
        verifier,
        requiredScopes: ['mcp:use'],
        resourceMetadataUrl,
        expectedResource: resourceServerUrl,
      }),
    )
    app.post('/mcp', async (request, response) => {
      const transport = new StreamableHTTPServerTransport({ enableJsonResponse: true })
      await whoami().connect(transport)
      await transport.handleRequest(request, response, request.body)
    })
    this.handler = app
    return this
  }

  /** Ends all access tokens, as time would. */
  expire(): void {
    this.rules.access.clear()
  }

  async close(): Promise<void> {
    this.server.closeAllConnections()
    await new Promise((resolve) => this.server.close(resolve))
  }
}

function whoami(): Server {
  const server = new Server({ name: 'protected', version: '1' }, { capabilities: { tools: {} } })
  server.setRequestHandler(ListToolsRequestSchema, () => ({
    tools: [{ name: 'whoami', inputSchema: { type: 'object' } }],
  }))
  server.setRequestHandler(CallToolRequestSchema, (_, { authInfo }) => ({
    content: [{ type: 'text', text: `you are ${authInfo?.clientId}` }],
  }))
  return server
}

/** What a browser does with the address that a person opens: follows redirects to their end. Returns the last page's text. */
export async function browse(address: string): Promise<string> {
  const reply = await fetch(address)
  return await reply.text()
}

import { refreshAuthorization } from '@modelcontextprotocol/sdk/client/auth.js'
import {
  OAuthError,
  ServerError,
  TemporarilyUnavailableError,
  TooManyRequestsError,
} from '@modelcontextprotocol/sdk/server/auth/errors.js'
import type { FetchLike } from '@modelcontextprotocol/sdk/shared/transport.js'
import { CountersignError } from '../../../support/errors.ts'
import type { StoredGrant } from './grantFile.ts'
import { tokenFields } from './tokens.ts'

/**
 * The grant with new tokens; `undefined` where the authorization server says that it is over.
 * @param now milliseconds since 1970
 * @throws CountersignError `unauthorized` where it gives no answer of either kind
 */
export async function refreshed(
  grant: StoredGrant & { readonly refresh: string },
  fetchFn: FetchLike,
  now: number,
): Promise<StoredGrant | undefined> {
  try {
    const tokens = await refreshAuthorization(grant.issuer, {
      metadata: {
        issuer: grant.issuer,
        authorization_endpoint: grant.authorizationEndpoint,
        token_endpoint: grant.tokenEndpoint,
        response_types_supported: ['code'],
        token_endpoint_auth_methods_supported: grant.tokenMethods,
      },
      clientInformation: {
        client_id: grant.clientId,
        client_secret: grant.clientSecret,
        token_endpoint_auth_method: grant.clientMethod,
      },
      refreshToken: grant.refresh,
      ...(grant.resource !== undefined && { resource: grant.resource }),
      fetchFn,
    })
    // How long the new token lives is for its own answer to say.
    const { expires: _, ...kept } = grant
    return { ...kept, ...tokenFields(tokens, now) }
  } catch (cause) {
    if (cause instanceof OAuthError && !isPassing(cause)) return undefined
    // What its answer holds may be tokens, and is not repeated.
    const sentence =
      'The authorization server did not renew the token of the gateway. Try again later; the call was not carried out.'
    throw new CountersignError('unauthorized', sentence, {
      cause: cause instanceof CountersignError ? cause : undefined,
    })
  }
}

function isPassing(error: OAuthError): boolean {
  return [ServerError, TemporarilyUnavailableError, TooManyRequestsError].some((kind) => error instanceof kind)
}

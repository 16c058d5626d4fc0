import type { OAuthTokens } from '@modelcontextprotocol/sdk/shared/auth.js'
import { CountersignError } from '../../../support/errors.ts'
import type { StoredGrant } from './grantFile.ts'

type TokenFields = Pick<StoredGrant, 'access' | 'refresh' | 'expires' | 'scope'>

/**
 * An answer of a token endpoint as it is kept.
 * @param now milliseconds since 1970
 * @throws CountersignError `unauthorized` for tokens of another type than Bearer (RFC 6750)
 */
export function tokenFields(tokens: OAuthTokens, now: number): TokenFields {
  const { access_token: access, token_type: type, refresh_token: refresh, expires_in: lifetime, scope } = tokens
  if (type.toLowerCase() !== 'bearer') {
    throw new CountersignError(
      'unauthorized',
      'The authorization server gave a token of a type that is not known here.',
    )
  }
  return {
    access,
    ...(refresh !== undefined && { refresh }),
    ...(scope !== undefined && { scope }),
    ...(lifetime !== undefined && { expires: now + Math.max(0, Math.trunc(lifetime)) * 1000 }),
  }
}

import { constantTimeEqual, sha384 } from '../../crypto/hash.ts'
import { encodeBase64url, encodeUtf8 } from '../../crypto/encoding.ts'
import { randomBytes } from '../../crypto/random.ts'

const SCHEME = /^Bearer ([A-Za-z0-9._~+/=-]{1,512})$/i

/** Who is allowed to use a bridge. */
export interface TokenCheck {
  /** The agent whose token an Authorization header carries, undefined for every other header. */
  agentOf(authorization: string | undefined): string | undefined
}

/** The token of an Authorization header, undefined where there is none. */
export function bearerToken(authorization: string | undefined): string | undefined {
  return SCHEME.exec(authorization ?? '')?.[1]
}

/** Bearer tokens in memory: one per agent, so that one can be revoked. Only digests are kept. */
export class Tokens implements TokenCheck {
  private readonly digests = new Map<string, Uint8Array>()

  /** A new token of 32 random bytes for `agent`; one it had before is revoked. It cannot be read again. */
  issue(agent: string): string {
    const token = encodeBase64url(randomBytes(32))
    this.accept(agent, token)
    return token
  }

  /** Accepts a token that was issued earlier and kept in a secret store. */
  accept(agent: string, token: string): void {
    this.digests.set(agent, sha384(encodeUtf8(token)))
  }

  revoke(agent: string): void {
    this.digests.delete(agent)
  }

  agentOf(authorization: string | undefined): string | undefined {
    const token = bearerToken(authorization)
    if (token === undefined) return undefined
    const digest = sha384(encodeUtf8(token))
    let found: string | undefined
    // All are compared, each in constant time: how long it takes tells neither which one nor how much of one was right.
    for (const [agent, known] of this.digests) if (constantTimeEqual(digest, known)) found = agent
    return found
  }
}

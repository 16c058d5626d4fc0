import { secretConcat, wipe } from '../../crypto/random.ts'
import type { Established } from '../handshake/established.ts'
import { isBound, type ResumptionSecret } from './offer.ts'

/**
 * What a resume is bound to: `res` of the connection that was lost. The gateway keeps it until the client has spoken on the
 * connection that came after it: where that one's Ready is lost, the client has nothing else to come back with.
 */
export class Resumption {
  private kept: readonly ResumptionSecret[] = []

  /** A connection is lost. Owns the secrets from here on. */
  keep(secrets: readonly ResumptionSecret[]): void {
    this.kept = [...this.kept, ...secrets]
  }

  /** Copies of what is kept, which the caller wipes. */
  copies(): ResumptionSecret[] {
    return this.kept.map(({ epoch, secret }) => ({ epoch, secret: secretConcat(secret) }))
  }

  /** The client came back with one of them. It has no other, so no other is of use: one more for each attempt would pile up. */
  keepBound({ offer, transcript }: NonNullable<Established['resume']>): void {
    const bound = this.kept.filter((secret) => isBound(offer, [secret], transcript))
    for (const { secret } of this.kept.filter((secret) => !bound.includes(secret))) wipe(secret)
    this.kept = bound
  }

  forget(): void {
    for (const { secret } of this.kept) wipe(secret)
    this.kept = []
  }
}

import { wipe } from '../../crypto/random.ts'
import type { Log } from '../../support/log.ts'
import { pinName, type SecretStore, type TokenPlace } from '../secretStore.ts'

export interface PinOffersPorts {
  readonly secrets: Pick<SecretStore, 'hasPin' | 'storePin'>
  /** Whether the PIN of the token of that name is to be kept. A question that is asked again takes the place of the first. */
  readonly ask: (name: string) => Promise<boolean>
  readonly log: Log
}

/**
 * The question whether a PIN that was just typed goes into the secret store. It waits for as long as the person likes, and is
 * asked once per token and window: whoever said no is not asked again at every unlock.
 */
export class PinOffers {
  private readonly ports: PinOffersPorts
  /** By token: the PIN that waits for the person's answer. */
  private readonly waiting = new Map<string, Uint8Array>()
  private readonly declined = new Set<string>()

  constructor(ports: PinOffersPorts) {
    this.ports = ports
  }

  /** Takes `pin` over: it is wiped when the person has answered, at the latest. */
  async offer(token: TokenPlace, name: string, pin: Uint8Array): Promise<void> {
    const id = pinName(token)
    this.withdraw(id)
    this.waiting.set(id, pin)
    // Locked meanwhile, or offered anew with another PIN: what was typed here must not be kept, whatever the answer.
    const withdrawn = () => this.waiting.get(id) !== pin
    try {
      if (this.declined.has(id) || (await this.ports.secrets.hasPin(token)) || withdrawn()) return
      const keep = await this.ports.ask(name)
      if (withdrawn()) return
      if (!keep) {
        this.declined.add(id)
        return
      }
      await this.ports.secrets.storePin(token, pin)
      this.ports.log.log('info', 'a PIN was put into the secret store because the person asked for it', { token: name })
    } finally {
      if (!withdrawn()) this.waiting.delete(id)
      wipe(pin)
    }
  }

  /**
   * `pin` was set in place of the one that was typed before; `stored`: that one was in the store, and is not any more. Whether
   * the new one is kept is a new question, where there was one. Takes `pin` over.
   */
  async changed(token: TokenPlace, name: string, pin: Uint8Array, stored: boolean): Promise<void> {
    const id = pinName(token)
    if (stored) this.declined.delete(id)
    const asked = this.withdraw(id)
    if (stored || asked) await this.offer(token, name, pin)
    else wipe(pin)
  }

  /** Everything is locked: what was typed before is not kept any more, whatever the person answers to an old question. */
  locked(): void {
    for (const id of this.waiting.keys()) this.withdraw(id)
  }

  private withdraw(id: string): boolean {
    wipe(this.waiting.get(id))
    return this.waiting.delete(id)
  }
}

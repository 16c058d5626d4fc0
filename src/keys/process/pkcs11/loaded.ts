import type { PKCS11, TokenInfo } from 'pkcs11js'
import type { Holds, Where } from '../../../contracts/keyProcess.ts'
import type { KeyTable } from '../keyTable.ts'
import { Proof } from '../proof.ts'
import { calling } from './errors.ts'
import type { Library } from './library.ts'
import { SessionPool } from './sessions.ts'
import { findSlot, type Slot } from './slots.ts'
import { Token } from './token.ts'

export type ModuleHolds = Extract<Holds, { kind: 'module' }>

/** A loaded module with what this process has in it: sessions, logins, open keys. */
export class LoadedModule {
  readonly library: Library
  readonly keys: KeyTable
  private readonly holds: ModuleHolds
  private readonly pools = new Map<number, SessionPool>()
  private readonly proofs = new Map<number, Proof>()
  private changes = 0

  constructor(library: Library, holds: ModuleHolds, keys: KeyTable) {
    this.library = library
    this.holds = holds
    this.keys = keys
  }

  get module(): PKCS11 {
    return this.library.module
  }

  /** Counts what this process changed in a token: a glance has to show it where the token's own facts do not. */
  get revision(): number {
    return this.changes
  }

  changed(): void {
    this.changes += 1
  }

  /** @throws CountersignError `slot-missing`, `token-missing` */
  find(where: Where): { readonly slot: Slot; readonly token: TokenInfo } {
    return findSlot(this.module, where)
  }

  /** @throws as `find` */
  tokenAt(where: Where): Token {
    return this.token(this.find(where).slot)
  }

  token(slot: Slot): Token {
    return new Token({
      library: this.library,
      slot,
      pool: this.pool(slot),
      proof: this.proof(slot),
      override: this.holds.ids,
      software: this.holds.software === true,
    })
  }

  pool(slot: Slot): SessionPool {
    const known = this.pools.get(slot.id) ?? new SessionPool(this.module, slot.handle)
    this.pools.set(slot.id, known)
    return known
  }

  /** The pool where there is one: a glance must not open a session. */
  knownPool({ id }: Slot): SessionPool | undefined {
    return this.pools.get(id)
  }

  proof({ id }: Slot): Proof {
    const known = this.proofs.get(id) ?? new Proof()
    this.proofs.set(id, known)
    return known
  }

  /** Closes the keys of a token and forgets its login. */
  logout(slot: Slot): void {
    this.keys.close((key) => key.slot === slot.id)
    this.proof(slot).revoke()
    const pool = this.pool(slot)
    if (pool.loggedIn()) pool.inAnchor((session) => calling('C_Logout', () => this.module.C_Logout(session)))
  }

  /** Closes every session with a token, which ends its login: C_InitToken and a login of the security officer want that. */
  endSessions(slot: Slot): void {
    this.keys.close((key) => key.slot === slot.id)
    this.proof(slot).revoke()
    this.pools.get(slot.id)?.close()
    this.pools.delete(slot.id)
    calling('C_CloseAllSessions', () => this.module.C_CloseAllSessions(slot.handle))
  }

  dispose(): void {
    this.keys.close()
    for (const pool of this.pools.values()) pool.close()
    try {
      this.module.C_Finalize()
    } catch {
      // The process ends in any case.
    }
  }
}

import * as v from 'valibot'
import { CUSTODIES } from '../contracts/custody.ts'
import { parseStrictJson } from '../contracts/strictJson.ts'
import { exportJwk, isKid, parseJwk, thumbprint } from '../crypto/jwk.ts'
import { MAX_TRANSITION_BYTES } from '../evidence/transition.ts'
import type { Clock } from '../support/clock.ts'
import { Emitter } from '../support/emitter.ts'
import { CountersignError } from '../support/errors.ts'
import { said } from '../support/l10n.ts'
import type { KeyLife, OwnKey } from './keyLife.ts'
import { StateList } from './stateList.ts'

export {
  assertUsable,
  exportRing,
  type KeyLife,
  lifeState,
  type LifeState,
  type OwnKey,
  windowOf,
} from './keyLife.ts'

/** With their transition documents so many stay below what a state file may have. */
const MAX_KEYS = 96

/** How a key ends that another one follows. */
export interface Retirement {
  /** Ms since 1970: the first instant at which the key no longer signs. */
  readonly until: number
  readonly successor: string
  /** The transition document, exact text. */
  readonly transition: string
}

/**
 * The own keys' lives, in `keys.json` of the state folder. It says when each key counted, and outlives the keys: history
 * is verified by it. It holds no secret and decides for this end only; peers learn of a rotation by its transition document.
 */
export class KeyRing {
  private readonly file: StateList<KeyLife>
  private readonly clock: Clock
  private readonly changed = new Emitter<void>()
  readonly onChange = this.changed.event

  constructor(folder: string, clock: Clock) {
    this.clock = clock
    this.file = new StateList({ folder, name: 'keys.json', parse: parseKeys, encode: encodeKeys, most: MAX_KEYS })
  }

  /** In order of coming. @throws CountersignError `file-unreadable`, `file-permissions` */
  list(): Promise<readonly KeyLife[]> {
    return this.file.read()
  }

  /** undefined for a key that is not in the ring: it is active, without dates. */
  async find(kid: string): Promise<KeyLife | undefined> {
    return (await this.list()).find((life) => life.kid === kid)
  }

  /** A key that exists and is not in force yet. One that is known stays as it is. @throws as `list`, `limit` */
  plan(key: OwnKey): Promise<void> {
    const { kid, algorithm, publicKey, label, place, custody } = key
    const planned = this.clock.now()
    return this.change((lives) =>
      lives.some((life) => life.kid === kid)
        ? lives
        : [...lives, { kid, algorithm, publicKey, label, place, custody, planned }],
    )
  }

  /** A key that was in force before there was a ring: active, without dates. One that is known stays as it is. @throws as `plan` */
  adopt(key: OwnKey): Promise<void> {
    const { kid, algorithm, publicKey, label, place, custody } = key
    return this.change((lives) =>
      lives.some((life) => life.kid === kid) ? lives : [...lives, { kid, algorithm, publicKey, label, place, custody }],
    )
  }

  /**
   * A planned key comes into force, now or `at`; with a whole key also one that is not known yet.
   * @throws CountersignError `key-missing`; `key-retired`, `key-revoked` for one whose life is over
   */
  activate(key: string | OwnKey, at = this.clock.now()): Promise<void> {
    const kid = typeof key === 'string' ? key : key.kid
    return this.change((lives) => {
      const known = lives.find((life) => life.kid === kid)
      if (known === undefined && typeof key !== 'string') {
        const { algorithm, publicKey, label, place, custody } = key
        return [...lives, { kid, algorithm, publicKey, label, place, custody, active: at }]
      }
      return this.with(lives, kid, (life) => (life.active === undefined ? { ...life, active: at } : life))
    })
  }

  /** Another key follows; this one still signs until `until`. @throws as `activate`, CountersignError `usage` for a kid that is none */
  async beginRetiring(kid: string, { until, successor, transition }: Retirement): Promise<void> {
    // Written down, it would make a file that nobody can read any more.
    if (!isKid(successor)) throw new CountersignError('usage', 'The key that follows is not named by its kid.')
    const retiring = this.clock.now()
    await this.change((lives) =>
      this.with(lives, kid, (life) => ({ ...life, retiring, retired: until, successor, transition })),
    )
  }

  /** Its successor does not follow after all: in force as before. Only while it still signs. @throws as `activate` */
  keep(kid: string): Promise<void> {
    return this.change((lives) =>
      this.with(
        lives,
        kid,
        ({ retiring: _since, retired: _until, successor: _next, transition: _document, ...life }) => life,
      ),
    )
  }

  /** Signs nothing more from now on; what it signed before still counts. @throws CountersignError `key-missing`, `key-revoked` */
  retire(kid: string): Promise<void> {
    const now = this.clock.now()
    return this.change((lives) =>
      this.with(lives, kid, (life) => ({ ...life, retired: Math.min(life.retired ?? now, now) }), ['revoked']),
    )
  }

  /** Somebody else may have it. For ever, and whatever state it was in. @throws CountersignError `key-missing` */
  revoke(kid: string): Promise<void> {
    const now = this.clock.now()
    return this.change((lives) =>
      this.with(lives, kid, (life) => ({ ...life, revoked: Math.min(life.revoked ?? now, now) }), []),
    )
  }

  /** Takes a key out of the ring: it is then as if it was never in it. Only for one that was never in force. */
  forget(kid: string): Promise<void> {
    return this.change((lives) => {
      const life = lives.find((one) => one.kid === kid)
      if (life === undefined) return lives
      // Without its window, what it signed would verify at any time, and a revoked key would be usable again.
      if (life.active !== undefined || life.planned === undefined || life.revoked !== undefined) {
        throw new CountersignError('key-exists', said`The key "${life.label}" was in force: its history stays.`)
      }
      return lives.filter((one) => one !== life)
    })
  }

  private with(
    lives: readonly KeyLife[],
    kid: string,
    update: (life: KeyLife) => KeyLife,
    over: readonly ('retired' | 'revoked')[] = ['retired', 'revoked'],
  ): readonly KeyLife[] {
    const life = lives.find((one) => one.kid === kid)
    if (life === undefined) throw new CountersignError('key-missing', 'The key is not in the key ring.')
    const now = this.clock.now()
    if (over.includes('revoked') && life.revoked !== undefined) {
      throw new CountersignError('key-revoked', said`The key "${life.label}" was revoked: that is for ever.`)
    }
    if (over.includes('retired') && life.retired !== undefined && life.retired <= now) {
      throw new CountersignError('key-retired', said`The key "${life.label}" is retired.`)
    }
    return lives.map((one) => (one === life ? update(life) : one))
  }

  private async change(update: (lives: readonly KeyLife[]) => readonly KeyLife[]): Promise<void> {
    await this.file.change(update)
    this.changed.fire()
  }
}

const instant = v.exactOptional(v.pipe(v.number(), v.safeInteger(), v.minValue(0)))
const kid = v.pipe(
  v.string(),
  v.check((value) => isKid(value)),
)
const document = v.strictObject({
  v: v.literal(1),
  keys: v.pipe(
    v.array(
      v.strictObject({
        kid,
        jwk: v.unknown(),
        label: v.pipe(v.string(), v.maxLength(256)),
        place: v.pipe(v.string(), v.maxLength(4096)),
        custody: v.picklist(CUSTODIES),
        planned: instant,
        active: instant,
        retiring: instant,
        retired: instant,
        revoked: instant,
        successor: v.exactOptional(kid),
        transition: v.exactOptional(v.pipe(v.string(), v.maxLength(MAX_TRANSITION_BYTES))),
      }),
    ),
    v.maxLength(MAX_KEYS),
  ),
})

/**
 * The keys of a state file. The key behind each kid is computed, not believed.
 * @param path for the message
 * @throws CountersignError `file-unreadable`
 */
export function parseKeys(text: string, path: string): readonly KeyLife[] {
  try {
    const { keys } = v.parse(document, parseStrictJson(text, { safeIntegers: true }))
    if (new Set(keys.map((key) => key.kid)).size !== keys.length) throw new TypeError('A key comes twice.')
    return keys.map(({ jwk, ...life }) => {
      const { algorithm, publicKey } = parseJwk(jwk)
      if (thumbprint(algorithm, publicKey) !== life.kid) throw new TypeError('A key is not the one of its kid.')
      return { ...life, algorithm, publicKey }
    })
  } catch (cause) {
    const sentence = said`${path} is not what was written there: restore it. Without it nobody knows which keys were retired or revoked.`
    throw new CountersignError('file-unreadable', sentence, { cause })
  }
}

export function encodeKeys(lives: readonly KeyLife[]): string {
  const keys = lives.map(({ algorithm, publicKey, kid: name, ...life }) => ({
    kid: name,
    jwk: exportJwk(algorithm, publicKey),
    ...life,
  }))
  return `${JSON.stringify({ v: 1, keys }, undefined, 2)}\n`
}

import { concat, decodeUtf8, encodeUtf8, readU32, u32 } from '../../crypto/encoding.ts'
import { constantTimeEqual, HASH_LENGTH, hmacSha384 } from '../../crypto/hash.ts'
import { randomBytes } from '../../crypto/random.ts'
import { isSuiteName, type SuiteName } from '../../crypto/suite.ts'
import type { Clock } from '../../support/clock.ts'
import { ALERT, SessionError } from '../alerts.ts'
import { COOKIE_SLOT } from '../limits.ts'

/** What a gateway wants to remember of a ClientHello that it answered with Retry, and lets the client carry. */
export interface Remembered {
  /** SHA-384 of the whole M1 element as it came, 48 bytes. */
  readonly hello: Uint8Array
  /** The suite that Retry named. */
  readonly suite: SuiteName
}

const LABEL = encodeUtf8('cs1 cookie')
const SLOT_LENGTH = 4

/**
 * Makes and opens cookies, without a memory of them (TLS 1.3's HelloRetryRequest, RFC 9846, section 4.3.2):
 *
 *     cookie = f(slot u32) ‖ f(H(M1)) ‖ f(suite name) ‖ f(HMAC-SHA-384(key, f("cs1 cookie") ‖ f(slot) ‖ f(H(M1)) ‖ f(suite name) ‖ f(address)))
 *     f(x)   = length u32 ‖ x
 *
 * A cookie proves that its bearer receives at an address. It is no proof of freshness: whoever does may use it again until
 * it is old.
 */
export class Cookies {
  /** Never leaves this object: with it anybody could write cookies for addresses that are not theirs. */
  private readonly key = randomBytes(HASH_LENGTH)
  private readonly clock: Clock

  constructor(clock: Clock) {
    this.clock = clock
  }

  /** 155 to 157 bytes with the suites of this version. @param address as the carrier says it */
  issue({ hello, suite }: Remembered, address: string): Uint8Array {
    const fields = concat(field(u32(this.slot())), field(hello), field(encodeUtf8(suite)))
    return concat(fields, field(this.mac(fields, address)))
  }

  /**
   * One alert for everything that can be wrong, so that nobody learns by trying which part of a cookie was right.
   * @throws SessionError alert 100: not made here, made for another address, or made before the last slot
   */
  open(cookie: Uint8Array, address: string): Remembered {
    const fields = split(cookie)
    const [slot, hello, name, mac] = fields ?? []
    if (slot === undefined || hello === undefined || name === undefined || mac === undefined) throw invalid()
    const signed = concat(field(slot), field(hello), field(name))
    if (!constantTimeEqual(mac, this.mac(signed, address))) throw invalid()
    // From here on the fields are our own: a wrong one of them would be a bug, and is refused all the same.
    const suite = decodeUtf8(name)
    if (slot.length !== SLOT_LENGTH || hello.length !== HASH_LENGTH || !isSuiteName(suite)) throw invalid()
    const age = this.slot() - readU32(slot)
    if (age !== 0 && age !== 1) throw invalid()
    return { hello, suite }
  }

  /** Of the monotonic clock: one that somebody sets neither keeps a cookie alive nor makes it useless. */
  private slot(): number {
    return Math.floor(this.clock.monotonic() / COOKIE_SLOT)
  }

  private mac(fields: Uint8Array, address: string): Uint8Array {
    return hmacSha384(this.key, field(LABEL), fields, field(encodeUtf8(address)))
  }
}

/** Behind its length, so that no two lists of fields are the same bytes. */
function field(bytes: Uint8Array): Uint8Array {
  return concat(u32(bytes.length), bytes)
}

/** The four fields; `undefined` where the bytes are not exactly four. */
function split(cookie: Uint8Array): Uint8Array[] | undefined {
  const fields: Uint8Array[] = []
  let offset = 0
  while (offset < cookie.length && fields.length < 4) {
    if (cookie.length - offset < 4) return undefined
    const end = offset + 4 + readU32(cookie, offset)
    if (end > cookie.length) return undefined
    fields.push(cookie.slice(offset + 4, end))
    offset = end
  }
  return offset === cookie.length && fields.length === 4 ? fields : undefined
}

function invalid(): SessionError {
  return new SessionError(ALERT.cookieRequired, 'A ClientHello came without a valid cookie.')
}

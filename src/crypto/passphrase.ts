import { scrypt } from 'node:crypto'
import { CountersignError } from '../support/errors.ts'
import { plain } from './encoding.ts'

/** Cost of scrypt (RFC 7914): N is a power of two, memory is 128 × N × r bytes. */
export interface ScryptParams {
  readonly N: number
  readonly r: number
  readonly p: number
}

/** 128 MiB and about 0.4 s: a vault file that was stolen costs this much for each guess. */
export const SCRYPT_PARAMS: ScryptParams = { N: 2 ** 17, r: 8, p: 1 }

/** Largest cost accepted from a file: a hostile vault file must not take all memory (1 GiB) before it is refused. */
const MAX_BLOCKS = 2 ** 23
const MIN_SALT = 16

/**
 * A 32-byte key from a passphrase. Bytes in, so that callers can wipe them; runs on libuv's threads.
 * @throws CountersignError `length` for a salt under 16 bytes, `limit` for parameters outside the accepted range
 */
export async function deriveKey(
  passphrase: Uint8Array,
  salt: Uint8Array,
  params: ScryptParams = SCRYPT_PARAMS,
): Promise<Uint8Array> {
  const { N, r, p } = params
  if (salt.length < MIN_SALT) throw new CountersignError('length', 'A salt needs at least 16 bytes.')
  const integers = [N, r, p].every((value) => Number.isSafeInteger(value) && value > 0)
  if (!integers || N < 2 ** 14 || (N & (N - 1)) !== 0 || N * r > MAX_BLOCKS || p > 16) {
    throw new CountersignError('limit', 'The scrypt parameters are outside the accepted range.')
  }
  // Node's default ceiling of 32 MiB is below our cost; twice the need leaves room for p and bookkeeping.
  const options = { N, r, p, maxmem: 256 * N * r + 1024 * r * p }
  return await new Promise((resolve, reject) => {
    scrypt(passphrase, salt, 32, options, (error, key) => {
      if (error) reject(new CountersignError('internal', 'The passphrase could not be stretched.', { cause: error }))
      else resolve(plain(key))
    })
  })
}

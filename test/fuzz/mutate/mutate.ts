import type { Format } from '../engine/target.ts'
import { mutateBytes, type Supply } from './bytes.ts'
import { mutateCbor } from './cbor.ts'
import { mutateJson, mutateLines } from './json.ts'

const BY_FORMAT: Readonly<Record<Format, (bytes: Uint8Array, supply: Supply) => Uint8Array>> = {
  bytes: mutateBytes,
  cbor: mutateCbor,
  json: mutateJson,
  lines: mutateLines,
}

/** One new input: mostly a known one with a few mutations, now and then random bytes. */
export function mutate(format: Format, seed: Uint8Array, supply: Supply): Uint8Array {
  const { random } = supply
  if (random.chance(50)) return random.bytes(random.small(300))
  let bytes = seed
  for (let rounds = 1 + random.small(8); rounds > 0; rounds--) bytes = BY_FORMAT[format](bytes, supply)
  return bytes
}

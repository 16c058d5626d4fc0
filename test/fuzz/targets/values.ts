import { decode, encode } from 'cborg'
import type { ErrorCode } from '../../../src/support/errors.ts'
import { mustEqual, type Target } from '../engine/target.ts'

/**
 * Parsers of values that a structured clone brought: from a child process or a webview. CBOR stands for the clone, because it
 * has byte strings, undefined, NaN and whatever else such a value can hold; its decoder here refuses as little as possible.
 */
export function valuesOf(
  name: string,
  codes: readonly ErrorCode[],
  seeds: readonly unknown[],
  parse: (value: unknown) => void | Promise<void>,
  share = 1,
): Target {
  return {
    name,
    format: 'cbor',
    codes,
    share,
    seeds: seeds.map((seed) => encode(seed)),
    run(bytes) {
      const value = cloned(bytes)
      return value === NOTHING ? undefined : parse(value)
    },
  }
}

/** As `valuesOf`, for a parser that changes nothing: what it accepted it gives back, with no member more or less. */
export function unchanged(parse: (value: unknown) => unknown): (value: unknown) => void {
  return (value) => {
    const parsed = parse(value)
    if (parsed !== undefined)
      mustEqual(normal(parsed), normal(value), 'accepts a value with something that it does not read')
  }
}

/** An empty list passes for an object that needs no member: there is nothing in it that could go unread. */
function normal(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value
  if (value instanceof Uint8Array && value.length > 0) return value
  const members = Object.entries(value)
  if (members.length === 0) return {}
  if (Array.isArray(value)) return value.map(normal)
  return Object.fromEntries(members.map(([name, member]) => [name, normal(member)]))
}

const NOTHING = Symbol('not even a value')

function cloned(bytes: Uint8Array): unknown {
  try {
    const value: unknown = decode(bytes, {
      allowBigInt: true,
      allowUndefined: true,
      allowNaN: true,
      allowInfinity: true,
    })
    return value
  } catch {
    return NOTHING
  }
}

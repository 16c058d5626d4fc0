import * as v from 'valibot'

/** How a journal is kept, in configuration files and settings alike. */
const path = v.pipe(v.string('must be text'), v.nonEmpty('must not be empty'), v.maxLength(4096, 'is too long'))

/** Left to src/cli: a file needs the folder of the configuration, and a key is read where cryptography is. */
const encrypted = v.strictObject({
  encryptTo: v.union([path, v.looseObject({})], 'must be the file of a public key, or what is in it'),
})

export const contexts = v.optional(
  v.lazy((given) =>
    typeof given === 'object' && given !== null
      ? encrypted
      : v.picklist(['full', 'digest'], 'must be "full", "digest" or {"encryptTo": …}'),
  ),
  'full',
)

export const durability = v.optional(v.picklist(['written', 'fsync'], 'must be "written" or "fsync"'), 'written')

function amount(least: number, most: number) {
  const must = `must be a number from ${least} to ${most}`
  return v.pipe(v.number(must), v.minValue(least, must), v.maxValue(most, must))
}

/** When a segment is full. What is left out has the default of the journal. */
export const segments = v.optional(
  v.strictObject({ megabytes: v.exactOptional(amount(1, 4096)), hours: v.exactOptional(amount(0.01, 24 * 366)) }),
  {},
)

/** What the folder keeps. What is left out is no limit: nothing is deleted. */
export const keep = v.optional(
  v.strictObject({ megabytes: v.exactOptional(amount(1, 100_000_000)), days: v.exactOptional(amount(0.01, 36_600)) }),
  {},
)

export type JournalSegments = v.InferOutput<typeof segments>
export type JournalKeep = v.InferOutput<typeof keep>

const MEGABYTE = 1024 * 1024
const HOUR = 3_600_000

/** The limits in bytes and milliseconds. */
export function journalLimits(segment: JournalSegments, kept: JournalKeep) {
  return {
    segments: limits(segment.megabytes, segment.hours, HOUR),
    keep: limits(kept.megabytes, kept.days, 24 * HOUR),
  }
}

function limits(megabytes: number | undefined, time: number | undefined, unit: number) {
  return {
    ...(megabytes !== undefined && { bytes: Math.round(megabytes * MEGABYTE) }),
    ...(time !== undefined && { age: Math.round(time * unit) }),
  }
}

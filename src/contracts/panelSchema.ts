import * as v from 'valibot'
import { CUSTODIES } from './custody.ts'

/** The small bounded pieces that the panel's messages are made of. Every string and array has an upper bound. */
export const label = v.pipe(v.string(), v.maxLength(256))
export const sentence = v.pipe(v.string(), v.maxLength(2000))
/** An opaque name of the host's choosing: a context, a session, a key. */
export const ref = v.pipe(v.string(), v.minLength(1), v.maxLength(128))
/** base64url or hex, whatever the field says. */
export const digest = v.pipe(v.string(), v.maxLength(128), v.regex(/^[A-Za-z0-9_-]*$/))
export const count = v.pipe(v.number(), v.safeInteger(), v.minValue(0))
export const measured = v.pipe(v.number(), v.finite(), v.minValue(0))
/** Wall-clock milliseconds since 1970. */
export const instant = v.pipe(v.number(), v.finite(), v.minValue(0))
export const custody = v.picklist(CUSTODIES)
export const direction = v.picklist(['c2s', 's2c'])

export const list = <T extends v.GenericSchema>(item: T, most: number) => v.pipe(v.array(item), v.maxLength(most))

/** What a schema yields, as nobody may change it: state flows one way. */
export type Frozen<T> = T extends (infer Item)[]
  ? readonly Frozen<Item>[]
  : T extends object
    ? { readonly [Name in keyof T]: Frozen<T[Name]> }
    : T

export type Of<Schema extends v.GenericSchema> = Frozen<v.InferOutput<Schema>>

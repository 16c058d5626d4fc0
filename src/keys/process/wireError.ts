import { PROCESS_ERRORS } from '../../contracts/keyProcess.ts'
import { toWire, type WireSentence } from '../../contracts/wireSentence.ts'
import { type CountersignError, toCountersignError } from '../../support/errors.ts'

/** An error as it crosses the process boundary: code, sentence and return value of the module; no cause, no stack. */
export function wireError(error: CountersignError): { code: string; sentence: WireSentence; ckr?: number } {
  const code = PROCESS_ERRORS.find((known) => known === error.code) ?? 'internal'
  const ckr = ckrOf(error.cause)
  return { code, sentence: toWire(error.sentence), ...(ckr === undefined ? {} : { ckr }) }
}

/** The CK_RV of a Pkcs11Error; other errors have no numeric code. */
export function ckrOf(thrown: unknown): number | undefined {
  if (!(thrown instanceof Error) || !('code' in thrown)) return undefined
  return typeof thrown.code === 'number' && thrown.code > 0 ? thrown.code : undefined
}

/** For a fact that has its error in it. */
export const whyOf = (thrown: unknown): WireSentence => toWire(toCountersignError(thrown).sentence)

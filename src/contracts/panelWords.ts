import * as v from 'valibot'
import type { Bundle } from '../support/l10n.ts'

const text = v.pipe(v.string(), v.minLength(1), v.maxLength(1000))
const words = v.record(text, text)

/** What the panel says in another language, by its English. Nothing of what is not as it must be: then the panel is in English. */
export function parsePanelWords(json: string): Bundle {
  try {
    const parsed = v.safeParse(words, JSON.parse(json))
    return parsed.success ? parsed.output : {}
  } catch {
    return {}
  }
}

import * as v from 'valibot'
import { Sentence } from '../support/l10n.ts'
import { redact } from '../support/log.ts'

/**
 * A sentence as it crosses a process boundary, so that the other side can translate it: its English, and what is filled in. Sentences in
 * it go two deep and no deeper: what is further down crosses as text.
 */
const text = v.pipe(v.string(), v.maxLength(500))
const filling = v.strictObject({ english: text, fillings: v.pipe(v.array(text), v.maxLength(4)) })
export const wireSentence = v.strictObject({
  english: text,
  fillings: v.pipe(v.array(v.union([text, filling])), v.maxLength(4)),
})
export type WireSentence = v.InferOutput<typeof wireSentence>

export function toWire(sentence: Sentence): WireSentence {
  return {
    english: cut(sentence.english),
    fillings: sentence.fillings.map((one) =>
      one instanceof Sentence
        ? { english: cut(one.english), fillings: one.fillings.map((inner) => cut(String(inner))) }
        : cut(String(one)),
    ),
  }
}

/** The text comes from another process and is shown to people: no control characters, no length without end. */
export function fromWire({ english, fillings }: WireSentence): Sentence {
  const shown = fillings.map((one) =>
    typeof one === 'string'
      ? redact(one)
      : new Sentence(
          once(redact(one.english)),
          one.fillings.map((inner) => redact(inner)),
        ),
  )
  return new Sentence(once(redact(english)), shown)
}

/** Each placeholder once, as in every sentence of ours: a hundred of them would make megabytes of four long fillings. */
function once(english: string): string {
  return english.replace(/\{\d+\}/g, (placeholder, at: number) =>
    english.indexOf(placeholder) === at ? placeholder : '',
  )
}

function cut(part: string): string {
  return part.slice(0, 500)
}

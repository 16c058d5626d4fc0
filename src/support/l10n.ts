/**
 * Sentences for people in the language of the editor. English is written where it is used and is the key; a bundle brings another language.
 * Programs, logs, peers and evidence get the English: only who shows a text calls `t`.
 */

/** What a placeholder stands for. A sentence in a sentence is translated with it. */
export type Filling = string | number | Sentence

/** Translations by their English, with `{0}` for what is filled in. */
export type Bundle = Readonly<Record<string, string>>

let bundle: Bundle = {}
let language: string | undefined

/** Once, before anything else is loaded: constants are translated where they are made. */
export function useLanguage(tag: string, translations: Bundle): void {
  language = tag
  bundle = translations
}

/** For dates and figures; undefined: as the machine has it. */
export function locale(): string | undefined {
  return language
}

/** A sentence that does not know yet whether a person reads it, such as that of an error. */
export class Sentence {
  readonly english: string
  readonly fillings: readonly Filling[]

  constructor(english: string, fillings: readonly Filling[] = []) {
    this.english = english
    this.fillings = fillings
  }

  toString(): string {
    return fill(this.english, this.fillings.map(String))
  }

  translated(): string {
    // Not `bundle[…]` alone: an English "constructor" would find what every object has.
    const text = Object.hasOwn(bundle, this.english) ? bundle[this.english] : undefined
    return fill(text ?? this.english, this.fillings.map(shown))
  }
}

/** said`There is no slot ${slot}.`, or said('There is no slot.'): kept as a sentence, translated when it is shown. */
export function said(english: string | TemplateStringsArray, ...fillings: readonly Filling[]): Sentence {
  return new Sentence(typeof english === 'string' ? english : keyOf(english), fillings)
}

/** t`There is no slot ${slot}.`, or t('There is no slot.'), or a sentence that was kept: the text in the language of the editor. */
export function t(english: string | Sentence | TemplateStringsArray, ...fillings: readonly Filling[]): string {
  return (english instanceof Sentence ? english : said(english, ...fillings)).translated()
}

function inTable(word: unknown): unknown {
  if (typeof word === 'string') return t(word)
  return typeof word === 'object' && word !== null ? translated(word) : word
}

function keyOf(parts: readonly string[]): string {
  return parts.reduce((key, part, index) => `${key}{${index - 1}}${part}`)
}

function shown(filling: Filling): string {
  return filling instanceof Sentence ? filling.translated() : String(filling)
}

function fill(text: string, fillings: readonly string[]): string {
  return fillings.length === 0
    ? text
    : text.replace(/\{(\d+)\}/g, (whole, index: string) => fillings[Number(index)] ?? whole)
}

type Words<T> = {
  readonly [K in keyof T]: T[K] extends string
    ? string
    : T[K] extends (...given: never[]) => string
      ? T[K]
      : Words<T[K]>
}

/** A table of words, each translated; what takes figures translates itself. */
export function translated<T extends object>(words: T): Words<T> {
  const pairs = Object.entries(words).map(([name, word]: [string, unknown]) => [name, inTable(word)])
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the same names, and a text wherever there was one
  return Object.fromEntries(pairs) as Words<T>
}

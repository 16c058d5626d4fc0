import { afterEach, describe, expect, it } from 'vitest'
import { fromWire, toWire } from '../../../src/contracts/wireSentence.ts'
import { parsePanelWords } from '../../../src/contracts/panelWords.ts'
import { CountersignError } from '../../../src/support/errors.ts'
import { locale, said, t, translated, useLanguage } from '../../../src/support/l10n.ts'

const GERMAN = {
  'The gateway {0} did not answer.': 'Vom Gateway {0} kam keine Antwort.',
  '{0} Nothing was sent.': '{0} Es wurde nichts gesendet.',
  '{0} of {1}': 'von {1} sind es {0}',
  ready: 'bereit',
}

afterEach(() => useLanguage('en', {}))

describe('a sentence', () => {
  it('is English until a language is used, and for what is not translated', () => {
    expect(t`The gateway ${'desk'} did not answer.`).toBe('The gateway desk did not answer.')
    useLanguage('de', GERMAN)
    expect(locale()).toBe('de')
    expect(t`The gateway ${'desk'} did not answer.`).toBe('Vom Gateway desk kam keine Antwort.')
    expect(t`${1} of ${2}`).toBe('von 2 sind es 1')
    expect(t('Not in the bundle')).toBe('Not in the bundle')
    expect(t('constructor')).toBe('constructor')
  })

  it('of an error is English for programs and translated for people, with the sentences in it', () => {
    useLanguage('de', GERMAN)
    const inner = new CountersignError('gateway-unreachable', said`The gateway ${'desk'} did not answer.`)
    const outer = new CountersignError('outcome-unknown', said`${inner.sentence} Nothing was sent.`)
    expect(outer.message).toBe('The gateway desk did not answer. Nothing was sent.')
    expect(t(outer.sentence)).toBe('Vom Gateway desk kam keine Antwort. Es wurde nichts gesendet.')
    expect(t(new CountersignError('internal', 'ready').sentence)).toBe('bereit')
  })

  it('does not take a placeholder for its own that somebody else wrote', () => {
    expect(t`${'{1}'} of ${'x'}`).toBe('{1} of x')
  })

  it('crosses a process boundary with what is filled in, and without what could harm', () => {
    useLanguage('de', GERMAN)
    const sentence = said`${said`The gateway ${'de\u202esk'} did not answer.`} Nothing was sent.`
    expect(t(fromWire(toWire(sentence)))).toBe('Vom Gateway de\ufffdsk kam keine Antwort. Es wurde nichts gesendet.')
  })
})

describe('a table of words', () => {
  it('is translated leaf by leaf; what takes figures stays', () => {
    useLanguage('de', GERMAN)
    const words = translated({ state: { ready: 'ready', gone: '' }, of: (n: string) => t`${n} of ${'2'}` } as const)
    expect(words.state).toEqual({ ready: 'bereit', gone: '' })
    expect(words.of('1')).toBe('von 2 sind es 1')
  })

  it('comes to the panel as JSON of texts, or not at all', () => {
    expect(parsePanelWords('{"ready":"bereit"}')).toEqual({ ready: 'bereit' })
    for (const bad of ['', '[]', 'null', '{"ready":1}', '{"ready":{"x":"y"}}', '{"":"x"}', '{"ready":""}']) {
      expect(parsePanelWords(bad), bad).toEqual({})
    }
  })
})

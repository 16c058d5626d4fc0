import * as v from 'valibot'
import { parsePanelWords } from '../../../src/contracts/panelWords.ts'
import { fromWire, toWire, wireSentence } from '../../../src/contracts/wireSentence.ts'
import { said } from '../../../src/support/l10n.ts'
import { must, stable, type Target } from '../engine/target.ts'
import { json, text } from './samples.ts'
import { valuesOf } from './values.ts'

const slot = said`The token in slot ${1} gave no answer.`
const sentences = [said('Nothing was signed.'), slot, said`${slot} Its module said ${'CKR_DEVICE_ERROR'}.`].map(toWire)
const doubled = { english: '{0}{0}{1}', fillings: ['a', { english: '{0}{0}', fillings: ['b'] }] }

/** Words and sentences that cross a boundary on their way to a person. */
export const WORDS: readonly Target[] = [
  {
    name: 'panel-words',
    format: 'json',
    codes: [],
    seeds: [json({ 'Show Log': 'Protokoll zeigen', '{0} to {1}': '{0} an {1}' }), text('{}')],
    tokens: ['__proto__', 'constructor', 'toString', '{0}', '\\u0000'],
    run: stable(
      (bytes) => parsePanelWords(Buffer.from(bytes).toString('utf8')),
      (words) => json(words),
    ),
  },
  valuesOf('wire-sentence', [], [...sentences, doubled], (value) => {
    const { success, output } = v.safeParse(wireSentence, value)
    if (!success) return
    const shown = fromWire(output)
    const long = shown.toString()
    must(long.length <= LONGEST, 'lets another process choose how long a sentence is')
    must(!/[\u0000-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/.test(long), 'shows a character that hides others')
    must(fromWire(toWire(shown)).toString() === long, 'is another sentence after it crossed once more')
  }),
]

/** Four fillings, each a sentence with four of its own. */
const LONGEST = 21 * 301

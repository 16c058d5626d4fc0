import { parsePanelWords } from '../src/contracts/panelWords.ts'
import { useLanguage } from '../src/support/l10n.ts'

// The first module that is loaded: what others translate once, in constants, they translate after this. Without a document (in tests)
// and for whatever is missing it is English.
if (typeof document !== 'undefined') {
  const { lang, dataset } = document.documentElement
  useLanguage(lang || 'en', parsePanelWords(dataset['words'] ?? '{}'))
}

import { env, l10n } from 'vscode'
import { useLanguage } from '../support/l10n.ts'

// The first module that is loaded: what others translate once, in constants, they translate after this. English has no bundle.
useLanguage(env.language, l10n.bundle ?? {})

import { env, l10n } from 'vscode'
import { useLanguage } from '../support/l10n.ts'

// The build has every module of the extension import this one (`inject` in esbuild.mjs): what a module translates once, in a constant,
// is translated after this, in whichever part of the bundle it is. For English there is no bundle.
useLanguage(env.language, l10n.bundle ?? {})

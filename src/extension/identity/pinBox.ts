import { window } from 'vscode'
import { encodeUtf8 } from '../../crypto/encoding.ts'
import { constantTimeEqual } from '../../crypto/hash.ts'
import { secretConcat, wipe } from '../../crypto/random.ts'
import { t } from '../../support/l10n.ts'
import { linkless } from '../../support/printable.ts'

/**
 * Asks for a PIN. Undefined: the person closed the box; else bytes for the caller to wipe. The box gives a string, which
 * nobody can wipe: it lives in this process until it is collected, and no name but `typed` ever holds it.
 */
export async function askPin(title: string, prompt: string, step = ''): Promise<Uint8Array | undefined> {
  const typed = await window.showInputBox({
    title: step === '' ? title : `${title} (${step})`,
    prompt: linkless(prompt),
    password: true,
    ignoreFocusOut: true,
    validateInput: (value) => (value.length > LONGEST ? t`A PIN has at most ${LONGEST} characters.` : undefined),
  })
  return typed === undefined ? undefined : toBytes(typed)
}

/** In memory of its own, where `wipe` reaches it. */
function toBytes(text: string): Uint8Array {
  const encoded = encodeUtf8(text)
  try {
    return secretConcat(encoded)
  } finally {
    wipe(encoded)
  }
}

export interface NewPinWords {
  readonly once: string
  readonly again: string
}

export const NEW_PIN: NewPinWords = {
  once: t('New PIN. The token decides how long it has to be.'),
  again: t('The new PIN once more'),
}

/** As `askPin`, for a PIN that is to be set: asked for twice, until both are the same. */
export async function askNewPin(
  title: string,
  { once, again }: NewPinWords,
  steps: readonly [string, string],
): Promise<Uint8Array | undefined> {
  for (let prompt = once; ; prompt = t`They were not the same. ${once}`) {
    const first = await askPin(title, prompt, steps[0])
    if (first === undefined) return undefined
    const second = await askPin(title, again, steps[1])
    const same = second !== undefined && first.length > 0 && constantTimeEqual(first, second)
    wipe(second)
    if (same) return first
    wipe(first)
    if (second === undefined) return undefined
  }
}

/** UTF-8 of this many characters fits what a key process takes. */
const LONGEST = 120

import { window } from 'vscode'
import { linkless } from '../../support/printable.ts'
import { confirmationProblem } from './confirmation.ts'

export interface Words {
  /** What the name is typed for. */
  readonly prompt: string
  /** What to do where it is not wanted. */
  readonly hint: string
}

/**
 * What cannot be undone is confirmed by typing a name. True: it was typed exactly; false: the person closed the box. An
 * empty name is one that nobody can type wrongly, so a caller gives something else for it.
 */
export async function typedConfirmation(title: string, { prompt, hint }: Words, name: string): Promise<boolean> {
  const typed = await window.showInputBox({
    title,
    prompt: linkless(prompt),
    placeHolder: name,
    ignoreFocusOut: true,
    validateInput: (value) => linkless(confirmationProblem(value, name, hint) ?? ''),
  })
  return typed !== undefined && confirmationProblem(typed, name, hint) === undefined
}

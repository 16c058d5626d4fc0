import { window } from 'vscode'
import { confirmationProblem } from './confirmation.ts'

/**
 * What cannot be undone is confirmed by typing a name. True: it was typed exactly; false: the person closed the box. An
 * empty name is one that nobody can type wrongly, so a caller gives something else for it.
 */
export async function typedConfirmation(title: string, what: string, name: string): Promise<boolean> {
  const typed = await window.showInputBox({
    title,
    prompt: `Type ${name} to ${what}.`,
    placeHolder: name,
    ignoreFocusOut: true,
    validateInput: (value) => confirmationProblem(value, name, what),
  })
  return typed !== undefined && confirmationProblem(typed, name, what) === undefined
}

import { type QuickPickItem, type QuickPickOptions, window } from 'vscode'

/**
 * A list to choose one of. Undefined: the person closed it. It stays when the focus moves: while the panel is open the
 * editor gives the focus back to it after its palette closed, sometimes only when the command's list is there already, and a
 * list that closes at that is gone before anybody can choose.
 */
export async function pickOne<T extends QuickPickItem>(
  items: readonly T[],
  options: Omit<QuickPickOptions, 'canPickMany' | 'ignoreFocusOut'>,
): Promise<T | undefined> {
  return await window.showQuickPick(items, { ...options, ignoreFocusOut: true })
}

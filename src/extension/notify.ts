import { window } from 'vscode'
import { linkless } from '../support/printable.ts'

/**
 * The editor's notifications. They are never shown by another way: what they say is in part what others wrote (a server's
 * words, a token's label, a name in a workspace's file), and a link in it could run any command. Modal dialogs have no links.
 */
export const notify = {
  info: async <T extends string>(text: string, ...actions: T[]): Promise<T | undefined> =>
    await window.showInformationMessage(linkless(text), ...actions),
  warn: async <T extends string>(text: string, ...actions: T[]): Promise<T | undefined> =>
    await window.showWarningMessage(linkless(text), ...actions),
  error: async <T extends string>(text: string, ...actions: T[]): Promise<T | undefined> =>
    await window.showErrorMessage(linkless(text), ...actions),
}

import { commands } from 'vscode'
import { type Disposable, DisposableStore } from '../../support/disposable.ts'

/** `target` is what a menu was opened on, from whoever calls the command: it is looked at, never believed. */
export type CommandTable = Readonly<Record<string, (target: unknown) => Promise<void> | void>>

/** Registers the commands of the palette. Each failure is told; none is swallowed and none reaches the editor raw. */
export function registerCommands(
  table: CommandTable,
  { failed, used }: { readonly failed: (thrown: unknown, what: string) => void; readonly used: () => void },
): Disposable {
  const owned = new DisposableStore()
  for (const [id, run] of Object.entries(table)) {
    const guarded = async (target: unknown) => {
      used()
      try {
        await run(target)
      } catch (thrown) {
        failed(thrown, id)
      }
    }
    owned.add(commands.registerCommand(id, guarded))
  }
  return owned
}

import { commands } from 'vscode'
import * as v from 'valibot'
import { type Disposable, DisposableStore } from '../../support/disposable.ts'

/** `target` is what a menu was opened on, from whoever calls the command: it is looked at, never believed. */
export type CommandTable = Readonly<Record<string, (target: unknown) => Promise<void> | void>>

const Manifest = v.object({ contributes: v.object({ commands: v.array(v.object({ command: v.string() })) }) })

/** The palette, as package.json lists it: a test holds that there is a function for each. */
export function commandIds(manifest: unknown): readonly string[] {
  return v.parse(Manifest, manifest).contributes.commands.map(({ command }) => command)
}

/** Registers the commands of the palette. Each failure is told; none is swallowed and none reaches the editor raw. */
export function registerCommands(
  ids: readonly string[],
  run: (id: string, target: unknown) => Promise<void> | void,
  failed: (thrown: unknown, what: string) => void,
): Disposable {
  const owned = new DisposableStore()
  for (const id of ids) {
    const guarded = async (target: unknown) => {
      try {
        await run(id, target)
      } catch (thrown) {
        failed(thrown, id)
      }
    }
    owned.add(commands.registerCommand(id, guarded))
  }
  return owned
}

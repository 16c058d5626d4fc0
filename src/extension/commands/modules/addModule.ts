import { access } from 'node:fs/promises'
import { basename } from 'node:path'
import { QuickPickItemKind, type QuickPickItem, window } from 'vscode'
import { type InstalledModule, installedModules } from '../../../keys/hsm/installPaths.ts'
import type { Configuration } from '../../configuration.ts'
import { pathHere } from '../../pathHere.ts'
import { pickOne } from '../pickOne.ts'
import { withModule } from './moduleList.ts'
import { t } from '../../../support/l10n.ts'

interface Row extends QuickPickItem {
  readonly chosen?: InstalledModule | 'browse'
}

/**
 * *Add a PKCS#11 Module…*: one that lies where its installer put it, or any file. Nothing is loaded before the person agreed to
 * load exactly that file. False: they changed their mind.
 */
export async function addModule(configuration: Configuration): Promise<boolean> {
  const path = await chooseFile(configuration)
  if (path === undefined || !(await agreed(path))) return false
  const parameters = await window.showInputBox({
    title: t('Add a PKCS#11 Module'),
    prompt: t('Library parameters, if this module wants any. Leave it empty otherwise.'),
    placeHolder: "configdir='sql:/path' (NSS)",
    ignoreFocusOut: true,
  })
  if (parameters === undefined) return false
  const entry = parameters === '' ? { path } : { path, libraryParameters: parameters }
  await configuration.write('countersign.modules', withModule(configuration.raw('countersign.modules'), entry))
  return true
}

/** Undefined: the person closed the list, or the dialog. */
async function chooseFile({ current }: Configuration): Promise<string | undefined> {
  const listed = new Set(current.modules.map(({ path }) => path))
  // Only whether a file is there is looked at.
  const found = await installedModules(process.platform, (path) =>
    access(path).then(
      () => true,
      () => false,
    ),
  )
  if (found.length === 0) return await browse()
  const rows: Row[] = [
    { label: t('Found where their installers put them'), kind: QuickPickItemKind.Separator },
    ...found.map((module) => ({
      label: `$(package) ${module.vendor}`,
      description: listed.has(module.path) ? t('added already') : '',
      detail: module.path,
      chosen: module,
    })),
    { label: '', kind: QuickPickItemKind.Separator },
    {
      label: t('$(folder-opened) Choose a File…'),
      detail: t('The native library of an HSM or a token'),
      chosen: 'browse',
    },
  ]
  const picked = await pickOne(rows, {
    title: t('Countersign: Add a PKCS#11 Module'),
    placeHolder: t('Choose a module. Nothing is loaded before you agree to it.'),
    matchOnDetail: true,
  })
  if (picked?.chosen === 'browse') return await browse()
  return picked?.chosen?.path
}

async function browse(): Promise<string | undefined> {
  const extensions = process.platform === 'win32' ? ['dll'] : process.platform === 'darwin' ? ['dylib', 'so'] : ['so']
  const files = await window.showOpenDialog({
    title: t('Add a PKCS#11 Module'),
    openLabel: t('Add Module'),
    canSelectMany: false,
    filters: { 'PKCS#11 modules': extensions, 'All files': ['*'] },
  })
  const [file] = files ?? []
  return file && pathHere(file)
}

async function agreed(path: string): Promise<boolean> {
  const detail = t`${path}\n\nA PKCS#11 module is native code. It is loaded in a process of its own, where it can do whatever you can do on this machine. Add it only if you know where it comes from.`
  const choice = await window.showWarningMessage(
    t`Load native code from "${basename(path)}"?`,
    { modal: true, detail },
    t('Add Module'),
  )
  return choice !== undefined
}

import { basename } from 'node:path'
import { window } from 'vscode'
import type { IdentitySetting, ModuleSetting } from '../../../contracts/settings.ts'
import { moduleRef } from '../../identity/refs.ts'
import { pickOne } from '../pickOne.ts'
import { isSame } from './moduleList.ts'
import type { SlotPorts } from '../slotPorts.ts'
import { t } from '../../../support/l10n.ts'
import { notify } from '../../notify.ts'

/**
 * *Remove a PKCS#11 Module…*: the one that the tree names, or one that is chosen. It leaves the settings and its process ends;
 * tokens and keys stay as they are.
 */
export async function removeModule(ports: SlotPorts, ref?: string): Promise<void> {
  const { configuration, inventory } = ports
  const { modules, identity } = configuration.current
  if (modules.length === 0) {
    void notify.info(t('Countersign: no module was added.'))
    return
  }
  const known = new Map(inventory.inventory.modules.map((listed) => [listed.ref, listed.name]))
  const rows = modules.map((module) => ({
    label: `$(package) ${module.name ?? known.get(moduleRef(module)) ?? basename(module.path)}`,
    description: holdsIdentity(module, identity) ? t('holds the key that signs') : '',
    detail: `${module.path}${module.libraryParameters === undefined ? '' : ` · ${module.libraryParameters}`}`,
    module,
  }))
  const picked =
    rows.find(({ module }) => moduleRef(module) === ref) ??
    (await pickOne(rows, {
      title: t('Countersign: Remove a PKCS#11 Module'),
      placeHolder: t('Choose the module to remove'),
      matchOnDetail: true,
    }))
  if (picked === undefined) return
  const { module } = picked
  const name = module.name ?? basename(module.path)
  const signs = holdsIdentity(module, identity)
  if (signs && !(await confirmed(name))) return
  const before = configuration.raw('countersign.modules')
  const kept = Array.isArray(before) ? before.filter((entry) => !isSame(entry, module)) : []
  await configuration.write('countersign.modules', kept)
  // What the identity names is loaded whenever it is needed, listed or not: it would come back with the next call.
  if (signs) await configuration.write('countersign.identity', 'vault')
  void notify.info(
    signs
      ? t`${name} was removed and its process ended. Its tokens and their keys are as they were. The embedded vault signs now (software).`
      : t`${name} was removed and its process ended. Its tokens and their keys are as they were.`,
  )
}

async function confirmed(name: string): Promise<boolean> {
  const detail = [
    t(
      'The key that signs your contexts is in one of its tokens. Its sessions end, and the embedded vault (software) signs from then on: another key, which gateways do not know yet.',
    ),
    t('The key itself stays in its token.'),
  ].join('\n\n')
  const choice = await window.showWarningMessage(t`Remove ${name}?`, { modal: true, detail }, t('Remove Module'))
  return choice !== undefined
}

function holdsIdentity({ path, libraryParameters }: ModuleSetting, identity: IdentitySetting): boolean {
  return identity.kind === 'pkcs11' && identity.module === path && identity.libraryParameters === libraryParameters
}

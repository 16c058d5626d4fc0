import { homedir } from 'node:os'
import { env, window } from 'vscode'
import type { SecuredServer } from '../../../contracts/securedServer.ts'
import { inert } from '../../../support/printable.ts'
import { type AgentFile, fileOf } from '../../agents/agentFiles.ts'
import { isSecuredIn, restoreSecured } from '../../agents/existingServers.ts'
import { type FileBefore, readAgentFile, writeAgentFile } from '../../agents/files/ownFile.ts'
import { checkSaved } from '../agents/agentPorts.ts'
import { reviewEdit } from '../agents/reviewEdit.ts'
import { pickOne } from '../pickOne.ts'
import { type SecurePorts, withoutGateway } from './securePorts.ts'
import { t } from '../../../support/l10n.ts'
import { notify } from '../../notify.ts'

interface Secured {
  readonly server: SecuredServer
  readonly file: AgentFile
  /** Undefined: the entry is not there any more, or was changed by hand. */
  readonly before: FileBefore | undefined
}

/** *Stop Securing Server…*: the entry is again what it was, byte for byte, and the gateway is gone. */
export async function stopSecuring(ports: SecurePorts): Promise<void> {
  const all = await Promise.all((await ports.secured.list()).map(look))
  if (all.length === 0) {
    void notify.info(t('Countersign: no server here was secured by Secure Existing Server….'))
    return
  }
  const picked = await pickOne(
    all.map((secured) => ({
      label: `$(shield) ${inert(secured.server.place.name)}`,
      description: inert(secured.file.path),
      detail: secured.before === undefined ? t('Its entry is not there any more, or was changed') : '',
      secured,
    })),
    { title: t('Countersign: Stop Securing Server'), placeHolder: t('Which server?'), matchOnDescription: true },
  )
  if (picked === undefined) return
  const { server, file, before } = picked.secured
  if (before === undefined) return await removeOnly(ports, server)
  const { name } = server.place
  checkSaved(file)
  const text = restoreSecured(file, before.text, name, server.original)
  const choice = await reviewEdit({
    title: t`Stop securing ${inert(name)}`,
    path: file.path,
    before: before.text,
    after: text,
    choices: [
      {
        choice: 'stop',
        label: t('$(check) Stop Securing'),
        detail: t('Puts the entry back as it was, and removes the gateway'),
      },
      {
        choice: 'revoke',
        label: t('$(circle-slash) Stop Securing and Revoke'),
        detail: t`And refuses the agent "${file.agent}" from now on, also by its entries elsewhere, in every window`,
      },
    ],
  })
  if (choice === undefined) return
  if (choice === 'revoke') await ports.agents.folder.revoke(file.agent)
  checkSaved(file)
  // First the entry: without its gateway an agent would have a server that never answers.
  await writeAgentFile(file.path, before, text, file.workspace)
  await removeGateway(ports, server)
  void notify.info(
    choice === 'revoke'
      ? t`"${inert(name)}" is as it was before: nothing of it is signed any more. The agent "${file.agent}" is revoked.`
      : t`"${inert(name)}" is as it was before: nothing of it is signed any more.`,
  )
}

async function look(server: SecuredServer): Promise<Secured> {
  const file = fileOf(server.place, homedir())
  const before = await readAgentFile(file.path, file.workspace).catch(() => undefined)
  const there = before !== undefined && isSecuredIn(file, before.text, server.place.name, server)
  return { server, file, before: there ? before : undefined }
}

/** There is no entry to put the old one in the place of. Nothing that is there is touched. */
async function removeOnly(ports: SecurePorts, server: SecuredServer): Promise<void> {
  const { name, path } = server.place
  const detail = t`${path} has not the entry that was written there. The file stays as it is; the gateway, its key and what was kept of the entry are removed. The entry may hold tokens: who copies it should know where it goes.`
  const remove = t('Remove')
  for (;;) {
    const pressed = await window.showWarningMessage(
      t`Remove the gateway of "${name}"?`,
      { modal: true, detail },
      remove,
      t('Copy Original Entry'),
    )
    if (pressed === undefined) return
    if (pressed === remove) break
    await env.clipboard.writeText(server.original)
  }
  await removeGateway(ports, server)
  void notify.info(t`The gateway of "${inert(name)}" is gone. ${inert(path)} is as it was.`)
}

async function removeGateway(ports: SecurePorts, { gateway }: SecuredServer): Promise<void> {
  // Its folder goes when the process that reads it is gone, and no call starts that again meanwhile.
  await ports.gateways.get(gateway)?.close({ held: true })
  await withoutGateway(ports, gateway)
  await ports.secured.remove(gateway)
}

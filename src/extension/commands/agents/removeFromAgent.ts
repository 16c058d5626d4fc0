import { type AgentFile, ownEntries, type OwnEntry, removeServer } from '../../agents/agentFiles.ts'
import { inert } from '../../../support/printable.ts'
import { readAgentFile, writeAgentFile } from '../../agents/files/ownFile.ts'
import { pickOne } from '../pickOne.ts'
import { type AgentPorts, checkSaved, knownFiles } from './agentPorts.ts'
import { reviewEdit } from './reviewEdit.ts'
import { t } from '../../../support/l10n.ts'
import { notify } from '../../notify.ts'

interface Found {
  readonly file: AgentFile
  readonly entry: OwnEntry
}

/** *Remove from Agent…*: takes one entry back that *Add to Agent…* wrote, and revokes the agent where the person says so. */
export async function removeFromAgent(ports: AgentPorts): Promise<void> {
  const all = (await Promise.all(knownFiles(ports).map(entriesIn))).flat()
  // Those have an entry to be put back: Stop Securing Server… does that.
  const secured = new Set((await ports.secured.list()).map(({ gateway }) => gateway))
  const found = all.filter(({ entry: { args } }) => !secured.has(args[args.indexOf('--gateway') + 1] ?? ''))
  if (found.length === 0) {
    void notify.info(t('Countersign: no agent here has an entry that was added by Add to Agent….'))
    return
  }
  const items = found.map(({ file, entry }) => ({
    label: inert(entry.name),
    description: inert(file.label),
    detail: inert(file.path),
    file,
    entry,
  }))
  const picked = await pickOne(items, {
    title: t('Remove from Agent'),
    placeHolder: t('Which entry?'),
    matchOnDescription: true,
  })
  if (picked === undefined) return
  const { file, entry } = picked
  checkSaved(file)
  const before = await readAgentFile(file.path, file.workspace)
  const text = removeServer(file, before.text, entry.name)
  const choice = await reviewEdit({
    title: t`Remove ${entry.name} from ${file.label}`,
    path: file.path,
    before: before.text,
    after: text,
    choices: [
      { choice: 'remove', label: t('$(check) Remove'), detail: t('Takes this entry out of the file') },
      {
        choice: 'revoke',
        label: t('$(circle-slash) Remove and Revoke'),
        detail: t`And refuses the agent "${file.agent}" from now on, also by its entries elsewhere, in every window`,
      },
    ],
  })
  if (choice === undefined) return
  // First, because it is what matters: it must not hang on a file that cannot be written.
  if (choice === 'revoke') await ports.agents.folder.revoke(file.agent)
  checkSaved(file)
  await writeAgentFile(file.path, before, text, file.workspace)
  void notify.info(
    choice === 'revoke'
      ? t`${file.label} has "${entry.name}" no more. The agent "${file.agent}" is revoked.`
      : t`${file.label} has "${entry.name}" no more.`,
  )
}

async function entriesIn(file: AgentFile): Promise<Found[]> {
  try {
    const { text } = await readAgentFile(file.path, file.workspace)
    return ownEntries(file, text).map((entry) => ({ file, entry }))
  } catch {
    // A file that cannot be read has nothing that could be taken out of it here.
    return []
  }
}

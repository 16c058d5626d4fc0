import { commands } from 'vscode'
import { type AgentFile, addServer, type ServerTarget } from '../../agents/agentFiles.ts'
import { readAgentFile, writeAgentFile } from '../../agents/files/ownFile.ts'
import { pickOne } from '../pickOne.ts'
import { type AgentPorts, checkSaved, knownFiles } from './agentPorts.ts'
import { reviewEdit } from './reviewEdit.ts'
import { t } from '../../../support/l10n.ts'
import { notify } from '../../notify.ts'

/** *Add to Agent…*: an agent outside of the editor uses a server through this editor. Nothing is written before it was shown. */
export async function addToAgent(ports: AgentPorts): Promise<void> {
  const files = knownFiles(ports)
  const target = await chooseServer(ports)
  if (target === undefined) return
  const file = await chooseFile(files, target)
  if (file === undefined) return
  checkSaved(file)
  const before = await readAgentFile(file.path, file.workspace)
  const { text, name } = addServer(file, before.text, target)
  const choice = await reviewEdit({
    title: t`Add ${target.server} to ${file.label}`,
    path: file.path,
    before: before.text,
    after: text,
    choices: [
      {
        choice: 'add',
        label: t('$(check) Add'),
        detail: t('Writes this file, and lets that agent use the session and the key of this editor'),
      },
    ],
  })
  if (choice === undefined) return
  const { folder, bridge, launcher } = ports.agents
  const allowed = folder.token(file.agent) !== undefined
  await launcher.write()
  await folder.allow(file.agent)
  try {
    await bridge.listen()
    checkSaved(file)
    await writeAgentFile(file.path, before, text, file.workspace)
  } catch (thrown) {
    // An agent that has no entry needs no token.
    if (!allowed) await folder.revoke(file.agent)
    throw thrown
  }
  void notify.info(
    file.workspace === undefined
      ? t`${file.label} has "${name}" now: it goes through a window of this editor, and signs with its key.`
      : t`${file.label} has "${name}" now: it goes through a window of this editor, and signs with its key. Whoever else uses this folder needs an editor with a gateway of that name.`,
  )
}

async function chooseServer({ configuration, secured }: AgentPorts): Promise<ServerTarget | undefined> {
  // Not the sample: an entry outlives the window that started it. Nor a secured server, whose gateway goes with its own entry.
  const servers = configuration.usable.gateways
    .filter((gateway) => !secured.has(gateway))
    .flatMap(({ name, servers }) => servers.map((server) => [name, server] as const))
  if (servers.length === 0) {
    const choice = await notify.info(
      t('No gateway is in countersign.gateways yet. Add one, then its servers can be added to agents.'),
      t('Connect to Server…'),
    )
    if (choice !== undefined) void commands.executeCommand('countersign.connect')
    return undefined
  }
  const items = servers.map(([gateway, server]) => ({
    label: server,
    description: t`through ${gateway}`,
    gateway,
    server,
  }))
  return await pickOne(items, { title: t('Add to Agent (1/3)'), placeHolder: t('Which server?') })
}

async function chooseFile(files: readonly AgentFile[], { server }: ServerTarget): Promise<AgentFile | undefined> {
  const items = files.map((file) => ({ label: file.label, description: file.path, file }))
  const picked = await pickOne(items, {
    title: t('Add to Agent (2/3)'),
    placeHolder: t`Which agent is to use ${server}?`,
    matchOnDescription: true,
  })
  return picked?.file
}

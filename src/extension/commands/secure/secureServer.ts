import { homedir } from 'node:os'
import { basename } from 'node:path'
import { commands, QuickPickItemKind, type QuickPickItem, window, workspace } from 'vscode'
import type { AgentEntry } from '../../../contracts/agentEntry.ts'
import { secureEntry } from '../../agents/existingServers.ts'
import type { AgentFile } from '../../agents/agentFiles.ts'
import { unreachable } from '../../../support/errors.ts'
import { t } from '../../../support/l10n.ts'
import { inert } from '../../../support/printable.ts'
import { planServer, type Plan } from '../../secured/plan.ts'
import { checkSaved } from '../agents/agentPorts.ts'
import { reviewEdit } from '../agents/reviewEdit.ts'
import { pickOne } from '../pickOne.ts'
import { askInputs, inputsOf } from './askInputs.ts'
import { consentText } from './consentText.ts'
import { findServers, type FoundServer, shownEntry } from './foundServers.ts'
import { putGatewayBefore } from './putGatewayBefore.ts'
import type { SecurePorts } from './securePorts.ts'
import { notify } from '../../notify.ts'

/**
 * *Secure Existing Server…*: a server of an agent's file goes through a gateway on this machine from now on. What will be run is
 * shown in full and the change to the file as a diff, and both are agreed to, before anything of it is run or written.
 */
export async function secureServer(ports: SecurePorts): Promise<void> {
  // A broken setting is said before anything is asked.
  void ports.configuration.usable
  const found = await chooseServer(ports)
  if (found === undefined) return
  const { name, file, before, state } = found
  if (state.kind === 'through') return tellThrough(found, ports)
  if (state.kind === 'refused') return void notify.error(`${inert(name)}: ${state.why}`)
  if (file.workspace !== undefined && !workspace.isTrusted) return await tellRestricted(name)
  checkSaved(file)
  const { entry } = state
  const plan = planOf(file, entry)
  const inputs = inputsOf(file, before.text, plan.inputs)
  const detail = consentText(file, plan)
  const agreed = await window.showWarningMessage(t`Secure "${name}"?`, { modal: true, detail }, t('Continue'))
  if (agreed === undefined) return
  const server = serverName(name)
  const taken = new Set(ports.configuration.current.gateways.map((gateway) => gateway.name))
  const target = { gateway: await ports.secured.freeName(server, taken), server }
  const { text, original } = secureEntry(file, before.text, name, target, entry)
  const choice = await reviewEdit({
    title: t`Secure ${inert(name)} of ${inert(file.label)}`,
    path: file.path,
    before: before.text,
    after: text,
    choices: [
      {
        choice: 'secure',
        label: t('$(shield) Secure'),
        detail: t('Makes the gateway, asks the server for its tools through it, then writes this file'),
      },
    ],
  })
  if (choice === undefined) return
  const answers = await askInputs(name, inputs)
  if (answers === undefined) return
  const tools = await putGatewayBefore(ports, { file, before, text, original, name, target, plan, answers })
  const count = tools === 1 ? '1 tool' : `${tools} tools`
  const done = t`${inert(file.label)}: "${inert(name)}" (${count}) goes through Countersign now. Every context is signed. Stop Securing Server… takes it back.`
  void notify.info(done, t('Open Panel')).then((pressed) => {
    if (pressed !== undefined) void commands.executeCommand('countersign.openPanel')
  })
}

function planOf(file: AgentFile, entry: AgentEntry): Plan {
  const path = file.workspace ?? file.within?.at(-1)
  const folder = workspace.workspaceFolders?.find(({ uri }) => uri.fsPath === path)
  return planServer(entry, {
    syntax: file.syntax,
    home: homedir(),
    workspace: path === undefined ? undefined : { name: folder?.name ?? basename(path), path },
    environment: process.env,
  })
}

interface Row extends QuickPickItem {
  readonly found?: FoundServer
}

async function chooseServer(ports: SecurePorts): Promise<FoundServer | undefined> {
  const { servers, problems } = await findServers(ports)
  if (servers.length === 0) {
    const none = t(
      'Countersign: no MCP server stands in a file of an agent here (.vscode/mcp.json, .mcp.json, and those of VS Code, Claude Code, Cursor, Codex and Claude Desktop).',
    )
    void notify.info(problems.length === 0 ? none : t`${none} Not read: ${problems.join(' ')}`)
    return undefined
  }
  const rows: Row[] = servers.map((found) => ({ ...rowOf(found), found }))
  const unread: Row[] = problems.map((problem) => ({ label: t('$(warning) Not read'), detail: inert(problem) }))
  const separator: Row[] = unread.length === 0 ? [] : [{ label: '', kind: QuickPickItemKind.Separator }]
  const picked = await pickOne([...rows, ...separator, ...unread], {
    title: t('Countersign: Secure Existing Server'),
    placeHolder: t('Which server? It is shown what will be run before anything is'),
    matchOnDescription: true,
    matchOnDetail: true,
  })
  return picked?.found
}

function rowOf({ name, file, state }: FoundServer): QuickPickItem {
  const row = (icon: string, detail: string) => ({
    label: `$(${icon}) ${inert(name)}`,
    description: inert(file.label),
    detail,
  })
  switch (state.kind) {
    case 'open':
      return row('plug', inert(shownEntry(state.entry)))
    case 'through':
      return row('countersign-ready', t('Goes through Countersign already'))
    case 'refused':
      return row('circle-slash', state.why)
    default:
      return unreachable(state)
  }
}

function tellThrough({ name, state }: FoundServer, { secured, configuration }: SecurePorts): void {
  const gateway = state.kind === 'through' ? state.gateway : undefined
  const setting = configuration.current.gateways.find((each) => each.name === gateway)
  const back = setting !== undefined && secured.has(setting) ? t('Stop Securing Server…') : undefined
  const sentence = t`"${inert(name)}" goes through Countersign already.`
  if (back === undefined) return void notify.info(sentence)
  void notify.info(sentence, back).then((pressed) => {
    if (pressed !== undefined) void commands.executeCommand('countersign.stopSecuring')
  })
}

async function tellRestricted(name: string): Promise<void> {
  const sentence = t`"${inert(name)}" stands in a file of a folder that you do not trust, and securing it runs what that file says. Trust the folder first.`
  const pressed = await notify.warn(sentence, t('Manage Workspace Trust'))
  if (pressed !== undefined) await commands.executeCommand('workbench.trust.manage')
}

/** As settings and gateways take a name. The agent goes on using its own. */
function serverName(name: string): string {
  const plain = name.replace(/[^A-Za-z0-9._-]+/g, '-').replace(/^[^A-Za-z0-9]+/, '')
  return plain.slice(0, 48) || 'server'
}

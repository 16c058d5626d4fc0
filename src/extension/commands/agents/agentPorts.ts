import { homedir } from 'node:os'
import { workspace } from 'vscode'
import type { AgentFolder } from '../../../mcp/bridge/agentFolder.ts'
import { CountersignError } from '../../../support/errors.ts'
import { said } from '../../../support/l10n.ts'
import type { AgentBridge } from '../../agents/agentBridge.ts'
import { type AgentFile, agentFiles } from '../../agents/agentFiles.ts'
import type { Launcher } from '../../agents/launcher.ts'
import type { Configuration } from '../../configuration.ts'
import type { SecuredServers } from '../../secured/securedServers.ts'

export interface AgentPorts {
  readonly configuration: Configuration
  readonly secured: SecuredServers
  readonly agents: {
    readonly folder: AgentFolder
    readonly bridge: AgentBridge
    readonly launcher: Launcher
    /** The folder of this editor's user files, where it is on this machine. */
    readonly editorUser: string | undefined
  }
}

/** The files of all agents, those of the open workspace folders first. @throws CountersignError `config-invalid` on Windows */
export function knownFiles({ agents: { editorUser } }: AgentPorts): AgentFile[] {
  const { platform } = process
  if (platform === 'win32') {
    const sentence = said('On Windows agents cannot use the editor yet. Use "countersign connect --config FILE" there.')
    throw new CountersignError('config-invalid', sentence)
  }
  const folders = (workspace.workspaceFolders ?? []).filter(({ uri }) => uri.scheme === 'file')
  return agentFiles({
    home: homedir(),
    configHome: process.env['XDG_CONFIG_HOME'] || undefined,
    platform,
    workspaces: folders.map(({ name, uri }) => ({ name, path: uri.fsPath })),
    editorUser,
  })
}

/** @throws CountersignError `config-invalid` for a file with changes that only the editor has */
export function checkSaved({ path }: AgentFile): void {
  const open = workspace.textDocuments.find(
    ({ uri, isDirty }) => isDirty && uri.scheme === 'file' && uri.fsPath === path,
  )
  if (open !== undefined)
    throw new CountersignError('config-invalid', said`${path} has unsaved changes. Save it, then try again.`)
}

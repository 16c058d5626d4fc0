import { homedir } from 'node:os'
import { workspace } from 'vscode'
import type { AgentEntry } from '../../../contracts/agentEntry.ts'
import { toCountersignError } from '../../../support/errors.ts'
import { t } from '../../../support/l10n.ts'
import { printableJson } from '../../../support/printable.ts'
import { type AgentFile, claudeProjects } from '../../agents/agentFiles.ts'
import { type ExistingServer, existingServers } from '../../agents/existingServers.ts'
import { type FileBefore, readAgentFile } from '../../agents/files/ownFile.ts'
import { type AgentPorts, knownFiles } from '../agents/agentPorts.ts'

export interface FoundServer extends ExistingServer {
  readonly file: AgentFile
  /** The file as it was read: what is shown, run and written is about these bytes. */
  readonly before: FileBefore
}

export interface Found {
  readonly servers: readonly FoundServer[]
  /** Files that could not be read, one sentence each. */
  readonly problems: readonly string[]
}

/** Every server that stands in a file of an agent, those of the open workspace folders first. Nothing is run. */
export async function findServers(ports: AgentPorts): Promise<Found> {
  const workspaces = (workspace.workspaceFolders ?? [])
    .filter(({ uri }) => uri.scheme === 'file')
    .map(({ name, uri }) => ({ name, path: uri.fsPath }))
  const files = [...knownFiles(ports), ...claudeProjects({ home: homedir(), workspaces })]
  const read = await Promise.all(files.map(serversOf))
  return {
    servers: read.flatMap((each) => (typeof each === 'string' ? [] : each)),
    problems: read.filter((each) => typeof each === 'string'),
  }
}

async function serversOf(file: AgentFile): Promise<FoundServer[] | string> {
  try {
    const before = await readAgentFile(file.path, file.workspace)
    return existingServers(file, before.text).map((server) => ({ ...server, file, before }))
  } catch (thrown) {
    return `${file.path}: ${t(toCountersignError(thrown).sentence)}`
  }
}

/** What an entry starts or calls, on one line, with each character as it is. */
export function shownEntry(entry: AgentEntry): string {
  return 'command' in entry ? [entry.command, ...entry.args].map(printableJson).join(' ') : printableJson(entry.url)
}

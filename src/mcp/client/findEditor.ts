import { rm, stat } from 'node:fs/promises'
import { CountersignError } from '../../support/errors.ts'
import type { AgentFolder } from '../bridge/agentFolder.ts'
import { EditorTunnel, REVOKED } from './editorTunnel.ts'

export interface Wanted {
  readonly agent: string
  readonly server: string
  /** Needed where two gateways of the editor have a server of this name. */
  readonly gateway?: string
}

/** A socket has its name a moment before it takes connections: only one that is older has been left behind. */
const SETTLED = 10_000

/**
 * The newest window of a running editor that has the server and takes the agent's token. Sockets that nobody listens at are
 * removed on the way: their window crashed.
 * @throws CountersignError `unauthorized`, `editor-missing`, `server-unknown`, `file-permissions`
 */
export async function findEditor(folder: AgentFolder, wanted: Wanted): Promise<EditorTunnel> {
  const { agent, server, gateway } = wanted
  const token = folder.token(agent)
  if (token === undefined) throw new CountersignError('unauthorized', REVOKED)
  let living = false
  for (const socket of await folder.windows()) {
    const tunnel = new EditorTunnel(gateway === undefined ? { socket, token } : { socket, token, gateway })
    const said = await tunnel.probe(server)
    if (said === 'has') return tunnel
    tunnel.close()
    if (said === 'refused') throw new CountersignError('unauthorized', REVOKED)
    if (said === 'gone') await removeStale(socket)
    else if (said === 'has-not') living = true
  }
  if (living) {
    const named = gateway === undefined ? server : `${server} behind ${gateway}`
    const sentence = `No window of the editor has the server ${named}, or several of its gateways have one of that name. See its setting countersign.gateways.`
    throw new CountersignError('server-unknown', sentence)
  }
  throw new CountersignError('editor-missing', 'No window of an editor with Countersign is open. Nothing was sent.')
}

async function removeStale(socket: string): Promise<void> {
  const found = await stat(socket).catch(() => undefined)
  if (found !== undefined && Date.now() - found.mtimeMs > SETTLED) await rm(socket, { force: true })
}

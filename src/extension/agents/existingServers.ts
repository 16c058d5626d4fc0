import { type AgentEntry, parseAgentEntry } from '../../contracts/agentEntry.ts'
import { toCountersignError } from '../../support/errors.ts'
import { t } from '../../support/l10n.ts'
import { type AgentFile, ownEntries, placeIn, type ServerTarget, shimEntry } from './agentFiles.ts'
import { replaceEntry, restoreEntry, strictEntries, type Swapped } from './files/jsonSwap.ts'
import { replaceTable, restoreTable, strictTables } from './files/tomlSwap.ts'

/** A server that stands in an agent's file, and what can be done with it. */
export interface ExistingServer {
  readonly name: string
  readonly state:
    | { readonly kind: 'open'; readonly entry: AgentEntry }
    /** It goes through Countersign: `gateway` where it is an entry of ours. */
    | { readonly kind: 'through'; readonly gateway: string | undefined }
    /** Why it cannot be secured. */
    | { readonly kind: 'refused'; readonly why: string }
}

/**
 * The servers of a file, in its order.
 * @throws CountersignError `config-invalid` for a file that cannot be read as its agent reads it
 */
export function existingServers(file: AgentFile, text: string): ExistingServer[] {
  const { format, container } = file
  const entries =
    format.kind === 'toml' ? strictTables(text, container) : strictEntries(text, placeIn(file, format.dialect, ''))
  const own = new Map(ownEntries(file, text).map(({ name, args }) => [name, args[args.indexOf('--gateway') + 1]]))
  return Array.from(entries, ([name, value]) => {
    try {
      const entry = parseAgentEntry(file.agent, value)
      const ours = own.has(name)
      if (!ours && !startsUs(entry)) return { name, state: { kind: 'open', entry } }
      // What others wrote must not earn a green mark by how its command is called, nor with variables beside ours.
      if (file.workspace !== undefined && !(ours && isBare(entry)))
        return { name, state: { kind: 'refused', why: NOT_OURS } }
      return { name, state: { kind: 'through', gateway: own.get(name) } }
    } catch (thrown) {
      return { name, state: { kind: 'refused', why: t(toCountersignError(thrown).sentence) } }
    }
  })
}

/**
 * The text with an entry that starts the shim in place of the one that is there.
 * @throws CountersignError `config-invalid`
 */
export function secureEntry(
  file: AgentFile,
  text: string,
  name: string,
  target: ServerTarget,
  entry: AgentEntry,
): Swapped {
  const shim = shimEntry(file, target, entry.kept)
  if (file.format.kind === 'toml') return replaceTable(text, file.container, name, shim)
  return replaceEntry(text, placeIn(file, file.format.dialect, name), { ...file.extra, ...shim })
}

/** Whether the file has the entry of `secureEntry` for this gateway. */
export function isSecuredIn(file: AgentFile, text: string, name: string, { gateway, server }: ServerTarget): boolean {
  const { args } = shimEntry(file, { gateway, server })
  return ownEntries(file, text).some(
    (entry) => entry.name === name && JSON.stringify(entry.args) === JSON.stringify(args),
  )
}

/** The reverse of `secureEntry`. @throws CountersignError `config-invalid` */
export function restoreSecured(file: AgentFile, text: string, name: string, original: string): string {
  if (file.format.kind === 'toml') return restoreTable(text, file.container, name, original)
  return restoreEntry(text, placeIn(file, file.format.dialect, name), original)
}

/** Nothing beside command and arguments. */
function isBare(entry: AgentEntry): boolean {
  return 'command' in entry && Object.keys(entry.env).length === 0 && entry.cwd === undefined
}

/** `countersign connect`, started in another way than ours: by hand, or from a clone. */
function startsUs(entry: AgentEntry): boolean {
  if (!('command' in entry)) return false
  const words = [entry.command, ...entry.args]
  const at = words.indexOf('connect')
  return at > 0 && /(?:^|\/)(?:countersign|dist\/cli\.js)$/.test(words[at - 1] ?? '')
}

const NOT_OURS = t(
  'Its command looks like Countersign, and is not written as this editor writes it. Look at it in the file before an agent runs it.',
)

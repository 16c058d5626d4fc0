import { readFile } from 'node:fs/promises'
import path from 'node:path'
import { demand } from './report.ts'

/** A real agent's way to call a tool: the text of the result. Rejects when the tool says that it is an error. */
export type Call = (server: string, tool: string, args: Readonly<Record<string, unknown>>) => Promise<string>

/** Where the servers leave what they did. */
export interface Places {
  readonly files: string
  readonly memory: string
}

/** What makes each server do its work, and shows that it was done: by its own answer and, where there is one, on disk. */
export const EFFECTS: Readonly<Record<string, (call: Call, who: string, places: Places) => Promise<void>>> = {
  files: async (call, who, { files }) => {
    const file = path.join(files, `${who}.txt`)
    const content = `written by ${who}: ü, 日本, "quoted"\r\nand a last line without an end`
    await call('files', 'write_file', { path: file, content })
    const written = await readFile(file, 'utf8')
    demand(written === content, `the file holds ${JSON.stringify(written)}`)
    const read = await call('files', 'read_text_file', { path: file })
    demand(read === content, `read as ${JSON.stringify(read)}`)
  },

  memory: async (call, who, { memory }) => {
    const entity = { name: `entity of ${who}`, entityType: 'check', observations: ['stored through Countersign'] }
    await call('memory', 'create_entities', { entities: [entity] })
    const stored = await readFile(memory, 'utf8')
    demand(stored.includes(JSON.stringify(entity.name)), `the memory's file holds ${stored}`)
    const graph = await call('memory', 'search_nodes', { query: entity.name })
    demand(graph.includes(entity.name) && graph.includes('stored through Countersign'), `the memory answered ${graph}`)
  },

  thinking: async (call, who) => {
    const thought = { thought: `${who} thinks`, thoughtNumber: 1, totalThoughts: 2, nextThoughtNeeded: true }
    const answer = await call('thinking', 'sequentialthinking', thought)
    const { totalThoughts, nextThoughtNeeded }: Partial<typeof thought> = JSON.parse(answer)
    demand(totalThoughts === 2 && nextThoughtNeeded === true, `the thought was answered with ${answer}`)
  },
}

export async function echo(call: Call, server: string, who: string): Promise<void> {
  const answer = await call(server, 'echo', { message: `${who} says ü` })
  demand(answer.includes(`${who} says ü`), `echo answered ${answer}`)
}

/** The text of a tool's result. @throws Error where the tool failed, or the answer is an error of ours */
export function textOfResult(result: ToolResult): string {
  const text = (result.content ?? []).map((part) => part.text ?? '').join('')
  if (result.isError === true) throw new Error(`the tool failed: ${text}`)
  return text
}

export interface ToolResult {
  readonly content?: readonly { readonly text?: string }[]
  readonly isError?: boolean
}

import { window } from 'vscode'
import { type AgentInput, parseAgentInput } from '../../../contracts/agentInput.ts'
import { inert } from '../../../support/printable.ts'
import type { AgentFile } from '../../agents/agentFiles.ts'
import { strictMember } from '../../agents/files/jsonSwap.ts'
import { pickOne } from '../pickOne.ts'

/** @throws CountersignError `config-invalid` for an input that only VS Code itself can compute */
export function inputsOf({ format }: AgentFile, text: string, ids: readonly string[]): readonly AgentInput[] {
  if (ids.length === 0 || format.kind !== 'json') return []
  const declared = strictMember(text, 'inputs', format.dialect)
  return ids.map((id) => parseAgentInput(declared, id))
}

/** Asks for each, as VS Code does when it starts the server. Undefined: the person changed their mind. */
export async function askInputs(
  server: string,
  inputs: readonly AgentInput[],
): Promise<ReadonlyMap<string, string> | undefined> {
  const answers = new Map<string, string>()
  for (const [index, input] of inputs.entries()) {
    const answer = await ask(`${inert(server)}: ${inert(input.id)} (${index + 1}/${inputs.length})`, input)
    if (answer === undefined) return undefined
    answers.set(input.id, answer)
  }
  return answers
}

async function ask(
  title: string,
  { description, options, initial, password }: AgentInput,
): Promise<string | undefined> {
  if (options === undefined) {
    return await window.showInputBox({
      title,
      prompt: inert(description),
      password,
      ignoreFocusOut: true,
      ...(initial !== undefined && { value: initial }),
    })
  }
  const items = options.map((value) => ({
    label: inert(value),
    description: value === initial ? 'default' : '',
    value,
  }))
  return (await pickOne(items, { title, placeHolder: inert(description) }))?.value
}

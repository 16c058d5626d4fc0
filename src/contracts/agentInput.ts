import * as v from 'valibot'
import { CountersignError } from '../support/errors.ts'
import { said } from '../support/l10n.ts'
import { inert } from '../support/printable.ts'

/** What VS Code asks a person for where an entry says `${input:ID}`. */
export interface AgentInput {
  readonly id: string
  readonly description: string
  /** Undefined: anything can be typed. */
  readonly options: readonly string[] | undefined
  readonly initial: string | undefined
  readonly password: boolean
}

const short = v.pipe(v.string(), v.maxLength(1000))
const common = { id: short, description: v.optional(short, ''), default: v.exactOptional(short) }
const promptString = v.strictObject({
  ...common,
  type: v.literal('promptString'),
  password: v.optional(v.boolean(), false),
})
const option = v.union([
  short,
  v.pipe(
    v.strictObject({ label: short, value: short }),
    v.transform(({ value }) => value),
  ),
])
const pickString = v.strictObject({
  ...common,
  type: v.literal('pickString'),
  options: v.pipe(v.array(option), v.minLength(1), v.maxLength(1000)),
})
const input = v.variant('type', [promptString, pickString])

/**
 * Finds an input among the `inputs` of a file.
 * @throws CountersignError `config-invalid` where it is not there once, or is computed by a command of the editor
 */
export function parseAgentInput(inputs: unknown, id: string): AgentInput {
  const named = Array.isArray(inputs) ? inputs.filter((each) => v.is(v.looseObject({ id: v.literal(id) }), each)) : []
  const read = v.safeParse(input, named[0])
  if (named.length !== 1 || !read.success) {
    const sentence = said`This entry cannot be secured: it asks for the input "${inert(id.slice(0, 200))}", which is not among the "inputs" of its file as a text to enter or to choose. Nothing was changed.`
    throw new CountersignError('config-invalid', sentence)
  }
  const { output } = read
  return {
    id: output.id,
    description: output.description,
    options: output.type === 'pickString' ? output.options : undefined,
    initial: output.default,
    password: output.type === 'promptString' && output.password,
  }
}

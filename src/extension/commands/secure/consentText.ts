import type { ConfigText } from '../../../contracts/gatewayConfig.ts'
import type { Template } from '../../../contracts/template.ts'
import { INHERITED } from '../../../mcp/upstream/config.ts'
import { CountersignError } from '../../../support/errors.ts'
import { said, t } from '../../../support/l10n.ts'
import { printableJson } from '../../../support/printable.ts'
import type { AgentFile } from '../../agents/agentFiles.ts'
import type { Plan } from '../../secured/plan.ts'

/** Of what a person can be expected to read before they agree. */
const LONGEST = 6000

/**
 * What a person agrees to: everything that will be run, each character as it is, and what becomes of secrets.
 * @throws CountersignError `config-invalid` for more than anybody would read: what is not read was not agreed to
 */
export function consentText(file: AgentFile, { upstream, values, variables, inputs }: Plan): string {
  const shown = (text: ConfigText): string =>
    typeof text === 'string' ? printableJson(text) : templateText(values[text.fromEnv] ?? [])
  const what =
    'command' in upstream
      ? [
          t('This command is run on this machine whenever an agent uses the server:'),
          [printableJson(upstream.command), ...upstream.args.map(shown)].join(' '),
          t`in the folder ${printableJson(upstream.cwd)}`,
          ...environment(members(upstream.env, '=', shown)),
        ]
      : [
          t('Requests are sent to this address:'),
          shown(upstream.url),
          ...headers(members(upstream.headers, ': ', shown)),
        ]
  const parts = [
    what.join('\n'),
    ...(file.workspace === undefined
      ? []
      : [t`It stands in a file of the workspace, which others may have written:\n${printableJson(file.path)}`]),
    ...secrets(variables, inputs),
    t(
      'A gateway with a key of its own (custody: software) is put in front of it. It runs while a window of this editor needs it, and the agent can use the server only while a window is open. Stop Securing Server… takes everything back; the entry is kept for that in the storage of this editor (mode 0600).',
    ),
  ]
  const text = parts.join('\n\n')
  if (text.length <= LONGEST) return text
  const sentence = said(
    'This entry cannot be secured: it is too long to be shown in full before it is run. Nothing was changed.',
  )
  throw new CountersignError('config-invalid', sentence)
}

function secrets(variables: readonly string[], inputs: readonly string[]): string[] {
  const read =
    variables.length === 0
      ? []
      : [t`Read from this editor's environment at each start, and kept in no file: ${variables.join(', ')}`]
  const asked =
    inputs.length === 0
      ? []
      : [
          t`You are asked for these now. They are kept in the secret store of this editor, in no file: ${inputs.map(printableJson).join(', ')}`,
        ]
  return [...read, ...asked]
}

function members(
  texts: Readonly<Record<string, ConfigText>>,
  between: string,
  shown: (text: ConfigText) => string,
): string[] {
  return Object.entries(texts).map(([name, text]) => `${name}${between}${shown(text)}`)
}

function environment(own: readonly string[]): string[] {
  const inherited = INHERITED.join(', ')
  return own.length === 0
    ? [t`with ${inherited} of your environment`]
    : [t`with ${inherited} of your environment, and`, ...own]
}

function headers(lines: readonly string[]): string[] {
  return lines.length === 0 ? [] : [t('with these headers:'), ...lines]
}

/** A text with the names of what is put into it. What is literal is quoted, so that it cannot pass for a name. */
function templateText(template: Template): string {
  return template
    .map((piece) =>
      typeof piece === 'string'
        ? printableJson(piece)
        : 'input' in piece
          ? `<${t`input ${printableJson(piece.input)}`}>`
          : piece.fallback === undefined
            ? `<${t`variable ${piece.env}`}>`
            : `<${t`variable ${piece.env}, or ${printableJson(piece.fallback)}`}>`,
    )
    .join('')
}

import type { Template } from '../../contracts/template.ts'
import { CountersignError } from '../../support/errors.ts'
import { said, type Sentence } from '../../support/l10n.ts'

/**
 * The text of a template as it is now.
 * @throws CountersignError `config-invalid` naming the variable or input that there is no value for
 */
export function filled(
  template: Template,
  server: string,
  environment: NodeJS.ProcessEnv,
  inputs: ReadonlyMap<string, string>,
): string {
  return template
    .map((piece) => {
      if (typeof piece === 'string') return piece
      if ('input' in piece) {
        const value = inputs.get(piece.input)
        if (value !== undefined) return value
        throw missing(
          said`The server ${server} needs the input ${piece.input}, which the secret store of this editor has lost. Use Stop Securing Server…, then secure it again.`,
        )
      }
      const value = environment[piece.env] ?? piece.fallback
      if (value !== undefined) return value
      throw missing(
        said`The server ${server} needs the variable ${piece.env}, which is not in this editor's environment. Start the editor where it is set.`,
      )
    })
    .join('')
}

function missing(sentence: Sentence): CountersignError {
  return new CountersignError('config-invalid', said`${sentence} Nothing was started.`)
}

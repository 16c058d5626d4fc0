import * as v from 'valibot'
import { CountersignError } from '../support/errors.ts'
import { said, type Sentence } from '../support/l10n.ts'
import { inert } from '../support/printable.ts'

/** A part of a text: itself, or what is known only when a server is started. */
export type Piece = string | { readonly env: string; readonly fallback?: string } | { readonly input: string }

/** A text of an agent's entry. Two literal parts never follow each other, and none is empty. */
export type Template = readonly Piece[]

/** How an agent marks what is to be replaced in a text; `none`: not at all. */
export type Syntax = 'vscode' | 'cursor' | 'claude-code' | 'none'

/** What is known when the entry is read, and the same in every window. */
export interface Surroundings {
  readonly home: string
  /** The workspace folder that the file belongs to; undefined: it is a user's file, which all folders share. */
  readonly workspace: { readonly name: string; readonly path: string } | undefined
}

const NAME = /^[A-Za-z_][A-Za-z0-9_]*$/

/** Schema of a template in a file of ours. */
export const template = v.array(
  v.union([
    v.pipe(v.string(), v.nonEmpty(), v.maxLength(32_768)),
    v.strictObject({ env: v.pipe(v.string(), v.regex(NAME)), fallback: v.exactOptional(v.string()) }),
    v.strictObject({ input: v.pipe(v.string(), v.nonEmpty(), v.maxLength(1000)) }),
  ]),
)

/**
 * Reads a text in the syntax of its agent. Folders are replaced at once; variables and inputs stay, because their values change or
 * are secret.
 * @throws CountersignError `config-invalid` for what means something else in each window, or nothing that is known
 */
export function parseTemplate(text: string, syntax: Syntax, surroundings: Surroundings): Template {
  if (syntax === 'none') return joined([text])
  const pieces: Piece[] = []
  let at = 0
  for (const match of text.matchAll(/\$\{([^}]*)\}/g)) {
    const [whole, name = ''] = match
    pieces.push(text.slice(at, match.index), replaced(whole, name, syntax, surroundings))
    at = match.index + whole.length
  }
  return joined([...pieces, text.slice(at)])
}

/** The text, if nothing in it is left to be replaced. */
export function literal(template: Template): string | undefined {
  const [piece = '', ...rest] = template
  return rest.length === 0 && typeof piece === 'string' ? piece : undefined
}

function replaced(whole: string, name: string, syntax: Exclude<Syntax, 'none'>, around: Surroundings): Piece {
  if (syntax === 'claude-code') {
    const [, variable = '', fallback] = /^([A-Za-z_][A-Za-z0-9_]*)(?::-(.*))?$/s.exec(name) ?? []
    if (variable === '') throw unknown(whole)
    // The folder that Claude Code was started in, which for a file of a project is the project's.
    if (variable === 'PWD') return folderOf(whole, around).path
    return environment(variable, around, fallback)
  }
  const [kind, argument] = split(name)
  switch (kind) {
    case 'userHome':
      return around.home
    case 'pathSeparator':
    case '/':
      return '/'
    case 'workspaceFolder':
      if (argument !== undefined && argument !== folderOf(whole, around).name) throw unknown(whole)
      return folderOf(whole, around).path
    case 'workspaceFolderBasename':
      return folderOf(whole, around).path.split('/').at(-1) ?? ''
    case 'env':
      if (argument === undefined || !NAME.test(argument)) throw unknown(whole)
      return environment(argument, around)
    case 'input':
      if (argument === undefined || argument === '' || syntax !== 'vscode') throw unknown(whole)
      return { input: argument }
    default:
      throw unknown(whole)
  }
}

function environment(env: string, { home }: Surroundings, fallback?: string): Piece {
  // Known now, and commands may be named by it.
  if (env === 'HOME') return home
  return fallback === undefined ? { env } : { env, fallback }
}

function folderOf(whole: string, { workspace }: Surroundings) {
  if (workspace !== undefined) return workspace
  throw refused(whole, said('in a file that all your folders share, where it means another folder in each window'))
}

function split(name: string): readonly [string, string?] {
  const colon = name.indexOf(':')
  return colon < 0 ? [name] : [name.slice(0, colon), name.slice(colon + 1)]
}

function joined(pieces: readonly Piece[]): Template {
  const whole: Piece[] = []
  for (const piece of pieces) {
    const last = whole.at(-1)
    if (typeof piece === 'string' && typeof last === 'string') whole[whole.length - 1] = last + piece
    else if (piece !== '') whole.push(piece)
  }
  return whole
}

function unknown(whole: string): CountersignError {
  return refused(whole, said('which only its agent can replace'))
}

function refused(whole: string, why: Sentence): CountersignError {
  const sentence = said`This entry cannot be secured: it has ${inert(whole.slice(0, 200))}, ${why}. Nothing was changed.`
  return new CountersignError('config-invalid', sentence)
}

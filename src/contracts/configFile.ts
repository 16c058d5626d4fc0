import { readFile } from 'node:fs/promises'
import { parse, printParseErrorCode, type ParseError } from 'jsonc-parser'
import * as v from 'valibot'
import { CountersignError } from '../support/errors.ts'

/** Configuration files are small; a larger one is a mistake (a log, an image), said so before it is parsed. */
const LARGEST = 1024 * 1024
/** Of what a message repeats: names and values come from the file, and may be as long as the file. */
const LONGEST_PART = 200

/**
 * Reads a JSONC file and checks it against a schema.
 * @throws CountersignError `file-unreadable`, or `config-invalid` naming the file and the member that is wrong
 */
export async function readConfig<S extends v.GenericSchema>(file: string, schema: S): Promise<v.InferOutput<S>> {
  let text: string
  try {
    text = await readFile(file, 'utf8')
  } catch (cause) {
    throw new CountersignError(
      'file-unreadable',
      `The configuration ${file} cannot be read. Check its path and its permissions.`,
      { cause },
    )
  }
  return parseConfig(text, schema, file)
}

/**
 * Reads JSONC and checks it against a schema.
 * @param file for the message
 * @throws CountersignError `config-invalid` naming the file and the line or the member that is wrong
 */
export function parseConfig<S extends v.GenericSchema>(text: string, schema: S, file: string): v.InferOutput<S> {
  if (text.length > LARGEST)
    throw new CountersignError('config-invalid', `${file} is larger than 1 MiB: it is no configuration of Countersign.`)
  const errors: ParseError[] = []
  const value: unknown = parse(text, errors, { allowTrailingComma: true })
  const first = errors[0]
  if (first !== undefined) {
    const line = text.slice(0, first.offset).split('\n').length
    throw new CountersignError(
      'config-invalid',
      `${file}, line ${line}: ${printParseErrorCode(first.error)}. Mend it and start again.`,
    )
  }
  return checkConfig(value, schema, file)
}

/** The value, once it fits the schema; otherwise `config-invalid` with the path of the first member that does not. */
export function checkConfig<S extends v.GenericSchema>(value: unknown, schema: S, where: string): v.InferOutput<S> {
  const result = v.safeParse(schema, value)
  if (result.success) return result.output
  const issue = result.issues[0]
  const path = (v.getDotPath(issue) ?? '').slice(0, LONGEST_PART)
  throw new CountersignError(
    'config-invalid',
    `${where}${path === '' ? '' : `, "${path}"`}: ${issue.message.slice(0, LONGEST_PART)}`,
  )
}

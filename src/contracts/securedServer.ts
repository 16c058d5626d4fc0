import * as v from 'valibot'
import { CountersignError } from '../support/errors.ts'
import { said } from '../support/l10n.ts'
import { AGENTS, type Agent } from './agentEntry.ts'
import { type Template, template } from './template.ts'

/** What is kept of a server that was secured: all that it takes to start it, and to put its entry back. */
export interface SecuredServer {
  /** Of the gateway in `countersign.gateways`. */
  readonly gateway: string
  readonly server: string
  /** Where the entry is. */
  readonly place: EntryPlace
  /** The entry as it was, byte for byte. */
  readonly original: string
  /** Variables that the gateway is started with, and what is in them. */
  readonly values: Readonly<Record<string, Template>>
}

export interface EntryPlace {
  readonly agent: Agent
  readonly path: string
  /** The workspace folder that the file lies in. */
  readonly workspace?: string
  /** Members that lead to the one that holds all servers. */
  readonly within?: readonly string[]
  readonly name: string
}

const LARGEST = 1024 * 1024
const text = v.pipe(v.string(), v.nonEmpty(), v.maxLength(4096))
const name = v.pipe(v.string(), v.regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/))
const record = v.strictObject({
  v: v.literal(1),
  gateway: name,
  server: name,
  place: v.strictObject({
    agent: v.picklist(AGENTS),
    path: text,
    workspace: v.exactOptional(text),
    within: v.exactOptional(v.pipe(v.array(text), v.minLength(1), v.maxLength(4))),
    name: v.pipe(v.string(), v.maxLength(4096)),
  }),
  original: v.pipe(v.string(), v.nonEmpty()),
  values: v.record(v.pipe(v.string(), v.regex(/^COUNTERSIGN_VALUE_[0-9]{1,4}$/)), template),
})

export function encodeSecuredServer({ gateway, server, place, original, values }: SecuredServer): string {
  return `${JSON.stringify({ v: 1, gateway, server, place, original, values }, undefined, 2)}\n`
}

/** @throws CountersignError `file-unreadable` */
export function parseSecuredServer(text: string, path: string): SecuredServer {
  const result = v.safeParse(record, text.length > LARGEST ? undefined : jsonOrNothing(text))
  if (!result.success)
    throw new CountersignError(
      'file-unreadable',
      said`${path} is not what Countersign wrote there. Look at it by hand.`,
    )
  const { v: _, ...secured } = result.output
  return secured
}

function jsonOrNothing(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

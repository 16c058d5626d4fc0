import * as v from 'valibot'
import type { SuiteName } from '../crypto/suite.ts'
import { type JournalSettings, parseJournalSettings } from './journalSettings.ts'
import { type ModuleOverrides, moduleOverrides } from './moduleOverrides.ts'
import { t } from '../support/l10n.ts'

/**
 * What `countersign.*` settings mean. A bad entry is named and left out of use; it is never guessed at: a typing error in
 * `identity` must not make the vault sign where an HSM was asked for.
 */
const SUITE_NAMES = [
  'MLKEM1024_X25519_MLDSA87_AES256GCM_SHA384',
  'MLKEM1024_P384_MLDSA87_AES256GCM_SHA384',
  'MLKEM768_X25519_MLDSA65_AES256GCM_SHA384',
] as const satisfies readonly SuiteName[]

export type Route =
  | { readonly kind: 'websocket'; readonly url: string }
  | { readonly kind: 'command'; readonly command: string; readonly args: readonly string[] }

export interface GatewaySetting {
  readonly name: string
  readonly route: Route
  /** A kid, or `first-use`: ask the person, then remember. */
  readonly pin: string
  readonly servers: readonly string[]
}

export interface ModuleSetting extends ModuleOverrides {
  readonly path: string
  readonly libraryParameters?: string
  readonly name?: string
}

export type IdentitySetting =
  | { readonly kind: 'vault' }
  | {
      readonly kind: 'pkcs11'
      readonly module: string
      readonly libraryParameters?: string
      readonly where: { readonly slot: number } | { readonly token: string }
      readonly label: string
    }

export interface Settings {
  readonly gateways: readonly GatewaySetting[]
  readonly modules: readonly ModuleSetting[]
  readonly identity: IdentitySetting
  /** Minutes without a signature and without a command, after which tokens are locked; 0: never. */
  readonly autoLock: number
  readonly clientName: string
  readonly journal: JournalSettings
  readonly suites: readonly SuiteName[]
  /** Everything that could not be used, one sentence each. */
  readonly problems: readonly SettingProblem[]
}

export interface SettingProblem {
  /** Full name of the setting, for "Open Settings". */
  readonly setting: SettingName
  readonly sentence: string
  /** Nothing may be signed or connected while this stands: what the person asked for is not known. */
  readonly blocking: boolean
}

export const SETTING_NAMES = [
  'countersign.gateways',
  'countersign.modules',
  'countersign.identity',
  'countersign.autoLock',
  'countersign.clientName',
  'countersign.journal.contexts',
  'countersign.journal.encryptTo',
  'countersign.journal.durability',
  'countersign.journal.segmentMegabytes',
  'countersign.journal.segmentHours',
  'countersign.journal.keepMegabytes',
  'countersign.journal.keepDays',
  'countersign.suites',
] as const

export type SettingName = (typeof SETTING_NAMES)[number]

// Names go into file names, MCP server ids and log lines of both ends: no separators, no control characters.
const name = v.pipe(
  v.string(),
  v.regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/, t('a name has 1 to 64 letters, digits, dots, dashes or underscores')),
)
const text = v.pipe(v.string(), v.nonEmpty(t('must not be empty')), v.maxLength(4096, t('is too long')))

const url = v.pipe(
  text,
  v.check((value) => isGatewayUrl(value), t('must be a ws: or wss: address without user name, password or fragment')),
)

function isGatewayUrl(value: string): boolean {
  const parsed = URL.canParse(value) ? new URL(value) : undefined
  return (
    parsed !== undefined &&
    (parsed.protocol === 'ws:' || parsed.protocol === 'wss:') &&
    parsed.username === '' &&
    parsed.password === '' &&
    parsed.hash === ''
  )
}

const gatewayEntries = {
  pin: v.optional(
    v.pipe(
      v.string(),
      v.regex(/^(?:first-use|[A-Za-z0-9_-]{43})$/, t('must be "first-use" or a kid of 43 characters')),
    ),
    'first-use',
  ),
  servers: v.pipe(
    v.array(name, t('must be a list of server names')),
    v.minLength(1, t('needs at least one server name')),
    v.check((names) => new Set(names).size === names.length, t('names a server twice')),
  ),
}

const byAddress = v.strictObject({ url, ...gatewayEntries })
const byCommand = v.strictObject({ command: text, args: v.optional(v.array(v.string()), []), ...gatewayEntries })

const module_ = v.strictObject({
  path: text,
  libraryParameters: v.exactOptional(v.string()),
  name: v.exactOptional(text),
  ...moduleOverrides,
})

const pkcs11 = {
  module: text,
  libraryParameters: v.optional(v.string()),
  label: text,
}
const identity = v.union(
  [
    v.literal('vault'),
    v.strictObject({ ...pkcs11, slot: v.pipe(v.number(), v.integer(), v.minValue(0)) }),
    v.strictObject({ ...pkcs11, token: text }),
  ],
  t('must be "vault", or an object with "module", "label" and either "slot" or "token"'),
)

/** A day at most: a longer time is a typing error more often than a wish. */
const autoLock = v.pipe(
  v.number(t('must be a number of minutes')),
  v.integer(t('must be a whole number of minutes')),
  v.minValue(0, t('must be 0 (never) or more')),
  v.maxValue(1440, t('must be at most 1440 (a day)')),
)

const clientName = v.pipe(v.string(), v.regex(/^[^\p{C}]{1,64}$/u, t('must have 1 to 64 printable characters')))

/** Names of suites, at least one and none twice. */
export const suites = v.pipe(
  v.array(v.picklist(SUITE_NAMES, (issue) => t`knows no suite ${issue.received}`)),
  v.minLength(1, t('must name at least one suite')),
  // A gateway refuses an offer that repeats itself.
  v.check((names) => new Set(names).size === names.length, t('names a suite twice')),
)

/** Reads raw settings. `read` returns the effective value of a full setting name, or undefined where there is none. */
export function parseSettings(read: (setting: SettingName) => unknown): Settings {
  const problems: SettingProblem[] = []
  const one = <const T>(setting: SettingName, schema: v.GenericSchema<unknown, T>, fallback: T): T => {
    const value = read(setting)
    if (value === undefined || value === null) return fallback
    const result = v.safeParse(schema, value)
    if (result.success) return result.output
    problems.push({ setting, sentence: sentence(setting, '', result.issues), blocking: true })
    return fallback
  }
  const gateways = parseGateways(read('countersign.gateways'), problems)
  const modules = parseModules(read('countersign.modules'), problems)
  return {
    gateways,
    modules,
    identity: toIdentity(one('countersign.identity', identity, 'vault')),
    autoLock: one('countersign.autoLock', autoLock, 0),
    clientName: one('countersign.clientName', clientName, 'VS Code'),
    journal: parseJournalSettings(one, problems),
    suites: one('countersign.suites', suites, [...SUITE_NAMES]),
    problems,
  }
}

function parseGateways(value: unknown, problems: SettingProblem[]): GatewaySetting[] {
  const setting = 'countersign.gateways'
  if (value === undefined || value === null) return []
  if (typeof value !== 'object' || Array.isArray(value)) {
    problems.push({ setting, sentence: t`${setting} must be an object of gateways by name.`, blocking: false })
    return []
  }
  const gateways: GatewaySetting[] = []
  for (const [key, entry] of Object.entries(value)) {
    const result = parseGateway(key, entry)
    if (typeof result === 'string') problems.push({ setting, sentence: result, blocking: false })
    else gateways.push(result)
  }
  return gateways
}

/** One entry, or the sentence that says what is wrong with it. Also used on what the person types into the palette. */
export function parseGateway(key: string, entry: unknown): GatewaySetting | string {
  const setting = 'countersign.gateways'
  const named = v.safeParse(name, key)
  if (!named.success) return sentence(setting, key, named.issues)
  if (typeof entry === 'object' && entry !== null && 'command' in entry) {
    const checked = v.safeParse(byCommand, entry)
    if (!checked.success) return sentence(setting, key, checked.issues)
    const { pin, servers, command, args } = checked.output
    return { name: key, pin, servers, route: { kind: 'command', command, args } }
  }
  const checked = v.safeParse(byAddress, entry)
  if (!checked.success) return sentence(setting, key, checked.issues)
  const { pin, servers, url } = checked.output
  return { name: key, pin, servers, route: { kind: 'websocket', url } }
}

function parseModules(value: unknown, problems: SettingProblem[]): ModuleSetting[] {
  const setting = 'countersign.modules'
  if (value === undefined || value === null) return []
  if (!Array.isArray(value)) {
    problems.push({ setting, sentence: t`${setting} must be a list of PKCS#11 modules.`, blocking: false })
    return []
  }
  const modules: ModuleSetting[] = []
  for (const [index, entry] of value.entries()) {
    const checked = v.safeParse(module_, entry)
    if (checked.success) modules.push(checked.output)
    else problems.push({ setting, sentence: sentence(setting, t`entry ${index + 1}`, checked.issues), blocking: false })
  }
  return modules
}

function toIdentity(value: v.InferOutput<typeof identity>): IdentitySetting {
  if (value === 'vault') return { kind: 'vault' }
  const { module, label, libraryParameters } = value
  const where = 'slot' in value ? { slot: value.slot } : { token: value.token }
  return { kind: 'pkcs11', module, label, where, ...(libraryParameters === undefined ? {} : { libraryParameters }) }
}

/** Of names and values that a sentence repeats. Without it one long value makes a state that the panel refuses as a whole. */
const LONGEST_PART = 200

function sentence(setting: string, entry: string, issues: readonly v.BaseIssue<unknown>[]): string {
  const first = issues[0]
  const where = first === undefined ? '' : (v.getDotPath(first) ?? '')
  const parts = [setting, entry, where].filter((part) => part !== '').map((part) => part.slice(0, LONGEST_PART))
  return `${parts.join(', ')}: ${(first?.message ?? t('is not valid')).slice(0, LONGEST_PART)}.`
}

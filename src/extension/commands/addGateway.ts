import { window } from 'vscode'
import { type GatewaySetting, parseGateway } from '../../contracts/settings.ts'
import type { Configuration } from '../configuration.ts'
import { pickOne } from './pickOne.ts'
import { splitCommand } from './splitCommand.ts'
import { t } from '../../support/l10n.ts'

type Route = { readonly url: string } | { readonly command: string; readonly args: readonly string[] }

/** Asks for a gateway, shows what will be written, and writes it. Undefined: the person changed their mind. */
export async function addGateway(configuration: Configuration): Promise<GatewaySetting | undefined> {
  const route = await askRoute()
  if (route === undefined) return undefined
  const known = new Set(configuration.current.gateways.map(({ name }) => name))
  const name = await window.showInputBox({
    title: t('Add a Gateway (2/3)'),
    prompt: t('How to call this gateway here'),
    value: suggestName(route, known),
    ignoreFocusOut: true,
    validateInput: (value) =>
      known.has(value) ? t`There is a gateway ${value} already.` : problem(value, { ...route, servers: ['any'] }),
  })
  if (name === undefined) return undefined
  const listed = await window.showInputBox({
    title: t('Add a Gateway (3/3)'),
    prompt: t('Names of the MCP servers behind it, as its operator calls them, separated by commas'),
    placeHolder: 'files, tickets',
    ignoreFocusOut: true,
    validateInput: (value) => problem(name, { ...route, servers: serverNames(value) }),
  })
  if (listed === undefined) return undefined
  const entry = { ...route, servers: serverNames(listed) }
  const setting = parseGateway(name, entry)
  if (typeof setting === 'string' || !(await confirmed(setting))) return undefined
  const before = configuration.raw('countersign.gateways')
  await configuration.write('countersign.gateways', { ...(isObject(before) ? before : {}), [name]: entry })
  return setting
}

async function askRoute(): Promise<Route | undefined> {
  const kind = await pickOne(
    [
      {
        label: t('$(globe) By address'),
        detail: t('A WebSocket address such as wss://gateway.example:7443'),
        by: 'address',
      },
      {
        label: t('$(terminal) By command'),
        detail: t('A program such as ssh HOST countersign gateway --stdio'),
        by: 'command',
      },
    ],
    { title: t('Add a Gateway (1/3)'), placeHolder: t('How is the gateway reached?') },
  )
  if (kind?.by === 'address') {
    const url = await window.showInputBox({
      title: t('Add a Gateway (1/3)'),
      prompt: t('Address of the gateway'),
      placeHolder: 'wss://gateway.example:7443',
      ignoreFocusOut: true,
      validateInput: (value) => problem('name', { url: value.trim(), servers: ['any'] }),
    })
    return url === undefined ? undefined : { url: url.trim() }
  }
  if (kind?.by !== 'command') return undefined
  const line = await window.showInputBox({
    title: t('Add a Gateway (1/3)'),
    prompt: t(
      'Command that speaks to the gateway on its standard input and output. No shell: quotes hold words together, nothing is expanded.',
    ),
    placeHolder: 'ssh HOST countersign gateway --stdio --config gateway.json',
    ignoreFocusOut: true,
    validateInput: (value) =>
      splitCommand(value) === undefined ? t('Enter a command; close every quote.') : undefined,
  })
  const words = line === undefined ? undefined : splitCommand(line)
  return words === undefined ? undefined : { command: words[0], args: words.slice(1) }
}

async function confirmed({ name, route, servers }: GatewaySetting): Promise<boolean> {
  const way =
    route.kind === 'websocket'
      ? t`It is reached at ${route.url}.`
      : t`This command is run whenever it is needed:\n${[route.command, ...route.args].map((word) => JSON.stringify(word)).join(' ')}`
  const detail = [
    way,
    t`Servers: ${servers.join(', ')}`,
    t('It is written to your user settings (countersign.gateways). You are asked about its key when you connect.'),
  ].join('\n\n')
  const add = t('Add')
  return (await window.showInformationMessage(t`Add the gateway "${name}"?`, { modal: true, detail }, add)) === add
}

function suggestName(route: Route, taken: ReadonlySet<string>): string {
  const raw =
    'url' in route ? new URL(route.url).hostname : (route.args.find((arg) => !arg.startsWith('-')) ?? route.command)
  const base =
    raw
      .replace(/[^A-Za-z0-9._-]+/g, '-')
      .replace(/^[^A-Za-z0-9]+/, '')
      .slice(0, 60) || 'gateway'
  for (let suffix = 1; ; suffix++) {
    const name = suffix === 1 ? base : `${base}-${suffix}`
    if (!taken.has(name)) return name
  }
}

function serverNames(listed: string): string[] {
  return listed
    .split(',')
    .map((name) => name.trim())
    .filter((name) => name !== '')
}

function problem(name: string, entry: object): string | undefined {
  const parsed = parseGateway(name, entry)
  return typeof parsed === 'string' ? parsed.replace(/^countersign\.gateways, [^:,]*[:,] ?/, '') : undefined
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

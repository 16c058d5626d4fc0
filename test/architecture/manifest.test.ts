import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { describe, expect, it } from 'vitest'
import { KEY_ACTIONS, SLOT_ACTIONS } from '../../src/contracts/panelHsm.ts'
import { SETTING_NAMES } from '../../src/contracts/settings.ts'

const ROOT = resolve(import.meta.dirname, '../..')

interface Manifest {
  readonly icon: string
  readonly activationEvents: readonly string[]
  readonly contributes: {
    readonly commands: readonly { readonly command: string; readonly title: string; readonly category: string }[]
    readonly configuration: {
      readonly properties: Readonly<
        Record<
          string,
          { readonly scope?: string; readonly description?: string; readonly markdownDescription?: string }
        >
      >
    }
    readonly icons: Readonly<
      Record<string, { readonly default: { readonly fontPath: string; readonly fontCharacter: string } }>
    >
    readonly viewsContainers: { readonly activitybar: readonly { readonly id: string; readonly icon: string }[] }
    readonly views: Readonly<Record<string, readonly { readonly id: string; readonly icon: string }[]>>
    readonly viewsWelcome: readonly { readonly view: string; readonly contents: string }[]
    readonly menus: Readonly<
      Record<string, readonly { readonly command: string; readonly when: string; readonly group: string }[]>
    >
    readonly mcpServerDefinitionProviders: readonly { readonly id: string }[]
    readonly walkthroughs: readonly {
      readonly icon: string
      readonly steps: readonly {
        readonly id: string
        readonly description: string
        readonly media: {
          readonly markdown?: string
          readonly image?: Readonly<Record<'dark' | 'light' | 'hc' | 'hcLight', string>>
          readonly altText?: string
        }
        readonly completionEvents?: readonly string[]
      }[]
    }[]
  }
}

/** As an editor in English reads it. */
const words: unknown = JSON.parse(readFileSync(join(ROOT, 'package.nls.json'), 'utf8'))
const english = new Map(Object.entries(words ?? {}))
// oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the tests below are what checks it
const manifest = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'), (_key, value: unknown) => {
  const key = typeof value === 'string' ? /^%(.+)%$/.exec(value)?.[1] : undefined
  return key === undefined ? value : english.get(key)
}) as Manifest
const { commands, configuration, icons, walkthroughs, mcpServerDefinitionProviders } = manifest.contributes
const { viewsContainers, views, viewsWelcome, menus } = manifest.contributes
const code = readdirSync(join(ROOT, 'src/extension'), { recursive: true, encoding: 'utf8' })
  .filter((file) => file.endsWith('.ts'))
  .map((file) => readFileSync(join(ROOT, 'src/extension', file), 'utf8'))
  .join('\n')

describe('the manifest', () => {
  it('has code to look at', () => {
    expect(code.length).toBeGreaterThan(1000)
  })

  it('names every command, in one category, and each is registered once', () => {
    expect(commands.length).toBeGreaterThan(0)
    for (const { command, title, category } of commands) {
      expect(title, command).toMatch(/^[A-Z]/)
      expect(category, command).toBe('Countersign')
      const uses = code.split(`'${command}':`).length - 1
      expect(uses, `${command} in the command table`).toBe(1)
    }
  })

  it('registers no command that the palette does not know', () => {
    const registered = [...code.matchAll(/[\s{]'(countersign\.[A-Za-z]+)':/g)].map((match) => match[1])
    expect(new Set(registered)).toEqual(new Set(commands.map(({ command }) => command)))
  })

  it('lets no workspace set anything', () => {
    for (const [name, property] of Object.entries(configuration.properties)) {
      expect(property.scope, name).toBe('machine')
      expect((property.description ?? property.markdownDescription ?? '').length, name).toBeGreaterThan(20)
    }
  })

  it('declares exactly the settings that are read', () => {
    expect(Object.keys(configuration.properties).sort()).toEqual([...SETTING_NAMES].sort())
  })

  it('has every file that it names', () => {
    const files = [
      manifest.icon,
      ...viewsContainers.activitybar.map(({ icon }) => icon),
      ...Object.values(views).flatMap((list) => list.map(({ icon }) => icon)),
      ...Object.values(icons).map((icon) => icon.default.fontPath),
      ...walkthroughs.flatMap(({ icon, steps }) => [
        icon,
        ...steps.flatMap(({ media: { markdown, image = {} } }) => [markdown, ...Object.values(image)]),
        // VS Code looks for it beside the English one, by this name.
        ...steps.map(({ media: { markdown } }) => markdown?.replace(/\.md$/, '.nls.de.md')),
      ]),
    ].filter((file) => file !== undefined)
    expect(files.length).toBeGreaterThan(10)
    expect(files.filter((file) => !existsSync(join(ROOT, file)))).toEqual([])
  })

  it('leads from walkthroughs, menus and the empty view only to commands that exist', () => {
    const known = new Set(commands.map(({ command }) => command))
    const steps = walkthroughs.flatMap(({ steps }) => steps)
    const texts = [...steps.map(({ description }) => description), ...viewsWelcome.map(({ contents }) => contents)]
    const named = [
      ...texts.flatMap((text) => [...text.matchAll(/\(command:([^)]+)\)/g)].map((match) => match[1] ?? '')),
      ...steps.flatMap(({ completionEvents = [] }) =>
        completionEvents.map((event) => event.replace(/^onCommand:/, '')),
      ),
      ...Object.values(menus).flatMap((menu) => menu.map(({ command }) => command)),
    ]
    expect(named.length).toBeGreaterThan(0)
    expect(named.filter((command) => !known.has(command))).toEqual([])
  })

  it('offers on a row of the tree view what the host says can be done with it', () => {
    const rows = menus['view/item/context'] ?? []
    const words = rows.flatMap(({ when }) => [...when.matchAll(/^.*viewItem =~ \/\^(slot|key)\.\*\\b(\w+)\\b\/$/g)])
    const offered = (kind: string) => words.filter((match) => match[1] === kind).map((match) => match[2])
    // To lock one token, and the forms of a public key, are in the panel; the tree has Lock Now and one command that asks.
    expect(new Set([...offered('slot'), 'lock'])).toEqual(new Set(SLOT_ACTIONS))
    expect(new Set([...offered('key'), 'copyPem', 'copyWords'])).toEqual(new Set(KEY_ACTIONS))
    expect(rows.length).toBe(words.length + 1)
    for (const { when } of Object.values(menus).flat()) expect(when).toMatch(/^view == countersign\.slots/)
    const known = Object.values(views).flatMap((list) => list.map(({ id }) => id))
    expect(viewsWelcome.map(({ view }) => view)).toEqual(known)
    for (const id of known) expect(code).toContain(`'${id}'`)
  })

  it('has a glyph for every icon, and the font is what its source draws', async () => {
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- plain JavaScript, outside of tsconfig.json
    const { GLYPHS, font } = (await import(new URL('media/glyphs.mjs', `file://${ROOT}/`).href)) as {
      GLYPHS: object
      font: () => Buffer
    }
    const names = Object.keys(GLYPHS)
    for (const [id, icon] of Object.entries(icons)) {
      const at = names.indexOf(id.replace('countersign-', ''))
      expect(icon.default.fontCharacter, id).toBe(`\\E${String(at + 1).padStart(3, '0')}`)
    }
    expect(Object.keys(icons)).toHaveLength(names.length)
    expect(font().equals(readFileSync(join(ROOT, 'media/countersign.ttf')))).toBe(true)
  })

  it('wakes up for two things that VS Code does not derive by itself', () => {
    // The status bar shows the key that signs next, and a panel that was open comes back. Commands and MCP wake it anyway.
    expect(manifest.activationEvents).toEqual(['onStartupFinished', 'onWebviewPanel:countersign.panel'])
  })

  it('provides MCP servers under the name that the code registers', () => {
    for (const { id } of mcpServerDefinitionProviders) expect(code).toContain(`'${id}'`)
  })
})

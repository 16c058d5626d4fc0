import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type Agent, parseAgentEntry } from '../../../src/contracts/agentEntry.ts'
import { parseAgentInput } from '../../../src/contracts/agentInput.ts'
import { parseTemplate, type Surroundings, type Syntax } from '../../../src/contracts/template.ts'
import { agentFiles, claudeProjects, fileOf } from '../../../src/extension/agents/agentFiles.ts'
import {
  existingServers,
  isSecuredIn,
  restoreSecured,
  secureEntry,
} from '../../../src/extension/agents/existingServers.ts'
import { consentText } from '../../../src/extension/commands/secure/consentText.ts'
import { planServer } from '../../../src/extension/secured/plan.ts'
import { filled } from '../../../src/extension/secured/values.ts'
import { inert } from '../../../src/support/printable.ts'

const PLACES = {
  home: '/home/ada',
  configHome: undefined,
  platform: 'linux',
  workspaces: [{ name: 'app', path: '/src/app' }],
  editorUser: '/home/ada/.config/Code/User',
} as const
const FILES = agentFiles(PLACES)
const AROUND: Surroundings = { home: '/home/ada', workspace: { name: 'app', path: '/src/app' } }
const USERS: Surroundings = { home: '/home/ada', workspace: undefined }
const TARGET = { gateway: 'local-a', server: 'a' }

function fileAt(end: string) {
  const found = [...FILES, ...claudeProjects(PLACES)].find(({ path, within }) =>
    end === 'projects' ? within !== undefined : within === undefined && path.endsWith(end),
  )
  if (found === undefined) throw new Error(`no file ${end}`)
  return found
}

const VSCODE = fileAt('.vscode/mcp.json')
const CODEX = fileAt('config.toml')

function openEntry(file = VSCODE, text = '', name = 'a') {
  const state = existingServers(file, text).find((each) => each.name === name)?.state
  if (state?.kind !== 'open') throw new Error(`${name} is ${JSON.stringify(state)}`)
  return state.entry
}

describe('an entry that is secured and put back', () => {
  const space = fc.array(fc.constantFrom(' ', '\n  ', '\t', '/* , } */', '// "a": {},\n', '\r\n'), { maxLength: 3 })
  const gaps = fc.array(
    space.map((parts) => parts.join('')),
    { minLength: 1, maxLength: 7 },
  )

  it('leaves the file byte for byte as it was, wherever comments and line ends are', () => {
    fc.assert(
      fc.property(gaps, fc.array(fc.string(), { maxLength: 3 }), fc.string(), (all, args, other) => {
        let at = 0
        const gap = (): string => all[at++ % all.length] ?? ''
        const value = `{${gap()}"command"${gap()}:"x",${gap()}"args":${gap()}${JSON.stringify(args.map((arg) => arg.replaceAll('$', '')))}${gap()},}`
        const before = `\ufeff${gap()}{${gap()}"servers":${gap()}{"b":{"command":${JSON.stringify(`z${other}`)}},${gap()}"a"${gap()}:${gap()}${value}${gap()}}${gap()},}${gap()}`
        const { text, original } = secureEntry(VSCODE, before, 'a', TARGET, openEntry(VSCODE, before))
        expect(original).toBe(value)
        expect(isSecuredIn(VSCODE, text, 'a', TARGET)).toBe(true)
        expect(restoreSecured(VSCODE, text, 'a', original)).toBe(before)
        // What somebody changes elsewhere in the file meanwhile stays.
        const changed = text.replace('"b"', '"c"')
        expect(restoreSecured(VSCODE, changed, 'a', original)).toBe(before.replace('"b"', '"c"'))
      }),
      { numRuns: 300 },
    )
  })

  it('keeps what an entry tells its agent', () => {
    const file = fileAt('/.mcp.json')
    const before = '{"mcpServers":{"a":{"command":"x","timeout":5000}}}'
    const { text } = secureEntry(file, before, 'a', TARGET, openEntry(file, before))
    expect(JSON.parse(text)).toEqual({
      mcpServers: {
        a: {
          type: 'stdio',
          command: '${HOME}/.countersign/bin/countersign',
          args: ['connect', '--agent', 'claude-code', '--gateway', 'local-a', '--server', 'a'],
          timeout: 5000,
        },
      },
    })
  })

  it('finds what Claude Code keeps for one project of a user', () => {
    const file = fileAt('projects')
    const before =
      '{"mcpServers":{"a":{"command":"other"}},"projects":{"/src/app":{"mcpServers":{"a":{"command":"mine"}}}}}'
    expect(openEntry(file, before)).toMatchObject({ command: 'mine' })
    const { text, original } = secureEntry(file, before, 'a', TARGET, openEntry(file, before))
    expect(text).toContain('"mcpServers":{"a":{"command":"other"}}')
    const { agent, path, within = [] } = file
    expect(restoreSecured(fileOf({ agent, path, within, name: 'a' }, '/home/ada'), text, 'a', original)).toBe(before)
  })

  const TOML = `model = "o1" # first\n\n[mcp_servers.a]\r\ncommand = "npx" # mine\nargs = ["-y",\n  's']\nenv_vars = ["T"]\nenabled_tools = ["x"]\n[mcp_servers.a.env] # its own\nB = """c"""\n\n# of the next\n[mcp_servers."b c"]\nurl = "https://h"\n`

  it('is a table of TOML with those in it, as it was written', () => {
    const entry = openEntry(CODEX, TOML)
    expect(entry).toMatchObject({ command: 'npx', args: ['-y', 's'], env: { B: 'c' }, inherits: ['T'] })
    const { text, original } = secureEntry(CODEX, TOML, 'a', TARGET, entry)
    expect(text).toContain('enabled_tools = ["x"]')
    expect(text).toContain('# of the next\n[mcp_servers."b c"]')
    expect(text).not.toContain('npx')
    expect(isSecuredIn(CODEX, text, 'a', TARGET)).toBe(true)
    expect(restoreSecured(CODEX, text, 'a', original)).toBe(TOML)
  })

  it.each([
    'mcp_servers = { a = { command = "x" } }\n',
    '[mcp_servers]\na.command = "x"\n',
    '[mcp_servers.a]\ncommand = "x"\n[b]\n[mcp_servers.a.env]\nC = "d"\n',
  ])('is refused where its lines do not stand together: %j', (text) => {
    expect(() => secureEntry(CODEX, text, 'a', TARGET, openEntry(CODEX, text))).toThrow(/Nothing was written/)
  })

  it('is refused where two readers would not agree', () => {
    expect(() => existingServers(VSCODE, '{"servers":{"a":{"command":"x","command":"y"}}}')).toThrow(/twice/)
    expect(() => existingServers(VSCODE, '{"servers":{"a":{"command":"x"},"a":{"command":"y"}}}')).toThrow(/twice/)
  })

  it('is shown as going through Countersign, also where somebody wrote that by hand', () => {
    const text = JSON.stringify({
      servers: {
        ours: {
          command: '${userHome}/.countersign/bin/countersign',
          args: ['connect', '--agent', 'vscode', '--gateway', 'desk'],
        },
        connect: { command: 'npx', args: ['other', 'connect'] },
      },
    })
    expect(existingServers(VSCODE, text).map(({ state }) => state)).toMatchObject([
      { kind: 'through', gateway: 'desk' },
      { kind: 'open' },
    ])
    const byHand = '{"mcpServers":{"clone":{"command":"node","args":["/c/dist/cli.js","connect","--server","x"]}}}'
    const own = fileAt('/home/ada/.cursor/mcp.json')
    expect(existingServers(own, byHand)[0]?.state).toEqual({ kind: 'through', gateway: undefined })
  })

  it.each([
    { command: '${workspaceFolder}/.countersign/bin/countersign' },
    { command: '/tmp/.countersign/bin/countersign' },
    { command: '${userHome}/.countersign/bin/countersign', env: { LD_PRELOAD: './a.so' } },
    { command: 'node', args: ['dist/cli.js', 'connect', '--server', 'x'] },
  ])('is not, where a workspace only says so: $command', (entry) => {
    const args = ['connect', '--agent', 'vscode', '--gateway', 'desk']
    const text = JSON.stringify({ servers: { a: { args, ...entry } } })
    expect(existingServers(VSCODE, text)[0]?.state).toMatchObject({ kind: 'refused', why: /looks like Countersign/ })
  })
})

describe('what an entry may say', () => {
  it.each<[Agent, object, RegExp]>([
    ['vscode', { command: 'x', envFile: '.env' }, /"envFile".*could not do/],
    ['vscode', { command: 'x', sandboxEnabled: true }, /"sandboxEnabled"/],
    ['vscode', { command: 'x', env: { A: null } }, /"env.A" must be text/],
    ['vscode', { type: 'sse', url: 'https://h' }, /transport that a gateway does not speak/],
    ['claude-code', { url: 'https://h', headersHelper: 'run-me' }, /"headersHelper"/],
    ['claude-code', { type: 'http', command: 'x' }, /does not go with a command/],
    ['cursor', { url: 'https://h', auth: {} }, /"auth"/],
    ['codex', { url: 'https://h', headers: {} }, /"headers"/],
    ['claude-desktop', { url: 'https://h' }, /no address that this agent takes/],
    ['claude-desktop', { command: 'x', env: { 'A=B': 'c' } }, /name of a variable/],
  ])('refuses what would be lost: %s %j', (agent, entry, why) => {
    expect(() => parseAgentEntry(agent, entry)).toThrow(why)
  })

  it('takes the headers of Codex from where it says', () => {
    const given = {
      url: 'https://h',
      http_headers: { a: 'b' },
      env_http_headers: { c: 'D' },
      bearer_token_env_var: 'T',
    }
    const context = { syntax: 'none', ...USERS, environment: { D: 'd', T: 't' } } as const
    const { upstream, values, variables } = planServer(parseAgentEntry('codex', given), context)
    expect(upstream).toEqual({
      url: 'https://h',
      headers: { a: 'b', c: { fromEnv: 'COUNTERSIGN_VALUE_1' }, Authorization: { fromEnv: 'COUNTERSIGN_VALUE_2' } },
    })
    expect(values).toEqual({ COUNTERSIGN_VALUE_1: [{ env: 'D' }], COUNTERSIGN_VALUE_2: ['Bearer ', { env: 'T' }] })
    expect(variables).toEqual(['D', 'T'])
  })

  it('asks for inputs that are texts, and for no other', () => {
    const inputs = [
      { id: 'a', type: 'promptString', password: true },
      { id: 'b', type: 'command', command: 'evil' },
      { id: 'c', type: 'pickString', options: ['x', { label: 'Y', value: 'y' }] },
      { id: 'd', type: 'promptString' },
      { id: 'd', type: 'promptString' },
    ]
    expect(parseAgentInput(inputs, 'a')).toMatchObject({ password: true, options: undefined })
    expect(parseAgentInput(inputs, 'c')).toMatchObject({ password: false, options: ['x', 'y'] })
    for (const id of ['b', 'd', 'e']) expect(() => parseAgentInput(inputs, id)).toThrow(/is not among the "inputs"/)
  })
})

describe('what stands for something else', () => {
  it.each<[Syntax, string, unknown[]]>([
    ['vscode', '${workspaceFolder}/x', ['/src/app/x']],
    ['vscode', '${workspaceFolder:app}${/}${workspaceFolderBasename}', ['/src/app/app']],
    ['vscode', 'a${env:T}b${input:i}', ['a', { env: 'T' }, 'b', { input: 'i' }]],
    ['vscode', '${env:HOME}', ['/home/ada']],
    ['cursor', '${userHome}', ['/home/ada']],
    ['claude-code', '${T}-${U:-}', [{ env: 'T' }, '-', { env: 'U', fallback: '' }]],
    ['claude-code', '${HOME}${PWD}', ['/home/ada/src/app']],
    ['claude-code', '$T', ['$T']],
    ['none', '${T}', ['${T}']],
  ])('in %s: %s', (syntax, text, pieces) => {
    expect(parseTemplate(text, syntax, AROUND)).toEqual(pieces)
  })

  it.each<[Syntax, string, Surroundings]>([
    ['vscode', '${workspaceFolder}', USERS],
    ['vscode', '${workspaceFolder:other}', AROUND],
    ['vscode', '${command:x}', AROUND],
    ['vscode', '${file}', AROUND],
    ['cursor', '${input:x}', AROUND],
    ['claude-code', '${env:X}', AROUND],
    ['claude-code', '${PWD}', USERS],
  ])('is refused where only the agent knows it: %s %s', (syntax, text, around) => {
    expect(() => parseTemplate(text, syntax, around)).toThrow(/cannot be secured.*Nothing was changed/)
  })

  it('is filled with what there is at the start, and with nothing else', () => {
    const template = ['a', { env: 'X' }, { env: 'Y', fallback: 'z' }, { input: 'i' }]
    expect(filled(template, 's', { X: '' }, new Map([['i', 'j']]))).toBe('azj')
    expect(() => filled(template, 's', {}, new Map())).toThrow(/variable X/)
    expect(() => filled(template, 's', { X: 'x' }, new Map())).toThrow(/input i/)
  })
})

describe('a plan', () => {
  const plan = (entry: object, around = AROUND, environment = {}) =>
    planServer(parseAgentEntry('vscode', entry), { syntax: 'vscode', ...around, environment })

  it.each([
    ['a command that nobody can show', { command: '${env:X}' }, /its command depends on a variable/, AROUND],
    ['a folder that nobody can show', { command: 'x', cwd: '${input:X}' }, /its folder depends/, AROUND],
    ['a variable that is not set', { command: 'x', args: ['${env:NOPE}'] }, /NOPE.*Start the editor/, AROUND],
    ['a path from nowhere', { command: './x' }, /whatever folder the agent was started in/, USERS],
    ['plain http beyond this machine', { url: 'http://example.com/mcp' }, /must be https/, AROUND],
    ['a password in an address', { url: 'https://u:p@h/' }, /credentials belong/, AROUND],
    ['a header of the connection', { url: 'https://h', headers: { Host: 'x' } }, /header Host/, AROUND],
    ['a socket', { url: 'unix:///x' }, /neither https: nor http:/, AROUND],
  ])('is refused for %s', (_, entry, why, around) => {
    expect(() => plan(entry, around)).toThrow(why)
  })

  it('starts a workspace’s server in its folder and a user’s at home, as their agents do', () => {
    expect(plan({ command: 'x' }).upstream).toMatchObject({ cwd: '/src/app' })
    expect(plan({ command: 'x', cwd: 'sub' }).upstream).toMatchObject({ cwd: '/src/app/sub' })
    expect(plan({ command: 'x', cwd: '~/y' }, USERS).upstream).toMatchObject({ cwd: '/home/ada/y' })
    expect(plan({ command: 'x' }, USERS).upstream).toMatchObject({ cwd: '/home/ada' })
  })

  it('is shown with every argument and variable, each character as it is', () => {
    const entry = {
      command: 'n\u043ede',
      args: ['-e', 'a\u202eb\n"c"', '--key=${input:k}'],
      env: { NODE_OPTIONS: '--require /x', T: '${env:T}' },
    }
    const shown = consentText(VSCODE, plan(entry, AROUND, { T: 'planted' }))
    expect(shown).toContain(String.raw`"n\u043ede" "-e" "a\u202eb\n\"c\"" "--key="<input "k">`)
    expect(shown).toContain('NODE_OPTIONS="--require /x"')
    expect(shown).toContain('T=<variable T>')
    expect(shown).toContain('It stands in a file of the workspace')
    expect(shown).toContain('custody: software')
    expect(shown).not.toContain('planted')
    expect(() => consentText(VSCODE, plan({ command: 'x', args: ['y'.repeat(7000)] }))).toThrow(/too long to be shown/)
  })
})

describe('a name of somebody else', () => {
  it('is neither a link nor an icon in the editor’s messages', () => {
    expect(inert('[x](command:evil) $(countersign-ready) `a`\u202e')).not.toMatch(/[[\]`\u202e]|\$\(/)
    expect(inert('desk tools (2), $5')).toBe('desk tools (2), $5')
    expect(inert('x'.repeat(1000)).length).toBeLessThan(320)
  })
})

import { AGENTS, parseAgentEntry } from '../../../src/contracts/agentEntry.ts'
import { parseAgentInput } from '../../../src/contracts/agentInput.ts'
import { encodeSecuredServer, parseSecuredServer } from '../../../src/contracts/securedServer.ts'
import { parseStrictJson } from '../../../src/contracts/strictJson.ts'
import { literal, parseTemplate, type Syntax } from '../../../src/contracts/template.ts'
import { agentFiles, type AgentFile } from '../../../src/extension/agents/agentFiles.ts'
import {
  existingServers,
  isSecuredIn,
  restoreSecured,
  secureEntry,
} from '../../../src/extension/agents/existingServers.ts'
import { consentText } from '../../../src/extension/commands/secure/consentText.ts'
import { planServer } from '../../../src/extension/secured/plan.ts'
import { must, mustEqual, stable, type Target } from '../engine/target.ts'
import { json, text } from './samples.ts'

const workspace = { name: 'app', path: '/src/app' }
const FILES = agentFiles({
  home: '/home/ada',
  configHome: undefined,
  platform: 'linux',
  workspaces: [workspace],
  editorUser: '/home/ada/.config/Code/User',
})
const command = { type: 'stdio', command: 'npx', args: ['-y', 'server'], env: { A: '${env:HOME}', N: 1 }, cwd: '/x' }
const address = { type: 'http', url: 'https://h/mcp', headers: { Authorization: 'Bearer ${input:t}' } }
const CODEX = `# mine
[mcp_servers.a]
command = "npx"
args = ["-y", "server"]
env_vars = ["TOKEN"]
startup_timeout_sec = 1.5

[mcp_servers.a.env]
A = "b"
[mcp_servers."b c"]
url = 'https://h/mcp'
bearer_token_env_var = "TOKEN"
`
const TARGET = { gateway: 'local-a', server: 'a' }
const TOKENS = [
  '${',
  '}',
  '${input:t}',
  '${env:X}',
  '${X:-d}',
  '${workspaceFolder}',
  '$(',
  '](',
  '__proto__',
  'constructor',
]

/** A whole file: whatever of it can be secured comes back byte for byte, and is shown before in nothing but ASCII. */
function fileTarget(name: string, file: AgentFile, seeds: readonly Uint8Array[], format: Target['format']): Target {
  return {
    name,
    format,
    codes: ['config-invalid'],
    seeds,
    tokens: [...TOKENS, file.container, 'command', 'args', 'url', 'env', '//', '/*', '*/', '"""', "'''"],
    longest: 4096,
    run(bytes) {
      const before = Buffer.from(bytes).toString('utf8')
      for (const { name, state } of existingServers(file, before)) {
        if (state.kind !== 'open') continue
        const after = secureEntry(file, before, name, TARGET, state.entry)
        must(isSecuredIn(file, after.text, name, TARGET), 'does not find what it has written')
        must(restoreSecured(file, after.text, name, after.original) === before, 'puts back other bytes')
        const left = existingServers(file, after.text).find((each) => each.name === name)
        must(left?.state.kind === 'through', 'would secure what is secured')
        const context = { syntax: file.syntax, home: '/home/ada', workspace, environment: { TOKEN: 't', X: 'x' } }
        // The name of a command of ours has the one character that is not.
        const shown = consentText(file, planServer(state.entry, context)).replaceAll('…', '')
        must(/^[\x20-\x7e\n]*$/.test(shown), 'shows what cannot be read')
      }
    },
  }
}

function templateTarget(syntax: Syntax, seed: string): Target {
  return {
    name: `agent-template-${syntax}`,
    format: 'bytes',
    codes: ['config-invalid'],
    seeds: [text(seed)],
    tokens: TOKENS,
    run(bytes) {
      const given = Buffer.from(bytes).toString('utf8')
      const pieces = parseTemplate(given, syntax, { home: '/home/ada', workspace })
      must(!pieces.includes(''), 'has a piece of nothing')
      must(
        pieces.every((piece, at) => typeof piece !== 'string' || typeof pieces[at + 1] !== 'string'),
        'has a literal in two pieces',
      )
      if (syntax === 'none' || !given.includes('${'))
        mustEqual(literal(pieces), given, 'alters what has nothing to replace')
    },
  }
}

function fileAt(end: string): AgentFile {
  const found = FILES.find(({ path }) => path.endsWith(end))
  if (found === undefined) throw new Error(`no file ${end}`)
  return found
}

export const AGENT_FILES: readonly Target[] = [
  fileTarget(
    'agent-file-jsonc',
    fileAt('.vscode/mcp.json'),
    [text(`{ // x\n "servers": { "a": ${JSON.stringify(command)}, /* y */ "b": ${JSON.stringify(address)}, }, }`)],
    'json',
  ),
  fileTarget(
    'agent-file-json',
    fileAt('.mcp.json'),
    [json({ mcpServers: { a: { command: '${HOME}/y', args: ['${X:-z}'] } } })],
    'json',
  ),
  fileTarget('agent-file-toml', fileAt('config.toml'), [text(CODEX)], 'bytes'),
  {
    name: 'agent-entry',
    format: 'json',
    codes: ['config-invalid', 'decode'],
    seeds: [
      json(command),
      json(address),
      json({ url: 'https://h', http_headers: { a: 'b' }, env_http_headers: { c: 'D' } }),
    ],
    tokens: [...TOKENS, 'timeout', 'envFile', 'sandbox', 'sse', 'enabled_tools'],
    run(bytes) {
      const given = parseStrictJson(bytes)
      const refusals: unknown[] = []
      const read = AGENTS.flatMap((agent) => {
        try {
          return [parseAgentEntry(agent, given)]
        } catch (thrown) {
          refusals.push(thrown)
          return []
        }
      })
      if (read.length === 0) throw refusals[0]
      const members = new Map(Object.entries(Object(given)))
      for (const entry of read) {
        if ('command' in entry) mustEqual(entry.command, members.get('command'), 'runs another command')
        else mustEqual(entry.url, members.get('url'), 'calls another address')
      }
    },
  },
  {
    name: 'agent-input',
    format: 'json',
    codes: ['config-invalid', 'decode'],
    seeds: [
      json([{ id: 't', type: 'promptString', description: 'd', password: true, default: 'x' }]),
      json([{ id: 't', type: 'pickString', description: 'd', options: ['a', { label: 'b', value: 'c' }] }]),
    ],
    tokens: ['command', 't', '__proto__'],
    run: (bytes) => must(parseAgentInput(parseStrictJson(bytes), 't').id === 't', 'asks for another input'),
  },
  templateTarget('vscode', 'a ${workspaceFolder}/b ${env:X} ${input:t}'),
  templateTarget('cursor', '${userHome}${/}${workspaceFolderBasename} $ {x}'),
  templateTarget('claude-code', '${X:-y} ${HOME} ${PWD}'),
  templateTarget('none', '${X}'),
  {
    name: 'secured-server-file',
    format: 'json',
    codes: ['file-unreadable'],
    seeds: [
      text(
        encodeSecuredServer({
          ...TARGET,
          place: { agent: 'claude-code', path: '/p', workspace: '/w', within: ['projects', '/w'], name: 'a b' },
          original: '{"command":"x"}',
          values: {
            COUNTERSIGN_VALUE_1: ['Bearer ', { input: 't' }],
            COUNTERSIGN_VALUE_2: [{ env: 'X', fallback: '' }],
          },
        }),
      ),
    ],
    tokens: ['COUNTERSIGN_VALUE_', 'PATH', 'LD_PRELOAD', '__proto__', 'constructor', 'within', '../'],
    run: stable(
      (bytes) => {
        const secured = parseSecuredServer(Buffer.from(bytes).toString('utf8'), 'a file')
        must(
          Object.keys(secured.values).every((name) => name.startsWith('COUNTERSIGN_VALUE_')),
          'would set a variable that means something',
        )
        return secured
      },
      (value) => text(encodeSecuredServer(value)),
    ),
  },
]

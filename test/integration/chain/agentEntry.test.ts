import {
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { Client } from '@modelcontextprotocol/sdk/client/index.js'
import { StdioClientTransport } from '@modelcontextprotocol/sdk/client/stdio.js'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { type AgentFile, addServer, agentFiles, removeServer } from '../../../src/extension/agents/agentFiles.ts'
import { readAgentFile, writeAgentFile } from '../../../src/extension/agents/files/ownFile.ts'
import { Launcher } from '../../../src/extension/agents/launcher.ts'
import { AgentFolder } from '../../../src/mcp/bridge/agentFolder.ts'
import { endAll } from '../../fakes/chainProcess.ts'
import { EditorWindow } from '../../fakes/editorWindow.ts'
import { everythingStdio, textOf } from '../../fakes/mcpChain.ts'
import { type Bundles, buildChain } from './build.ts'

let bundles: Bundles
let home: string
let workspace: string
let folder: AgentFolder
let files: AgentFile[]

beforeAll(async () => {
  bundles = await buildChain()
})

beforeEach(() => {
  // A quote and a blank: nothing of a path may be taken for the shell's.
  home = mkdtempSync(join(tmpdir(), "cs-a da's-"))
  workspace = join(home, 'work')
  mkdirSync(workspace)
  folder = new AgentFolder(join(home, '.countersign'))
  files = agentFiles({
    home,
    configHome: undefined,
    platform: 'linux',
    workspaces: [{ name: 'work', path: workspace }],
    editorUser: undefined,
  })
})

afterEach(() => rmSync(home, { recursive: true, force: true }))
afterAll(() => endAll())

const TARGET = { gateway: 'desk', server: 'everything' }

function fileAt(end: string): AgentFile {
  const found = files.find(({ path }) => path.endsWith(end))
  if (found === undefined) throw new Error(`no file ${end}`)
  return found
}

async function add(file: AgentFile): Promise<string> {
  const before = await readAgentFile(file.path, file.workspace)
  const { text, name } = addServer(file, before.text, TARGET)
  await writeAgentFile(file.path, before, text, file.workspace)
  return name
}

/** What the agent starts, read as it reads its file. Our TOML values are JSON as well. */
function started(file: AgentFile): { command: string; args: string[] } {
  const text = readFileSync(file.path, 'utf8')
  const entry: { command: string; args: string[] } =
    file.format.kind === 'toml'
      ? JSON.parse(
          `{${text.split('\n').slice(-3, -1).join(',').replace('command =', '"command":').replace('args =', '"args":')}}`,
        )
      : JSON.parse(text)[file.container]['everything']
  // VS Code and Cursor write ${userHome}, Claude Code the variable.
  return { ...entry, command: entry.command.replace(/^\$\{(userHome|HOME)\}/, home) }
}

describe('an entry of an agent', () => {
  it.each(['/work/.mcp.json', '/work/.vscode/mcp.json', '/.claude.json', '/.codex/config.toml'])(
    'in %s leads to the window, stays right after an update, and is taken back',
    async (end) => {
      const file = fileAt(end)
      const original =
        file.format.kind === 'toml' ? 'model = "x"\n' : `{ "${file.container}": {"other": {"url": "x"}} }`
      mkdirSync(dirname(file.path), { recursive: true })
      writeFileSync(file.path, original)
      // An extension of another version made it; this one starts.
      await folder.allow(file.agent)
      await new Launcher(folder.path, '/gone/node', '/gone/cli.js').write()
      await new Launcher(folder.path, process.execPath, bundles.cli).refresh()
      const name = await add(file)
      const window = new EditorWindow(folder, { desk: ['everything'] }, { everything: everythingStdio })
      const client = new Client({ name: 'agent', version: '1' })
      try {
        await window.bridge.begin()
        await client.connect(new StdioClientTransport({ ...started(file), env: { HOME: home }, stderr: 'inherit' }))
        const answer = await client.callTool({ name: 'echo', arguments: { message: 'through an entry' } })
        expect(textOf(answer)).toContain('through an entry')
      } finally {
        await client.close()
        await window.close()
      }
      const now = await readAgentFile(file.path, file.workspace)
      await writeAgentFile(file.path, now, removeServer(file, now.text, name), file.workspace)
      expect(readFileSync(file.path, 'utf8')).toBe(original)
    },
  )
})

describe('an agent’s file', () => {
  it('is made for its owner alone where it is a user’s, and so is the launcher', async () => {
    const file = fileAt(join(home, '.cursor/mcp.json'))
    await add(file)
    expect(statSync(file.path).mode & 0o777).toBe(0o600)
    await new Launcher(folder.path, 'node', 'cli.js').refresh()
    expect(existsSync(join(folder.path, 'bin'))).toBe(false)
    await new Launcher(folder.path, 'node', 'cli.js').write()
    expect(statSync(join(folder.path, 'bin/countersign')).mode & 0o777).toBe(0o700)
  })

  it('keeps its mode, and the link that leads to it', async () => {
    const file = fileAt('/.claude.json')
    const real = join(home, 'dotfiles.json')
    writeFileSync(real, '{}', { mode: 0o640 })
    symlinkSync(real, file.path)
    await add(file)
    expect(lstatSync(file.path).isSymbolicLink()).toBe(true)
    expect(statSync(real).mode & 0o777).toBe(0o640)
    expect(readFileSync(real, 'utf8')).toContain('everything')
  })

  it('is not written when it was changed since it was shown', async () => {
    const file = fileAt('/.claude.json')
    writeFileSync(file.path, '{}')
    const before = await readAgentFile(file.path)
    writeFileSync(file.path, '{"a":1}')
    await expect(writeAgentFile(file.path, before, '{"b":1}')).rejects.toThrow(/changed meanwhile/)
    rmSync(file.path)
    await expect(writeAgentFile(file.path, before, '{"b":1}')).rejects.toThrow(/changed meanwhile/)
    const none = await readAgentFile(file.path)
    writeFileSync(file.path, '{}')
    await expect(writeAgentFile(file.path, none, '{"b":1}')).rejects.toThrow(/changed meanwhile/)
  })

  it.each(['.vscode', '.vscode/mcp.json'])(
    'of a workspace is not followed out of it through a link at %s',
    async (link) => {
      const file = fileAt('/.vscode/mcp.json')
      const outside = join(home, 'outside')
      mkdirSync(outside)
      if (link !== '.vscode') {
        mkdirSync(join(workspace, '.vscode'))
        writeFileSync(join(outside, 'mcp.json'), '{}')
      }
      symlinkSync(link === '.vscode' ? outside : join(outside, 'mcp.json'), join(workspace, link))
      await expect(add(file)).rejects.toThrow(/leads out of/)
    },
  )

  it('is neither followed to nothing, nor read where it is no UTF-8 or no file', async () => {
    const file = fileAt('/.claude.json')
    symlinkSync(join(home, 'nothing'), file.path)
    await expect(readAgentFile(file.path)).rejects.toThrow(/cannot be read/)
    rmSync(file.path)
    writeFileSync(file.path, Uint8Array.of(0x7b, 0xff, 0x7d))
    await expect(readAgentFile(file.path)).rejects.toThrow(/UTF-8/)
    rmSync(file.path)
    mkdirSync(file.path)
    await expect(readAgentFile(file.path)).rejects.toThrow(/cannot be read/)
  })
})

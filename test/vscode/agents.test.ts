import { access, mkdir, readdir, readFile, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { Client } from '@modelcontextprotocol/sdk/client/index.js'
import { StdioClientTransport } from '@modelcontextprotocol/sdk/client/stdio.js'
import { describe, expect, test } from 'vitest'
import { until } from '../demo/waiting.mjs'
import { textOf } from '../fakes/mcpChain.ts'
import { notifications, quickInput, runCommand, screenshot, whyNoEditor } from './driver/index.mjs'
import { builtPackage, choose, type GatewayProcess, openStage, OUTPUT, type Stage, startGateway } from './stage.ts'
import { setUp, stepByStep } from './steps.ts'

const noEditor = await whyNoEditor()
const ORIGINAL = '{\n    "mcpServers": {\n        "other": { "command": "npx", "args": ["-y", "other"] }\n    }\n}\n'

/** An agent outside of the editor, from the palette to a call that the editor's key signs, and back. */
describe.skipIf(noEditor !== undefined)(`agents of a real VS Code${noEditor ? ` (skipped: ${noEditor})` : ''}`, () => {
  let home: string
  let file: string
  let gateway: GatewayProcess
  let stage: Stage

  setUp(async (folder, later) => {
    const workspace = path.join(folder, 'work')
    file = path.join(workspace, '.mcp.json')
    await mkdir(workspace, { recursive: true })
    await writeFile(file, ORIGINAL)
    gateway = await startGateway(path.join(folder, 'gateway'))
    later(() => gateway.stop())
    const settings = {
      'countersign.gateways': { desk: { url: gateway.url, pin: gateway.kid, servers: ['everything'] } },
    }
    stage = await openStage(path.join(folder, 'code'), await builtPackage(), settings, workspace)
    later(() => stage.close())
    home = stage.server.profile.home
  })

  stepByStep('agents', () => ({ stage, gateway }))

  async function open(): Promise<Client> {
    const text: { mcpServers: Record<string, { command: string; args: string[] }> } = JSON.parse(
      await readFile(file, 'utf8'),
    )
    const { command = '', args = [] } = text.mcpServers['everything'] ?? {}
    const client = new Client({ name: 'agent', version: '1' })
    // As Claude Code expands it, with no more of the environment than it takes to find the home folder.
    const entry = { command: command.replace('${HOME}', home), args, env: { HOME: home }, stderr: 'pipe' as const }
    await client.connect(new StdioClientTransport(entry))
    return client
  }

  test('Add to Agent… shows the change as a diff, and closing the list writes nothing', async () => {
    const { page } = stage
    await choose(page, 'Countersign: Add to Agent…', /^\s*everything/)
    await quickInput(page).pick(/Claude Code, project/)
    const diff = page.locator('.monaco-diff-editor:visible')
    await diff.waitFor()
    await until('the entry in the diff', async () => (await diff.innerText()).includes('--agent'))
    await screenshot(page, path.join(OUTPUT, 'add-to-agent.png'))
    await quickInput(page).pick(/Write nothing/)
    await diff.waitFor({ state: 'hidden' })
    expect(await readFile(file, 'utf8')).toBe(ORIGINAL)
    // Nor was anybody let in.
    await expect(access(path.join(home, '.countersign'))).rejects.toThrow('ENOENT')
  })

  test('Add writes the entry, and the agent calls through the window', async () => {
    const { page } = stage
    await choose(page, 'Countersign: Add to Agent…', /^\s*everything/)
    await quickInput(page).pick(/Claude Code, project/)
    await quickInput(page).pick(/^\s*Add\s*$/)
    await notifications(page).waitFor(/has "everything" now/)
    expect(await readFile(file, 'utf8')).toContain('"other": { "command": "npx", "args": ["-y", "other"] }')
    const agent = await open()
    const answer = await agent.callTool({ name: 'echo', arguments: { message: 'from outside of the editor' } })
    expect(textOf(answer)).toContain('from outside of the editor')
    await agent.close()
    // It is the window that signed: the journal is its own, and the shim has no key.
    expect(await readdir(path.join(stage.storage, 'journal'))).not.toHaveLength(0)
  })

  test('Remove and Revoke takes the entry back, and refuses the agent that is running', async () => {
    const { page } = stage
    const agent = await open()
    await choose(page, 'Countersign: Remove from Agent…', /^\s*everything/)
    await quickInput(page).pick(/Remove and Revoke/)
    await notifications(page).waitFor(/is revoked/)
    expect(await readFile(file, 'utf8')).toBe(ORIGINAL)
    await expect(agent.callTool({ name: 'echo', arguments: { message: 'still' } })).rejects.toThrow(/revoked/)
    await agent.close()
    await runCommand(page, 'Countersign: Remove from Agent…')
    await notifications(page).waitFor(/no agent here has an entry/)
  })
})

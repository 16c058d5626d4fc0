import { mkdir, readdir, readFile, stat, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'
import { until } from '../demo/waiting.mjs'
import { commandOf, isAlive } from '../fakes/chainProcess.ts'
import { modalDialog, notifications, panel, quickInput, runCommand, screenshot, whyNoEditor } from './driver/index.mjs'
import { builtPackage, choose, filesWith, openStage, OUTPUT, type Stage } from './stage.ts'
import { setUp, stepByStep } from './steps.ts'

const noEditor = await whyNoEditor()
const EVERYTHING = fileURLToPath(
  new URL('../../node_modules/@modelcontextprotocol/server-everything/dist/index.js', import.meta.url),
)
const TOKEN = 'planted-token-51d0c7aa'
const TENANT = 'planted-tenant-9b2e'
/** With all that a formatter would lose. */
const ORIGINAL = `{
  // whoever clones this is asked for a token of their own
  "inputs": [{ "type": "promptString", "id": "token", "description": "Token of the service", "password": true }],
  "servers": {
      "desk tools":   { "type": "stdio", "command": ${JSON.stringify(process.execPath)},
        "args": [${JSON.stringify(EVERYTHING)}, "stdio"], // as in the handbook
        "env": { "SERVICE_TOKEN": "Bearer \${input:token}", "TENANT": "\${env:COUNTERSIGN_TEST_TENANT}", "ROOT": "\${workspaceFolder}" },
      },
    "old": { "type": "sse", "url": "https://mcp.example/sse" },
  },
}
`

/** A server of the workspace's own file, secured from the palette, called by VS Code's own MCP client, and put back. */
describe.skipIf(noEditor !== undefined)(
  `securing a server in a real VS Code${noEditor ? ` (skipped: ${noEditor})` : ''}`,
  () => {
    let workspace: string
    let file: string
    let stage: Stage

    setUp(async (folder, later) => {
      workspace = path.join(folder, 'work')
      file = path.join(workspace, '.vscode/mcp.json')
      await mkdir(path.dirname(file), { recursive: true })
      await writeFile(file, ORIGINAL)
      process.env['COUNTERSIGN_TEST_TENANT'] = TENANT
      later(async () => delete process.env['COUNTERSIGN_TEST_TENANT'])
      stage = await openStage(path.join(folder, 'code'), await builtPackage(), {}, workspace)
      later(() => stage.close())
    })

    stepByStep('secure', () => ({ stage }))

    /** Processes whose command line has this in it. */
    async function running(part: string): Promise<number[]> {
      const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name)).map(Number)
      return pids.filter((pid) => isAlive(pid) && commandOf(pid).includes(part))
    }

    test('nothing is run or written before what is run was shown in full and agreed to', async () => {
      const { page } = stage
      await runCommand(page, 'Countersign: Secure Existing Server…')
      const input = quickInput(page)
      await until('both servers', async () => (await input.rows()).length >= 2)
      await screenshot(page, path.join(OUTPUT, 'secure-servers.png'))
      expect((await input.rows()).join('\n')).toMatch(/transport that a gateway does not speak/)
      await input.pick(/desk tools/)
      const modal = modalDialog(page)
      await modal.waitFor()
      await screenshot(page, path.join(OUTPUT, 'secure-consent.png'))
      const detail = await modal.detail()
      expect(detail).toContain(`"${process.execPath}" "${EVERYTHING}" "stdio"`)
      expect(detail).toContain('SERVICE_TOKEN="Bearer "<input "token">')
      expect(detail).toContain('TENANT=<variable COUNTERSIGN_TEST_TENANT>')
      expect(detail).toContain(`ROOT="${workspace}"`)
      await modal.click('Cancel')
      expect(await readFile(file, 'utf8')).toBe(ORIGINAL)
      expect(await running(EVERYTHING)).toEqual([])
      expect(await readdir(stage.storage).catch(() => [])).not.toContain('secured')
    })

    test('Secure shows the change, asks for the input, and the file names the shim alone', async () => {
      const { page } = stage
      await choose(page, 'Countersign: Secure Existing Server…', /desk tools/)
      const modal = modalDialog(page)
      await modal.waitFor()
      await modal.click('Continue')
      const diff = page.locator('.monaco-diff-editor:visible')
      await diff.waitFor()
      await until('the entry in the diff', async () => (await diff.innerText()).includes('--agent'), 60_000)
      await screenshot(page, path.join(OUTPUT, 'secure-diff.png'))
      await quickInput(page).pick(/^\s*Secure/)
      await until('the question for the token', async () => (await quickInput(page).title()).includes('token'))
      await screenshot(page, path.join(OUTPUT, 'secure-input.png'))
      await quickInput(page).type(TOKEN)
      await quickInput(page).accept()
      await notifications(page).waitFor(/"desk tools" \(\d+ tools\) goes through Countersign now/)
      await screenshot(page, path.join(OUTPUT, 'secure-done.png'))
      const text = await readFile(file, 'utf8')
      expect(text).toContain('"${userHome}/.countersign/bin/countersign"')
      expect(text).toContain('// whoever clones this is asked for a token of their own')
      expect(text).not.toContain(EVERYTHING)
      // Neither in the workspace nor in any other file of ours.
      expect(await filesWith(workspace, TOKEN)).toEqual([])
      expect(await filesWith(stage.storage, TOKEN)).toEqual([])
      expect(await filesWith(stage.storage, TENANT)).toEqual([])
      const secured = path.join(stage.storage, 'secured/local-desk-tools')
      for (const name of ['gateway.json', 'server.json', 'vault.json', 'vault.key'])
        expect((await stat(path.join(secured, name))).mode & 0o777, name).toBe(0o600)
    })

    test('VS Code’s own client calls the tool through it, with the secrets that the entry names', async () => {
      const { server, page } = stage
      const tool = await server.helper.waitForTool('_get-env', { start: true, timeout: 90_000 })
      const tools = await server.helper.tools()
      // Once: what is in the editor's own file is not listed a second time by the extension.
      expect(tools.filter(({ name }) => name.includes('_get-env'))).toHaveLength(1)
      const answer = await server.helper.invokeTool(tool.name, {})
      expect(answer).toContain(`Bearer ${TOKEN}`)
      expect(answer).toContain(TENANT)
      expect(answer).toContain(workspace)
      await runCommand(page, 'Countersign: Open Panel')
      const shown = panel(page)
      await shown.waitFor()
      await shown.show('sessions')
      const [session, ...others] = await shown.sessions()
      expect(others).toEqual([])
      expect(session).toMatchObject({ state: 'ready', servers: 'desk-tools', custody: ['software', 'software'] })
      await screenshot(page, path.join(OUTPUT, 'secure-panel.png'))
      await shown.show('contexts')
      await shown.filter('get-env')
      await until('both directions, verified', async () => {
        const rows = (await shown.contexts()).filter(({ about }) => about === 'get-env')
        return rows.length >= 2 && rows.every(({ verdict }) => verdict === 'verified')
      })
      expect(await running('local-desk-tools/gateway.json')).not.toEqual([])
    })

    test('a server that goes through Countersign is shown as such and not secured twice', async () => {
      const { page } = stage
      await runCommand(page, 'Countersign: Secure Existing Server…')
      const input = quickInput(page)
      await until('the server, as secured', async () =>
        (await input.rows()).some((row) => /^desk tools.*already$/.test(row)),
      )
      await input.pick(/desk tools/)
      await notifications(page).waitFor(/goes through Countersign already/)
      await runCommand(page, 'Countersign: Remove from Agent…')
      await notifications(page).waitFor(/no agent here has an entry/)
    })

    test('Stop Securing Server… puts back every byte, and nothing of it runs or remains', async () => {
      const { page } = stage
      const gateways = await running('local-desk-tools/gateway.json')
      await choose(page, 'Countersign: Stop Securing Server…', /desk tools/)
      const diff = page.locator('.monaco-diff-editor:visible')
      await diff.waitFor()
      await screenshot(page, path.join(OUTPUT, 'secure-stop.png'))
      await quickInput(page).pick(/Stop Securing and Revoke/)
      await notifications(page).waitFor(/is as it was before/)
      expect(await readFile(file, 'utf8')).toBe(ORIGINAL)
      expect(await readdir(path.join(stage.storage, 'secured'))).toEqual(['journal'])
      await until('the gateway to be gone', async () => !gateways.some(isAlive))
      expect(await running('local-desk-tools/gateway.json')).toEqual([])
      expect(await readdir(path.join(stage.server.profile.home, '.countersign'))).not.toContain('agent-vscode.token')
      const settings = await readFile(path.join(stage.server.profile.userData, 'Machine/settings.json'), 'utf8')
      expect(settings).not.toContain('local-desk-tools')
      await runCommand(page, 'Countersign: Stop Securing Server…')
      await notifications(page).waitFor(/no server here was secured/)
    })
  },
)

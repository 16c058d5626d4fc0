import { mkdir, readFile, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { describe, expect, test } from 'vitest'
import { until } from '../demo/waiting.mjs'
import {
  askAgent,
  modalDialog,
  notifications,
  quickInput,
  runCommand,
  screenshot,
  webviewFrame,
  whyNoEditor,
} from './driver/index.mjs'
import { FalseGateway } from './falseGateway.ts'
import { builtPackage, choose, type GatewayProcess, openStage, OUTPUT, type Stage, startGateway } from './stage.ts'
import { setUp, stepByStep } from './steps.ts'

const noEditor = await whyNoEditor()

describe.skipIf(noEditor !== undefined)(
  `evidence in a real VS Code${noEditor ? ` (skipped: ${noEditor})` : ''}`,
  () => {
    let bundle: string
    let gateway: GatewayProcess
    let liar: FalseGateway
    let stage: Stage

    setUp(async (folder, later) => {
      gateway = await startGateway(path.join(folder, 'gateway'))
      later(() => gateway.stop())
      liar = await FalseGateway.listen()
      later(() => liar.close())
      const workspace = path.join(folder, 'workspace')
      await mkdir(workspace, { recursive: true })
      bundle = path.join(workspace, 'session.countersign')
      stage = await openStage(
        path.join(folder, 'code'),
        await builtPackage(),
        { 'countersign.gateways': { desk: desk() } },
        workspace,
      )
      later(() => stage.close())
    })

    stepByStep('bundle', () => ({ stage, gateway }))

    test('a session is exported, and its bundle is verified by the editor that opens it', async () => {
      const { page, server } = stage
      await choose(page, 'Countersign: Connect to Server…', /everything/)
      await modalDialog(page).click('Trust and Pin')
      await notifications(page).waitFor(/Connected to desk/)
      await server.helper.waitForTool('_echo', { start: true })
      await server.helper.script('_echo', { message: 'Into the bundle' })
      await askAgent(page, server.helper, 'Say it')
      await server.helper.command('workbench.action.closeAuxiliaryBar')
      await runCommand(page, 'Countersign: Disconnect')
      await notifications(page).waitFor(/Disconnected from desk/)

      const list = quickInput(page)
      await runCommand(page, 'Countersign: Export Evidence…')
      await list.pick(/A session/)
      // By the time at which it began; it is the only one.
      await list.pick(/\d:\d\d/)
      await list.pick(/With the bytes/)
      await list.answer(/Export Evidence/, bundle)
      await notifications(page).waitFor(/went into .*\.countersign/)
      // Where the editor's own dialog put it: it may have its way with what is typed.
      const said = (await notifications(page).texts()).join('\n')
      bundle = /went into (\S+\.countersign)/.exec(said)?.[1] ?? ''
      await notifications(page).click(/went into/, 'Open')
      await verdictIs('Verified')
      const text = await shown()
      expect(text).toContain('gateway')
      expect(text).toMatch(/Manifest|manifest holds/)
      await screenshot(page, path.join(OUTPUT, 'bundle-verified.png'))
    })

    test('one changed byte is false, without anybody opening the bundle again', async () => {
      const bytes = await readFile(bundle)
      const at = bytes.indexOf('"how":"sent"')
      expect(at).toBeGreaterThan(0)
      await writeFile(
        bundle,
        Buffer.concat([bytes.subarray(0, at), Buffer.from('"how":"Sent"'), bytes.subarray(at + 12)]),
      )
      await verdictIs('False')
      await screenshot(stage.page, path.join(OUTPUT, 'bundle-false.png'))
      await writeFile(bundle, bytes)
      await verdictIs('Verified')
    })

    test('a context opens as a document that says what it is', async () => {
      const { page } = stage
      const list = quickInput(page)
      await runCommand(page, 'Countersign: Open Context as Document…')
      await list.row(/echo/).waitFor()
      await list.pick(/echo/)
      await page.locator('.tab.active', { hasText: 'rendering' }).waitFor()
      const lines = page.locator('.editor-instance .view-lines')
      await until('the document', async () => {
        const text = (await lines.innerText()).replaceAll('\u00a0', ' ')
        return text.includes('Countersign: a rendering') && text.includes('"jsonrpc"')
      })
      await screenshot(page, path.join(OUTPUT, 'context-document.png'))
    })

    test('a rejection is a number on the activity bar until somebody looks', async () => {
      const { page, server } = stage
      await server.helper.command('workbench.view.explorer')
      const bank = { url: liar.url, pin: liar.kid, servers: ['bank'] }
      await server.updateSettings({ 'countersign.gateways': { desk: desk(), liar: bank } })
      await choose(page, 'Countersign: Connect to Server…', /bank/)
      await notifications(page).waitFor(/Connected to liar/)
      await server.helper.waitForTool('_balance', { start: true })
      await server.helper.script('_balance', {})
      await askAgent(page, server.helper, 'How much?')
      await server.helper.command('workbench.action.closeAuxiliaryBar')
      const icon = page
        .locator('.activitybar .action-item', { has: page.locator('[aria-label*="Countersign"]') })
        .first()
      const badge = icon.locator('.badge-content')
      await until('the badge', async () => (await badge.count()) > 0 && (await badge.first().innerText()) === '1')
      await screenshot(page, path.join(OUTPUT, 'badge.png'))
      await server.helper.command('workbench.view.extension.countersign')
      await until('no badge', async () => !(await badge.first().isVisible()))
    })

    const desk = () => ({ url: gateway.url, servers: ['everything'] })
    const frame = () => webviewFrame(stage.page, 'countersign.countersign')
    const shown = async () => await frame().locator('.report').innerText()

    async function verdictIs(verdict: string): Promise<void> {
      await frame().locator('h1', { hasText: verdict }).waitFor()
    }
  },
)

import { mkdir, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { describe, expect, test } from 'vitest'
import { until } from '../demo/waiting.mjs'
import {
  askAgent,
  modalDialog,
  notifications,
  type Panel,
  panel,
  quickInput,
  runCommand,
  screenshot,
  type SessionRow,
  whyNoEditor,
} from './driver/index.mjs'
import { FALSEHOOD, FalseGateway } from './falseGateway.ts'
import {
  builtPackage,
  choose,
  type GatewayProcess,
  openStage,
  OUTPUT,
  packageWithoutNativeModule,
  type Stage,
  startGateway,
} from './stage.ts'
import { setUp, stepByStep } from './steps.ts'

const noEditor = await whyNoEditor()

/** The package of a platform for which no native module is built, and what goes wrong with gateways. */
describe.skipIf(noEditor !== undefined)(`trouble in a real VS Code${noEditor ? ` (skipped: ${noEditor})` : ''}`, () => {
  let folder: string
  let gateway: GatewayProcess
  let liar: FalseGateway
  let stage: Stage
  let shown: Panel

  setUp(async (made, later) => {
    folder = made
    const vsix = await packageWithoutNativeModule(await builtPackage(), folder)
    gateway = await startGateway(path.join(folder, 'gateway'))
    later(() => gateway.stop())
    liar = await FalseGateway.listen()
    later(() => liar.close())
    const workspace = path.join(folder, 'workspace')
    await mkdir(path.join(workspace, '.vscode'), { recursive: true })
    const planted = { 'countersign.gateways': { planted: { command: '/bin/planted', servers: ['planted'] } } }
    await writeFile(path.join(workspace, '.vscode/settings.json'), JSON.stringify(planted))
    stage = await openStage(
      path.join(folder, 'code'),
      vsix,
      {
        'countersign.gateways': {
          desk: { url: gateway.url, servers: ['everything'] },
          liar: { url: liar.url, pin: liar.kid, servers: ['bank'] },
        },
        'countersign.modules': [
          { path: '/usr/lib/no-such-module.so', name: 'Absent HSM' },
          { path: process.execPath, name: 'Any HSM' },
        ],
      },
      workspace,
    )
    later(() => stage.close())
    shown = panel(stage.page)
  })

  stepByStep('trouble', () => ({ stage, gateway }))

  test('without a native module it activates, and the vault signs', async () => {
    const { page, server } = stage
    await runCommand(page, 'Countersign: Connect to Server…')
    const list = quickInput(page)
    await list.row(/everything/).waitFor()
    // What a workspace says about gateways is not even listed.
    expect((await list.rows()).join('\n')).not.toContain('planted')
    await list.pick(/everything/)
    await modalDialog(page).click('Trust and Pin')
    await notifications(page).waitFor(/Connected to desk with MLKEM1024/)
    expect(await server.helper.extension('countersign.countersign')).toMatchObject({ isActive: true })
    await server.helper.waitForTool('_echo', { start: true })
    expect(await echo('Signed by the vault')).toContain('Echo: Signed by the vault')
    expect((await sessionIs('ready')).custody).toEqual(['software', 'software'])
  })

  test('Disconnect holds until a person connects again', async () => {
    const { page } = stage
    await choose(page, 'Countersign: Disconnect', /desk/)
    await notifications(page).waitFor(/Disconnected from desk/)
    await sessionIs('closed')
    const answer = await echo('Still there?')
    expect(answer).not.toContain('Echo:')
    expect(answer).toMatch(/[Cc]onnect/)
    await connect(/everything/)
    await notifications(page).waitFor(/Connected to desk/)
    await sessionIs('ready')
    expect(await echo('Back again')).toContain('Echo: Back again')
  })

  test('a list stays when the panel takes the focus', async () => {
    const { page } = stage
    const list = quickInput(page)
    await runCommand(page, 'Countersign: Connect to Server…')
    await list.row(/everything/).waitFor()
    await shown.locator('#tab-sessions').click()
    await until(
      'the focus in the panel',
      async () =>
        await page.locator('body').evaluate(({ ownerDocument }) => ownerDocument.activeElement?.tagName === 'IFRAME'),
    )
    expect(await list.row(/everything/).isVisible()).toBe(true)
    await list.cancel()
    await list.waitForClosed()
  })

  test('a module that cannot be loaded says so, and what to do', async () => {
    const { page } = stage
    await runCommand(page, 'Countersign: Select HSM Slot…')
    const input = quickInput(page)
    await input.waitFor()
    const rows = await until('the modules in the list', async () => {
      const rows = await input.rows()
      return rows.some((row) => row.includes('Any HSM')) && rows
    })
    await screenshot(page, path.join(OUTPUT, 'no-native-module.png'))
    expect(rows.find((row) => row.includes('Absent HSM'))).toMatch(/not loaded.*no-such-module\.so/)
    expect(rows.find((row) => row.includes('Any HSM'))).toMatch(/not loaded.*vault/)
    await input.pick(/Any HSM/)
    const modal = modalDialog(page)
    await modal.waitFor()
    expect(await modal.message()).toContain('PKCS#11')
    // The list comes back by itself. One that comes back later would take the place of the next palette.
    await input.waitForClosed()
    await page.keyboard.press('Escape')
    await input.row(/Any HSM/).waitFor()
    await input.cancel()
    await input.waitForClosed()
  })

  test('a gateway whose key changed is blocked, and nothing is sent', async () => {
    const { url } = gateway
    expect(await gateway.stop()).toBe(0)
    // The editor's own MCP client may want its stream of events back already.
    await sessionIs('failed', 'closed', 'reconnecting')
    const other = await startGateway(path.join(folder, 'other'), { listen: url })
    try {
      const answer = await echo('To whom?')
      expect(answer).not.toContain('Echo: To whom?')
      expect(answer).toMatch(/key/)
      const session = await sessionIs('blocked')
      expect(session.pin).toBe('pinned')
      const words = await shown.text()
      expect(words).toContain('is blocked')
      expect(words).toContain('Nothing was sent')
      const kids = await shown.locator('.trouble code').evaluateAll((codes) => codes.map((code) => code.title))
      expect(kids).toEqual(expect.arrayContaining([gateway.kid, other.kid]))
      await screenshot(stage.page, path.join(OUTPUT, 'panel-blocked.png'))
      expect(other.output()).not.toContain('a session began')
    } finally {
      await other.stop()
    }
  })

  test('a gateway that is away: a person is told at once, a call waits until it is back', async () => {
    const { url } = gateway
    const { page } = stage
    await connect(/everything/)
    await notifications(page).waitFor(/cannot be reached|does not answer/)
    await screenshot(page, path.join(OUTPUT, 'gateway-away.png'))
    await sessionIs('failed', 'reconnecting')

    // A call waits for a gateway that is restarted.
    const answer = echo('Welcome back')
    await sessionIs('reconnecting')
    gateway = await startGateway(path.join(folder, 'gateway'), { listen: url })
    expect(await answer).toContain('Echo: Welcome back')
    await sessionIs('ready')
  })

  test('a gateway that sends other bytes than it signed: rejected, withheld, and the agent is told', async () => {
    const { page, server } = stage
    await connect(/bank/)
    await notifications(page).waitFor(/Connected to liar/)
    await server.helper.waitForTool('_balance', { start: true })
    await server.helper.script('_balance', {})
    const { answer } = await askAgent(page, server.helper, 'How much?')
    expect(answer).not.toContain(FALSEHOOD)
    expect(answer).toContain('not the ones that were signed')
    expect(await page.locator('body').innerText()).not.toContain(FALSEHOOD)

    await server.helper.command('workbench.action.closeAuxiliaryBar')
    await server.helper.command('notifications.clearAll')
    await server.helper.command('countersign.openPanel')
    await shown.waitFor()
    expect(await page.locator('#countersign\\.countersign\\.countersign\\.status').innerText()).toContain('1 rejected')
    await shown.show('contexts')
    await shown.filter('balance')
    const rejected = await until('the rejection', async () =>
      (await shown.contexts()).find(({ verdict }) => verdict === 'rejected'),
    )
    expect(rejected).toMatchObject({ direction: 'from', server: 'bank' })
    expect(await shown.counters()).toMatchObject({ rejected: 1 })
    await shown.openContext('balance', 'from')
    await shown.filter('')
    const opened = await shown.openedContext()
    expect(opened.verdict).toBe('rejected')
    expect(opened.checks.filter(({ passed }) => !passed).map(({ name }) => name)).toEqual([
      'context is as stated',
      'bound to this question',
    ])
    expect(opened.text).toContain('not the ones that were signed')
    expect(opened.text).toContain('Withheld')
    await screenshot(page, path.join(OUTPUT, 'panel-rejected.png'))
    expect(await shown.text()).not.toContain(FALSEHOOD)
    await shown.press('Show bytes anyway')
    await until('the bytes', async () => (await shown.text()).includes(FALSEHOOD))
  })

  async function connect(server: RegExp): Promise<void> {
    await choose(stage.page, 'Countersign: Connect to Server…', server)
  }

  async function echo(message: string): Promise<string> {
    await stage.server.helper.script('_echo', { message: '$PROMPT' })
    const { answer } = await askAgent(stage.page, stage.server.helper, message)
    await stage.server.helper.command('workbench.action.closeAuxiliaryBar')
    return answer
  }

  async function sessionIs(...states: string[]) {
    if (!(await shown.locator('.signer').isVisible())) await stage.server.helper.command('countersign.openPanel')
    await shown.waitFor()
    await shown.show('sessions')
    let seen: SessionRow | undefined
    return await until(
      () => `a session that is ${states.join(' or ')}, not ${JSON.stringify(seen)}`,
      async () => {
        ;[seen] = await shown.sessions()
        return seen !== undefined && states.includes(seen.state) && seen
      },
    )
  }
})

import { readdir } from 'node:fs/promises'
import path from 'node:path'
import { describe, expect, test } from 'vitest'
import { until } from '../demo/waiting.mjs'
import { initNssToken, type NssToken, whyNoNss } from '../integration/keys/nssToken.ts'
import {
  askAgent,
  modalDialog,
  notifications,
  type Panel,
  panel,
  quickInput,
  runCommand,
  screenshot,
  whyNoEditor,
} from './driver/index.mjs'
import {
  builtPackage,
  choose,
  cli,
  filesWith,
  type GatewayProcess,
  openStage,
  OUTPUT,
  type Stage,
  startGateway,
} from './stage.ts'
import { setUp, stepByStep } from './steps.ts'

const skipped = (await whyNoEditor()) ?? (await whyNoNss())

const PIN = 'planted-First-5b20e7'
const NEXT_PIN = 'planted-Next-90c1d4'
const SPARE_PIN = 'planted-Spare-31ffa8'
const WRONG_PIN = 'planted-Wrong-77ab03'
const KEY = 'mcp-identity-key'
const NEXT_KEY = 'mcp-identity-key-2'

/** One key's life, from the first look into a module to its end, as a person goes through it: in order, in one VS Code. */
describe.skipIf(skipped !== undefined)(`an HSM in a real VS Code${skipped ? ` (skipped: ${skipped})` : ''}`, () => {
  let folder: string
  let gateway: GatewayProcess
  let token: NssToken
  let spare: NssToken
  let stage: Stage
  let shown: Panel
  let kid = ''
  let nextKid = ''

  setUp(async (made, later) => {
    folder = made
    gateway = await startGateway(path.join(folder, 'gateway'))
    later(() => gateway.stop())
    token = await initNssToken(path.join(folder, 'token'), { pin: PIN })
    spare = await initNssToken(path.join(folder, 'spare'), { pin: SPARE_PIN })
    const moduleOf = ({ module, libraryParameters }: NssToken, name: string) => ({
      path: module,
      libraryParameters,
      name,
    })
    stage = await openStage(path.join(folder, 'code'), await builtPackage(), {
      'countersign.gateways': { desk: { url: gateway.url, servers: ['everything'] } },
      'countersign.modules': [moduleOf(token, 'Ops HSM'), moduleOf(spare, 'Spare HSM')],
    })
    later(() => stage.close())
    await stage.page.context().grantPermissions(['clipboard-read', 'clipboard-write'])
    shown = panel(stage.page)
  })

  stepByStep('hsm', () => ({ stage, gateway }))

  test('Select HSM Slot… makes a key in a token, and signs with it', async () => {
    const { page } = stage
    await choose(page, 'Countersign: Select HSM Slot…', /Create Identity Key…/)
    await makeKey(KEY)
    await givePin(/^Unlock/, PIN)
    const said = notifications(page)
    await said.waitFor(new RegExp(`${KEY} in .* signs the next context`))
    await said.click('Keep its PIN', "Don't Keep")
  })

  test('the gateway meets that key, and serves its calls', async () => {
    await choose(stage.page, 'Countersign: Connect to Server…', /everything/)
    await modalDialog(stage.page).click('Trust and Pin')
    await notifications(stage.page).waitFor(/Connected to desk/)
    await stage.server.helper.waitForTool('_echo', { start: true })
    expect(await echo('Signed inside')).toContain('Echo: Signed inside')
  })

  test('Copy Public Key… gives the forms that others take', async () => {
    kid = await copied(KEY, /^kid$/)
    expect(kid).toMatch(/^[A-Za-z0-9_-]{43}$/)
    // Its log shows the first characters of a kid.
    expect(gateway.output()).toContain(`kid=${kid.slice(0, 12)} `)
    const jwk: { kty: string; alg: string } = JSON.parse(await copied(KEY, /^JWK$/))
    expect(jwk).toMatchObject({ kty: 'AKP', alg: 'ML-DSA-87' })
    const pem = await copied(KEY, /^SPKI PEM$/)
    expect(pem).toMatch(/^-----BEGIN PUBLIC KEY-----\n(?:[\w+/=]{1,64}\n)+-----END PUBLIC KEY-----\n$/)
    expect(await copied(KEY, /^Words$/)).toMatch(/^(?:[a-z]{5} ?){6}$/)
  })

  test('Probe Slot… finds out what the token really does', async () => {
    const { page } = stage
    await choose(page, 'Countersign: Probe Slot…', slotRow())
    const modal = modalDialog(page)
    await modal.waitFor()
    await screenshot(page, path.join(OUTPUT, 'hsm-probe.png'))
    expect(await modal.message()).toContain('does what it says: ML-DSA-87, ML-DSA-65, ML-DSA-44')
    expect((await modal.detail()).match(/the signature verifies in software/g)).toHaveLength(3)
    await modal.click('OK')
  })

  test('Change PIN… takes the old one, the new one twice, and nothing else', async () => {
    const { page } = stage
    await choose(page, 'Countersign: Change PIN…', slotRow())
    await givePin(/1\/3/, WRONG_PIN)
    await givePin(/2\/3/, NEXT_PIN)
    await givePin(/3\/3/, NEXT_PIN)
    const modal = modalDialog(page)
    await modal.waitFor()
    expect(await modal.message()).toContain('did not accept the PIN')
    await modal.click('Try Again')
    await givePin(/1\/3/, PIN)
    await givePin(/2\/3/, NEXT_PIN)
    // Not the same: both are asked for again.
    await givePin(/3\/3/, WRONG_PIN)
    await givePin(/2\/3/, NEXT_PIN)
    await givePin(/3\/3/, NEXT_PIN)
    await notifications(page).waitFor(/The PIN of .* was changed/)
  })

  test('Lock Now: calls fail and say why, until somebody unlocks with the new PIN', async () => {
    const { page } = stage
    await runCommand(page, 'Countersign: Lock Now')
    const said = notifications(page)
    await said.waitFor(/Everything is locked/)
    const answer = await echo('While it is locked')
    expect(answer).not.toContain('Echo:')
    expect(answer).toMatch(/locked|PIN/)
    expect(await page.locator('#countersign\\.countersign\\.countersign\\.status').innerText()).toContain('PIN wanted')
    await said.click('Everything is locked', 'Unlock')
    await givePin(/^Unlock/, PIN)
    const modal = modalDialog(page)
    await modal.waitFor()
    expect(await modal.message()).toContain('did not accept the PIN')
    await modal.click('Try Again')
    await givePin(/^Unlock/, NEXT_PIN)
    expect(await echo('Open again')).toContain('Echo: Open again')
    // Whoever did not want it is not asked again.
    expect((await said.texts()).join('\n')).not.toContain('Keep its PIN')
  })

  test('Rotate Key… waits for the gateway’s operator, can be left open, and taken back', async () => {
    const { page } = stage
    await choose(page, 'Countersign: Rotate Key…', /In .*slot \d/)
    await makeKey(NEXT_KEY)
    const modal = modalDialog(page)
    await modal.waitFor()
    await screenshot(page, path.join(OUTPUT, 'hsm-rotate.png'))
    expect(await modal.detail()).toContain('PINs are asked anew')
    await modal.click('Rotate')
    await givePin(/^Unlock/, NEXT_PIN)
    await untilAnswered()
    await screenshot(page, path.join(OUTPUT, 'hsm-rotate-pending.png'))
    expect(await modal.detail()).toContain('desk waits for its operator')
    await modal.click('Decide Later')

    // Begun already: it is not signed again, and nothing is chosen.
    await runCommand(page, 'Countersign: Rotate Key…')
    await untilAnswered()
    await modal.click('Cancel Rotation')
    await notifications(page).waitFor(/The rotation was cancelled/)
    expect(await echo('As if nothing had been')).toContain('Echo: As if nothing had been')
  })

  test('the operator confirms, and the next key signs', async () => {
    const { page } = stage
    await choose(page, 'Countersign: Rotate Key…', keyRow(NEXT_KEY))
    const modal = modalDialog(page)
    await modal.waitFor()
    await modal.click('Rotate')
    await givePin(/^Unlock/, NEXT_PIN)
    await untilAnswered()
    nextKid = /trust confirm ([A-Za-z0-9_-]{43})/.exec(await modal.detail())?.[1] ?? ''
    const confirmed = await cli('trust', 'confirm', nextKid, '--config', gateway.config)
    expect(confirmed).toMatchObject({ code: 0, stderr: '' })
    await modal.click('Ask Again')
    await notifications(page).waitFor(new RegExp(`${NEXT_KEY} in .* signs the next context`))
    expect(await copied(NEXT_KEY, /^kid$/)).toBe(nextKid)
    expect(await echo('Signed by the next key')).toContain('Echo: Signed by the next key')
    expect(gateway.output()).toContain(nextKid.slice(0, 12))
  })

  test('the panel shows both keys where they are in their lives', async () => {
    await openHsmView()
    const states = await until('both keys', async () => {
      const rows = await shown.hsm()
      const [old, next] = [KEY, NEXT_KEY].map((key) => rows.find((row) => row.startsWith(`${key},`)))
      return old !== undefined && next?.includes('identity of this editor') === true && { old, next }
    })
    expect(states.old).toContain('retiring')
    expect(states.next).toContain('active')
    await shown.locator(`#hsm-tree .tr[aria-label^="${KEY},"]`).click()
    await until('its time line', async () => (await shown.text()).includes('Life cycle'))
    await screenshot(stage.page, path.join(OUTPUT, 'hsm-panel.png'))
    expect(await shown.looks()).toEqual({ pale: [], overflowing: false })
    // The tree beside it says the same.
    await stage.server.helper.command('countersign.slots.focus')
    const tree = stage.page.locator('.sidebar .monaco-list-row', { hasText: NEXT_KEY })
    await tree.waitFor({ timeout: 20_000 })
    await screenshot(stage.page, path.join(OUTPUT, 'hsm-tree.png'))
    await stage.server.helper.command('workbench.view.explorer')
  })

  test('Retire, revoke and destroy end the old key, each after it said what stops', async () => {
    const { page } = stage
    const modal = modalDialog(page)
    const said = notifications(page)
    await choose(page, 'Countersign: Retire Key…', keyRow(KEY))
    await modal.waitFor()
    expect(await modal.detail()).toContain('no session ends')
    await modal.click('Retire')
    await said.waitFor(`${KEY} is retired`)

    await choose(page, 'Countersign: Revoke Key…', keyRow(KEY))
    await modal.waitFor()
    expect(await modal.detail()).toContain('It is for ever')
    await modal.click('Revoke')
    await said.waitFor(`${KEY} is revoked`)

    // Chosen by hand it is refused: its life is over.
    await choose(page, 'Countersign: Select HSM Slot…', keyRow(KEY))
    await said.waitFor(`The key "${KEY}" was revoked`)

    await choose(page, 'Countersign: Destroy Key…', keyRow(KEY))
    await modal.waitFor()
    await screenshot(page, path.join(OUTPUT, 'hsm-destroy.png'))
    await modal.click('Continue')
    const box = quickInput(page)
    await box.waitFor()
    await box.type(NEXT_KEY)
    await box.enter()
    await box.waitForMessage('nothing is done')
    await box.type(KEY)
    await box.accept()
    await said.waitFor(`${KEY} was destroyed`)
    await openHsmView()
    const rows = await until('the key to be gone', async () => {
      const all = await shown.hsm()
      return all.every((row) => !row.startsWith(`${KEY},`)) && all
    })
    expect(rows.some((row) => row.startsWith(`${NEXT_KEY},`))).toBe(true)
  })

  test('Initialise Token… says what is lost, and wants its name before it does it', async () => {
    const { page } = stage
    const modal = modalDialog(page)
    await runCommand(page, 'Countersign: Initialise Token…')
    const list = quickInput(page)
    const { tokenLabel } = spare
    await list.pick(new RegExp(tokenLabel), `Spare HSM, slot ${spare.slot}`)
    await modal.waitFor()
    await screenshot(page, path.join(OUTPUT, 'hsm-initialise.png'))
    expect(await modal.message()).toContain('Destroy everything')
    await modal.click('Continue')
    await list.answer(/Initialise/, tokenLabel)
    await list.answer(/Initialise/, 'second life')
    await givePin(/1\/3/, '')
    await givePin(/2\/3/, NEXT_PIN)
    await givePin(/3\/3/, NEXT_PIN)
    await notifications(page).waitFor(/was initialised as "second life"/)
    // Nobody can log in to it with the PIN of its first life.
    await runCommand(page, 'Countersign: Unlock Token…')
    await list.pick(new RegExp(tokenLabel), `Spare HSM, slot ${spare.slot}`)
    await givePin(/^Unlock/, SPARE_PIN)
    await modal.waitFor()
    await modal.click('Try Again')
    await givePin(/^Unlock/, NEXT_PIN)
    await notifications(page).click('Keep its PIN', "Don't Keep")
  })

  test('Export Keys… lets others verify by windows, and no PIN is in any file', async () => {
    const { page } = stage
    const ring = path.join(folder, 'keys.json')
    await runCommand(page, 'Countersign: Export Keys…')
    const dialog = quickInput(page)
    // It reads folders while somebody types, and loses what is typed before it is done with that.
    await until('the dialog', async () =>
      (await dialog.input.inputValue().catch(() => '')).endsWith('countersign-keys.json'),
    )
    await dialog.type(ring)
    await until('the folder in the dialog', async () => (await dialog.rows()).some((row) => row.includes('gateway')))
    await until('the end of the dialog', async () => {
      if (!(await dialog.widget.isVisible())) return true
      await dialog.enter().catch(() => {})
      return false
    })
    await notifications(page).waitFor(/2 keys went into/)
    await stage.close()
    expect(await gateway.stop()).toBe(0)
    const names = await readdir(gateway.journal, { recursive: true })
    const files = names.filter((name) => name.endsWith('.jsonl')).map((name) => path.join(gateway.journal, name))
    const { code, stdout } = await cli('verify', '--trust', gateway.kid, '--trust', ring, ...files)
    // The editor's last session is lost when its processes are told to end, and lacks nothing but its `close` statements. What
    // a revoked key signed before is somebody's word: whoever has the key could have signed it today.
    const lacking = stdout.split('\n').filter((line) => line.startsWith('incomplete'))
    expect(lacking.filter((line) => !/no close statement | its key was revoked later/.test(line))).toEqual([])
    expect(code === 0 || code === 2).toBe(true)
    expect(stdout).toMatch(/: [1-9]\d* hold, 0 false/)
    // Without the ring nobody knows whose these keys are.
    expect((await cli('verify', '--trust', gateway.kid, ...files)).code).toBe(1)
    for (const pin of [PIN, NEXT_PIN, SPARE_PIN, WRONG_PIN]) {
      expect(await filesWith(folder, pin, ['extensions'])).toEqual([])
      expect(stage.server.log() + gateway.output() + stage.errors.join('\n')).not.toContain(pin)
    }
  })

  const givePin = (title: RegExp, pin: string) => quickInput(stage.page).givePin(title, pin)
  const slotRow = () => new RegExp(token.tokenLabel)
  const keyRow = (label: string) => new RegExp(`(?<![\\w-])${label}$`)

  /** The boxes that a new key wants: label, algorithm, CKA_ID. */
  async function makeKey(label: string): Promise<void> {
    const box = quickInput(stage.page)
    await until('the box for the label', async () => (await box.input.inputValue().catch(() => '')) === label)
    await box.accept()
    await box.pick(/^ML-DSA-87$/)
    await box.waitForMessage('CKA_ID')
    await box.accept()
  }

  /** The gateway said that its operator has to decide. */
  async function untilAnswered(): Promise<void> {
    await modalDialog(stage.page).waitForMessage('0 of 1')
  }

  async function copied(label: string, form: RegExp): Promise<string> {
    const { page } = stage
    await choose(page, 'Countersign: Copy Public Key…', keyRow(label))
    await quickInput(page).pick(form)
    await quickInput(page).waitForClosed()
    return await page.evaluate<string>('navigator.clipboard.readText()')
  }

  async function openHsmView(): Promise<void> {
    await stage.server.helper.command('workbench.action.closeAuxiliaryBar')
    await stage.server.helper.command('notifications.clearAll')
    await stage.server.helper.command('countersign.openPanel')
    await shown.waitFor()
    await shown.show('hsm')
  }

  async function echo(message: string): Promise<string> {
    const { page, server } = stage
    await server.helper.script('_echo', { message: '$PROMPT' })
    return (await askAgent(page, server.helper, message)).answer
  }
})

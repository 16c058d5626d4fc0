import { readdir, writeFile } from 'node:fs/promises'
import path from 'node:path'
import type { JSHandle } from 'playwright-core'
import { describe, expect, test } from 'vitest'
import { until } from '../demo/waiting.mjs'
import { initNssToken, type NssToken, whyNoNss } from '../integration/keys/nssToken.ts'
import {
  askAgent,
  type ContextRow,
  modalDialog,
  notifications,
  openWorkbench,
  type Panel,
  panel,
  quickInput,
  runCommand,
  screenshot,
  setTheme,
  whyNoEditor,
} from './driver/index.mjs'
import {
  builtPackage,
  cli,
  createIdentity,
  filesWith,
  type GatewayProcess,
  openStage,
  OUTPUT,
  type Stage,
  startGateway,
} from './stage.ts'
import { setUp, stepByStep } from './steps.ts'

const noEditor = await whyNoEditor()
const noNss = await whyNoNss()

const SUITE = 'MLKEM1024_X25519_MLDSA87_AES256GCM_SHA384'
const PIN = 'planted-Pin-7f3a91c0'
const WRONG_PIN = 'planted-Wrong-c41d20ee'
const KEY = 'mcp-identity-key'

/**
 * One VS Code for all of these, in order, as a person would go through them: each begins where the one before it ended. What
 * fails is not repaired for the next one.
 */
describe.skipIf(noEditor !== undefined)(
  `the main job in a real VS Code${noEditor ? ` (skipped: ${noEditor})` : ''}`,
  () => {
    let folder: string
    let gateway: GatewayProcess
    let token: (NssToken & { kid: string }) | undefined
    let stage: Stage
    let shown: Panel
    let vaultKid = ''
    let heard: JSHandle<string[]> | undefined

    setUp(async (made, later) => {
      folder = made
      gateway = await startGateway(path.join(folder, 'gateway'))
      later(() => gateway.stop())
      if (noNss === undefined) token = await tokenWithKey(path.join(folder, 'token'))
      stage = await openStage(path.join(folder, 'code'), await builtPackage(), {
        'countersign.gateways': { desk: { url: gateway.url, servers: ['everything'] } },
        'countersign.modules': token
          ? [{ path: token.module, libraryParameters: token.libraryParameters, name: 'NSS' }]
          : [],
      })
      later(() => stage.close())
      shown = panel(stage.page)
    })

    stepByStep('main-job', () => ({ stage, gateway }))

    /** Calls `echo` as the editor's agent does, and returns what the chat shows. */
    async function echo(message: string): Promise<string> {
      await stage.server.helper.script('_echo', { message: '$PROMPT' })
      return (await askAgent(stage.page, stage.server.helper, message)).answer
    }

    /** Waits for both directions of so many calls, each with its verdict, and lists nothing else. */
    async function listCalls(count: number): Promise<void> {
      await shown.show('contexts')
      await shown.filter('echo')
      let rows: ContextRow[] = []
      await until(
        () => `${count} calls in the panel, verified, and not ${JSON.stringify(rows)}`,
        async () => {
          rows = (await shown.contexts()).filter(({ about }) => about === 'echo')
          const of = (way: string) => rows.filter(({ direction }) => direction === way).length
          const verified = rows.every(({ verdict, custody }) => verdict === 'verified' && custody === 'software')
          return of('to') === count && of('from') === count && verified
        },
      )
    }

    test('the first connect asks whether the gateway’s key is to be trusted', async () => {
      const { page, server } = stage
      const started = server.helper.waitForTool('_echo', { start: true })
      const modal = modalDialog(page)
      await modal.waitFor()
      await screenshot(page, path.join(OUTPUT, 'first-connect.png'))
      expect(`${await modal.message()}\n${await modal.detail()}`).toContain(gateway.kid)
      await modal.click('Trust and Pin')
      await started
    })

    test('agent mode calls echo of server-everything and gets the answer', async () => {
      expect(await echo('Ahoy, gateway')).toContain('Echo: Ahoy, gateway')
    })

    test('the panel shows one session, with suite and pin', async () => {
      await stage.server.helper.command('workbench.action.closeAuxiliaryBar')
      await runCommand(stage.page, 'Countersign: Open Panel')
      await shown.waitFor()
      heard = await listen()
      await shown.show('sessions')
      const [session, ...others] = await shown.sessions()
      expect(others).toEqual([])
      expect(session).toMatchObject({
        state: 'ready',
        servers: 'everything',
        pin: 'first use',
        suite: SUITE,
        custody: ['software', 'software'],
      })
      expect(session?.gateway).toContain('desk')
      expect(await shown.signer()).toContain('software')
      // The ends of a kid, with the whole of it in the title.
      const kids = await shown.locator('aside .keyrow code').evaluateAll((codes) => codes.map((code) => code.title))
      expect(kids).toHaveLength(2)
      expect(kids[1]).toBe(gateway.kid)
      vaultKid = kids[0] ?? ''
      await screenshot(stage.page, path.join(OUTPUT, 'panel-sessions-dark.png'))
    })

    test('every context of the call is verified, and verifies again', async () => {
      await listCalls(1)
      await shown.filter('')
      // An editor may ask for more at any time, and that waits for its signature again.
      const others = async () => (await shown.contexts()).filter(({ verdict }) => verdict !== 'verified')
      await expect.poll(others, { timeout: 60_000 }).toEqual([])
      const counters = await shown.counters()
      expect(counters).toMatchObject({ rejected: 0, unsigned: 0 })
      expect(counters.verified).toBeGreaterThan(5)

      await shown.filter('echo')
      await shown.openContext('echo', 'from')
      await shown.filter('')
      await shown.press('Verify again')
      const bodies = async () => (await shown.openedContext()).bodies.join('\n')
      await expect.poll(bodies, { timeout: 60_000 }).toContain('Ahoy, gateway')
      const opened = await shown.openedContext()
      expect(opened.verdict).toBe('verified')
      expect(opened.checks.length).toBeGreaterThan(5)
      expect(opened.checks.filter(({ passed }) => !passed)).toEqual([])
      expect(opened.text).toContain('countersign-batch')
      await screenshot(stage.page, path.join(OUTPUT, 'panel-contexts-dark.png'))
    })

    test.skipIf(noNss !== undefined)(
      'Select HSM Slot… lists the token, refuses a wrong PIN, and takes its key',
      async () => {
        const { page } = stage
        const { slot, tokenLabel } = token ?? { slot: 0, tokenLabel: '' }
        const input = quickInput(page)
        const rowOf = async (part: string) => {
          const rows = await input.rows()
          return rows.find((row) => row.includes(part))
        }
        await runCommand(page, 'Countersign: Select HSM Slot…')
        const row = await until('the token in the list', () => rowOf(tokenLabel))
        expect(row).toContain(`slot ${slot}`)
        expect(row).toContain('ML-DSA-87')
        await screenshot(page, path.join(OUTPUT, 'select-slot.png'))
        // Its public key can be read without a PIN; signing wants one.
        expect(await rowOf(KEY)).toContain('software')
        await input.pick(new RegExp(KEY))

        await input.givePin(/^Unlock/, WRONG_PIN)
        const modal = modalDialog(page)
        await modal.waitFor()
        expect(await modal.message()).toContain(`${tokenLabel}, slot ${slot} did not accept the PIN`)
        await screenshot(page, path.join(OUTPUT, 'wrong-pin.png'))
        await modal.click('Try Again')
        await input.givePin(/^Unlock/, PIN)
        const said = notifications(page)
        await said.waitFor(`${KEY} in ${tokenLabel}, slot ${slot} signs the next context (software)`)
        await said.click('Keep its PIN', "Don't Keep")
      },
    )

    test.skipIf(noNss !== undefined)(
      'the next call is signed by the key in the token, and shown as what it is',
      async () => {
        expect(await echo('Signed by a token')).toContain('Echo: Signed by a token')
        await stage.server.helper.command('workbench.action.closeAuxiliaryBar')
        await listCalls(2)
        await shown.openContext('echo', 'to')
        await shown.filter('')
        const opened = await shown.openedContext()
        expect(opened.bodies.join('\n')).toContain('Signed by a token')
        expect(opened.checks.filter(({ passed }) => !passed)).toEqual([])
        expect(opened.codes).toContain(token?.kid)
        expect(opened.codes).not.toContain(vaultKid)

        await shown.show('sessions')
        const session = await until('a session with the key of the token', async () => {
          const sessions = await shown.sessions()
          return sessions.length === 1 && sessions[0]?.state === 'ready' && sessions[0]
        })
        expect(session.custody[0]).toBe('software')
        expect(await shown.signer()).toContain(KEY)
        expect(await shown.signer()).toContain(token?.tokenLabel)
        await shown.show('hsm')
        const rows = await shown.hsm()
        expect(rows.find((row) => row.startsWith(KEY))).toContain('software')
        expect(rows.find((row) => row.startsWith(KEY))).toContain('identity of this editor')
        expect(rows.some((row) => row.startsWith('NSS'))).toBe(true)
        expect(rows.some((row) => row.includes(`slot ${token?.slot}`))).toBe(true)
        // The PINs were typed while the panel was there, and it was told much.
        const messages = (await heard?.jsonValue())?.join('\n')
        expect(messages).toContain(token?.tokenLabel)
        for (const pin of [PIN, WRONG_PIN]) expect(messages).not.toContain(pin)
      },
    )

    /** What the extension tells the panel from now on, until the panel is loaded again. */
    async function listen(): Promise<JSHandle<string[]>> {
      return await shown.locator('body').evaluateHandle(({ ownerDocument }) => {
        const messages: string[] = []
        const listener = (event: { readonly data: unknown }) => messages.push(JSON.stringify(event.data))
        ownerDocument.defaultView?.addEventListener('message', listener)
        return messages
      })
    }

    test.each(['light', 'hc-dark', 'hc-light', 'dark'] as const)('the panel in %s', async (theme) => {
      const { page, server } = stage
      await setTheme(page, server, theme)
      for (const view of ['sessions', 'contexts', 'hsm'] as const) {
        await shown.show(view)
        expect(await shown.looks()).toEqual({ pale: [], overflowing: false })
        await screenshot(page, path.join(OUTPUT, `panel-${view}-${theme}.png`))
      }
    })

    test.skipIf(noNss !== undefined)(
      'a window that is loaded again has its panel, and asks for the PIN again',
      async () => {
        const { page, server } = stage
        await openWorkbench(page, server.url)
        await shown.waitFor()
        await shown.show('sessions')
        expect(await shown.sessions()).toMatchObject([{ state: 'closed', servers: 'everything', pin: 'pinned' }])
        const [answer] = await Promise.all([echo('After a reload'), quickInput(page).givePin(/^Unlock/, PIN)])
        expect(answer).toContain('Echo: After a reload')
        await until('the session', async () => (await shown.sessions())[0]?.state === 'ready')
      },
    )

    test('both journals verify, and no PIN is in any file', async () => {
      await stage.close()
      expect(await gateway.stop()).toBe(0)
      const mine = await journalFiles(path.join(stage.storage, 'journal'))
      const theirs = await journalFiles(gateway.journal)
      expect(mine.length).toBeGreaterThan(0)
      expect(theirs.length).toBeGreaterThan(0)
      const trusted = [gateway.kid, vaultKid, ...(token ? [token.kid] : [])].flatMap((kid) => ['--trust', kid])
      for (const file of [...mine, ...theirs]) {
        const { code, stdout, stderr } = await cli('verify', ...trusted, file)
        // The editor's last journal is not closed when its processes are told to end, and its session is lost: the
        // gateway's journal is closed, and lacks nothing but that session's `close` statements.
        expect({ file, code: [0, 2].includes(code), stderr }).toEqual({ file, code: true, stderr: '' })
        const incomplete = stdout.split('\n').filter((line) => line.startsWith('incomplete'))
        if (theirs.includes(file))
          expect(incomplete.filter((line) => !line.includes('no close statement '))).toEqual([])
        expect(stdout).toMatch(/\d+ records of \d+ sessions? in 1 files?: [1-9]\d* hold, 0 false/)
      }
      for (const pin of [PIN, WRONG_PIN]) {
        expect(await filesWith(folder, pin, ['extensions'])).toEqual(
          [path.join(folder, 'pin')].slice(pin === PIN ? 0 : 1),
        )
        expect(stage.server.log() + gateway.output() + stage.errors.join('\n')).not.toContain(pin)
      }
    })

    async function tokenWithKey(where: string): Promise<NssToken & { kid: string }> {
      const made = await initNssToken(where, { pin: PIN })
      const pinFile = path.join(folder, 'pin')
      await writeFile(pinFile, PIN, { mode: 0o600 })
      const module = ['--module', made.module, '--library-parameters', made.libraryParameters]
      const key = ['--token', made.tokenLabel, '--label', KEY, '--pin-file', pinFile]
      const { kid } = await createIdentity(...module, ...key)
      return { ...made, kid }
    }
  },
)

async function journalFiles(where: string): Promise<string[]> {
  const names = await readdir(where, { recursive: true })
  return names.filter((name) => name.endsWith('.jsonl')).map((name) => path.join(where, name))
}

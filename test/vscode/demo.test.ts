import { type ChildProcess, spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { readdir, readFile } from 'node:fs/promises'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterEach, describe, expect, test } from 'vitest'
import { until } from '../demo/waiting.mjs'
import { openBrowser, openWorkbench, panel, screenshot, whyNoEditor } from './driver/index.mjs'
import { OUTPUT } from './stage.ts'

const DEMO = fileURLToPath(new URL('../demo.mjs', import.meta.url))
const noEditor = await whyNoEditor()

/** What the README promises of its first command. Both run as a person would run them: another process, and its output. */
describe.skipIf(noEditor !== undefined)(`npm run demo${noEditor ? ` (skipped: ${noEditor})` : ''}`, () => {
  const started: ChildProcess[] = []

  afterEach(() => {
    for (const child of started.splice(0)) child.kill('SIGKILL')
  })

  function demo(...args: string[]) {
    // Without a screen there is one way for everybody.
    const { DISPLAY: _x11, WAYLAND_DISPLAY: _wayland, ...env } = process.env
    const child = spawn(process.execPath, [DEMO, ...args], { env, stdio: ['ignore', 'pipe', 'pipe'] })
    started.push(child)
    const said = { stdout: '', stderr: '' }
    for (const name of ['stdout', 'stderr'] as const) {
      child[name].setEncoding('utf8').on('data', (text: string) => {
        said[name] += text
      })
    }
    const exit = new Promise<number | null>((resolve) => child.once('close', resolve))
    return { child, said, exit }
  }

  test('--check: one line of JSON, a picture, exit 0', async () => {
    const { said, exit } = demo('--check')
    expect({ code: await exit, stderr: said.stderr }).toEqual({ code: 0, stderr: said.stderr })
    const lines = said.stdout.trim().split('\n')
    expect(lines).toHaveLength(1)
    const result: Record<string, unknown> = JSON.parse(lines[0] ?? '')
    expect(result).toMatchObject({
      ok: true,
      vscode: expect.stringMatching(/^1\.\d+\.\d+$/),
      session: { state: 'ready', suite: 'MLKEM1024_X25519_MLDSA87_AES256GCM_SHA384' },
      contexts: { rejected: 0 },
      answer: expect.stringContaining('Echo: '),
    })
    expect(existsSync(String(result['screenshot']))).toBe(true)
    expect(path.basename(String(result['screenshot']))).toBe('demo-panel.png')
  })

  test('without a screen: it names a page, the page shows a session, Ctrl+C ends all of it', async () => {
    const { child, said, exit } = demo()
    const url = await until('the address', async () => /Open (http:\S+)/.exec(said.stderr)?.[1], 90_000)
    const { page, close } = await openBrowser()
    try {
      await openWorkbench(page, url)
      await until('the sample is connected', async () => said.stderr.includes('The sample is connected.'), 60_000)
      const shown = panel(page)
      await shown.waitFor()
      await shown.show('sessions')
      await until('a session that is ready', async () => (await shown.sessions())[0]?.state === 'ready')
      await page.locator('.interactive-input-part .monaco-editor').click()
      await page.keyboard.press('Enter')
      await page
        .locator('.interactive-response', { hasText: 'Echo: Hello through Countersign' })
        .waitFor({ timeout: 30_000 })
      await screenshot(page, path.join(OUTPUT, 'demo-person.png'))
      const profile = await profileOf(url)
      expect(await processesOf(profile)).not.toEqual([])

      child.kill('SIGINT')
      expect(await exit).toBe(0)
      expect(said.stdout).toBe('')
      expect(await processesOf(profile)).toEqual([])
      expect(existsSync(profile)).toBe(false)
    } finally {
      await close()
    }
  })
})

/** The folder that the server at this address was started with: its settings name it. */
async function profileOf(url: string): Promise<string> {
  const page = await (await fetch(url)).text()
  const folder = /\/tmp\/cs-[A-Za-z0-9]+/.exec(page)?.[0]
  if (folder === undefined) throw new Error('the page does not name its workspace')
  return folder
}

/** Command lines that name this folder, where the system shows them. */
async function processesOf(folder: string): Promise<string[]> {
  const ids = (await readdir('/proc').catch(() => [])).filter((name) => /^\d+$/.test(name))
  const lines = await Promise.all(ids.map((id) => readFile(`/proc/${id}/cmdline`, 'utf8').catch(() => '')))
  return lines.filter((line) => line.includes(folder)).map((line) => line.replaceAll('\0', ' '))
}

import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { cp, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Page } from 'playwright-core'
import { onTestFailed } from 'vitest'
import {
  type CodeServer,
  notifications,
  openBrowser,
  openWorkbench,
  quickInput,
  runCommand,
  screenshot,
  startCodeServer,
} from './driver/index.mjs'
import { copyWithout } from './zip.ts'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))
const CLI = path.join(ROOT, 'dist/cli.js')
export const OUTPUT = path.join(ROOT, 'test/output')

/** The package that `npm run package` made. */
export async function builtPackage(): Promise<string> {
  const names = await readdir(path.join(ROOT, 'dist')).catch(() => [])
  const found = names.find((name) => name.endsWith('.vsix'))
  if (found === undefined) throw new Error('dist/ has no .vsix. Say "npm run package" first.')
  return path.join(ROOT, 'dist', found)
}

/** A folder for one test file, with a short path: sockets go into it. */
export async function temporaryFolder(): Promise<string> {
  return await mkdtemp(path.join('/tmp', 'cs-e2e-'))
}

export async function cli(...args: string[]): Promise<{ code: number; stdout: string; stderr: string }> {
  return await new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [CLI, ...args], { cwd: ROOT, stdio: ['ignore', 'pipe', 'pipe'] })
    let stdout = ''
    let stderr = ''
    child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text))
    child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text))
    child.on('error', reject)
    child.on('close', (code) => resolve({ code: code ?? 1, stdout, stderr }))
  })
}

/** `identity create`; prints what `identity show` would. */
export async function createIdentity(...args: string[]): Promise<{ kid: string; custody: string }> {
  const { code, stdout, stderr } = await cli('identity', 'create', ...args)
  if (code !== 0) throw new Error(`identity create ended with ${code}: ${stderr}`)
  const made: { kid: string; custody: string } = JSON.parse(stdout)
  return made
}

export interface GatewayProcess {
  readonly url: string
  readonly kid: string
  readonly journal: string
  /** Its configuration file. */
  readonly config: string
  /** What it wrote to standard output and to standard error. */
  output(): string
  stop(): Promise<number | null>
}

const EVERYTHING = path.join(ROOT, 'node_modules/@modelcontextprotocol/server-everything/dist/index.js')

/** `node dist/cli.js gateway` in front of server-everything, with a vault of its own in `folder`. */
export async function startGateway(folder: string, { listen = 'ws://127.0.0.1:0' } = {}): Promise<GatewayProcess> {
  await mkdir(folder, { recursive: true })
  const vault = ['--vault', path.join(folder, 'vault'), '--key-file', path.join(folder, 'key')]
  if (!existsSync(path.join(folder, 'vault'))) await createIdentity(...vault)
  const config = path.join(folder, 'gateway.jsonc')
  const everything = { command: process.execPath, args: [EVERYTHING, 'stdio'] }
  const settings = {
    listen,
    name: 'desk',
    identity: { vault: 'vault', keyFile: 'key' },
    clients: 'enroll',
    servers: { everything },
    state: 'state',
    journal: 'journal',
  }
  await writeFile(config, `// written by a test\n${JSON.stringify(settings, undefined, 2)}\n`)
  const child = spawn(process.execPath, [CLI, 'gateway', '--config', config], { stdio: ['ignore', 'pipe', 'pipe'] })
  const ended = new Promise<number | null>((resolve) => child.once('close', resolve))
  let output = ''
  const listening = new Promise<{ url: string; kid: string }>((resolve, reject) => {
    let stdout = ''
    child.stderr.setEncoding('utf8').on('data', (text: string) => (output += text))
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      output += text
      stdout += text
      if (!stdout.includes('\n')) return
      const said: { event?: string; url?: string; kid?: string } = JSON.parse(stdout.slice(0, stdout.indexOf('\n')))
      const { event, url, kid } = said
      if (event === 'listening' && url !== undefined && kid !== undefined) resolve({ url, kid })
    })
    void ended.then((code) => reject(new Error(`the gateway ended with ${code}:\n${output}`)))
  })
  const { url, kid } = await listening
  return {
    url,
    kid,
    journal: path.join(folder, 'journal'),
    config,
    output: () => output,
    async stop() {
      child.kill('SIGTERM')
      const kill = setTimeout(() => child.kill('SIGKILL'), 10_000)
      const code = await ended
      clearTimeout(kill)
      return code
    },
  }
}

export interface Stage {
  readonly page: Page
  readonly server: CodeServer
  /** What the browser's console called an error. */
  readonly errors: string[]
  /** Where the extension keeps its journal, pins and vault. */
  readonly storage: string
  close(): Promise<void>
}

/** A VS Code with the extension in it and a browser that shows it. `root` stays when it ends. */
export async function openStage(
  root: string,
  vsix: string,
  settings: Record<string, unknown>,
  workspace = path.join(root, 'workspace'),
  options: { readonly language?: string } = {},
): Promise<Stage> {
  const server = await startCodeServer({ helper: true, vsix: [vsix], root, settings, workspace, ...options })
  try {
    const { page, errors, close } = await openBrowser({ width: 1600, height: 1000 })
    await openWorkbench(page, server.url)
    // An editor on a busy machine gives up on its extension host after a minute; a person loads the window again.
    await server.helper.answered().catch(() => openWorkbench(page, server.url))
    return {
      page,
      server,
      errors,
      storage: path.join(server.profile.userData, 'User/globalStorage/countersign.countersign'),
      async close() {
        await close()
        await server.stop()
      },
    }
  } catch (thrown) {
    await server.stop()
    throw thrown
  }
}

/** Runs a command and picks a row of the list that it shows. */
export async function choose(page: Page, command: string, row: RegExp): Promise<void> {
  await runCommand(page, command)
  await quickInput(page).pick(row)
}

/** Leaves behind what somebody needs who has to find out why this test failed. */
export function keepTraces(name: string, stage: Stage, gateway?: GatewayProcess): void {
  onTestFailed(async () => {
    const folder = path.join(OUTPUT, `failed-${name}`)
    await rm(folder, { recursive: true, force: true })
    await mkdir(folder, { recursive: true })
    const said = await notifications(stage.page)
      .texts()
      .catch(() => [])
    await screenshot(stage.page, path.join(folder, 'window.png')).catch(() => {})
    await cp(path.join(stage.server.profile.userData, 'logs'), path.join(folder, 'logs'), { recursive: true }).catch(
      () => {},
    )
    await writeFile(path.join(folder, 'code-server.log'), stage.server.log())
    await writeFile(path.join(folder, 'gateway.log'), gateway?.output() ?? '')
    await writeFile(path.join(folder, 'browser.log'), [...said, ...stage.errors].join('\n'))
    process.stderr.write(`What it looked like, and the logs: ${folder}\n`)
  })
}

/** Files below `folder` that hold this text in any of these encodings. `skip`: folders by name. */
export async function filesWith(folder: string, text: string, skip: readonly string[] = []): Promise<string[]> {
  const wanted = (['utf8', 'utf16le', 'hex', 'base64'] as const).map((encoding) =>
    encoding === 'hex' || encoding === 'base64'
      ? Buffer.from(Buffer.from(text).toString(encoding))
      : Buffer.from(text, encoding),
  )
  const entries = await readdir(folder, { recursive: true, withFileTypes: true })
  const found: string[] = []
  for (const entry of entries) {
    const file = path.join(entry.parentPath, entry.name)
    if (!entry.isFile() || skip.some((name) => file.includes(`${path.sep}${name}${path.sep}`))) continue
    const content = await readFile(file)
    if (wanted.some((bytes) => content.includes(bytes))) found.push(file)
  }
  return found
}

/** The package without the native module: what ships to a platform for which none is built. */
export async function packageWithoutNativeModule(vsix: string, folder: string): Promise<string> {
  const target = path.join(folder, 'countersign-no-native.vsix')
  await copyWithout(vsix, target, (name) => name.startsWith('extension/dist/node_modules/'))
  return target
}

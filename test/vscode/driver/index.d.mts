import type { Browser, FrameLocator, Locator, Page } from 'playwright-core'

export type Report = (text: string) => void

export interface Helper {
  tools(): Promise<{ name: string; description: string }[]>
  waitForTool(part: string, options?: { start?: boolean; timeout?: number }): Promise<{ name: string }>
  invokeTool(name: string, input: object): Promise<string>
  command(command: string, ...args: unknown[]): Promise<unknown>
  commands(prefix?: string): Promise<string[]>
  extension(id: string): Promise<{ id: string; isActive: boolean; version: string } | null>
  updateSetting(section: string, value: unknown): Promise<void>
  script(tool: string, input: Record<string, unknown>): Promise<void>
  offered(): Promise<string[]>
  answered(): Promise<number>
}

export interface CodeServer {
  readonly url: string
  readonly profile: {
    readonly root: string
    readonly userData: string
    readonly extensions: string
    readonly home: string
  }
  readonly helper: Helper
  log(): string
  updateSettings(changes: Record<string, unknown>): Promise<boolean>
  stop(): Promise<void>
}

export function startCodeServer(options?: {
  helper?: boolean
  vsix?: readonly string[]
  workspace?: string
  settings?: Record<string, unknown>
  /** Of extensions; the editor's own texts stay English. */
  language?: string
  extraArgs?: readonly string[]
  env?: Record<string, string>
  root?: string
  report?: Report
}): Promise<CodeServer>

/** Why there is no real editor on this machine, or undefined. */
export function whyNoEditor(): Promise<string | undefined>

export function openBrowser(options?: {
  headless?: boolean
  width?: number
  height?: number
  ownSignals?: boolean
  report?: Report
}): Promise<{ browser: Browser; page: Page; errors: string[]; close: () => Promise<void> }>

export function openWorkbench(page: Page, url: string): Promise<void>
export function runCommand(page: Page, title: string): Promise<void>
export function pickFromMenu(what: Locator, entry: string): Promise<void>
export function screenshot(page: Page, file: string): Promise<string>
export function webviewFrame(page: Page, extensionId: string, options?: { view?: boolean }): FrameLocator

export type Theme = 'dark' | 'light' | 'hc-dark' | 'hc-light'
export function setTheme(page: Page, server: Pick<CodeServer, 'updateSettings'>, theme: Theme): Promise<void>

export function quickInput(page: Page): {
  widget: Locator
  input: Locator
  row(label: string | RegExp, detail?: string | RegExp): Locator
  waitFor(): Promise<void>
  waitForClosed(): Promise<void>
  title(): Promise<string>
  message(): Promise<string>
  waitForMessage(content: string | RegExp): Promise<void>
  rows(): Promise<string[]>
  /** Takes a row, and returns when that list is gone. */
  pick(label: string | RegExp, detail?: string | RegExp): Promise<void>
  type(value: string): Promise<void>
  /** Takes what is in the box, and returns when that box is gone. */
  accept(): Promise<void>
  /** Enter, whatever comes of it. */
  enter(): Promise<void>
  cancel(): Promise<void>
  /** Types into the box of that title, and takes it. */
  answer(title: RegExp, value: string): Promise<void>
  /** Types into the password box of that title, and takes it. */
  givePin(title: RegExp, pin: string): Promise<void>
}

export function notifications(page: Page): {
  /** All since the page was loaded, or since `forget`, whether the editor drew them or not. */
  texts(): Promise<string[]>
  waitFor(content: string | RegExp): Promise<void>
  forget(): Promise<void>
  click(content: string | RegExp, button: string): Promise<void>
}

export function modalDialog(page: Page): {
  box: Locator
  waitFor(): Promise<void>
  waitForMessage(content: string | RegExp): Promise<void>
  message(): Promise<string>
  detail(): Promise<string>
  click(button: string): Promise<void>
}

export function askAgent(
  page: Page,
  helper: Helper,
  prompt: string,
  options?: { decision?: 'allow' | 'skip'; timeout?: number },
): Promise<{ answer: string; asked: string | undefined }>

export interface SessionRow {
  state: string
  servers: string
  gateway: string
  pin: string
  suite: string
  custody: string[]
}

export interface ContextRow {
  verdict: string
  direction: 'to' | 'from'
  server: string
  about: string
  custody: string
}

export interface Panel {
  locator(selector: string): Locator
  waitFor(): Promise<void>
  show(view: 'sessions' | 'contexts' | 'hsm' | 'trial'): Promise<void>
  signer(): Promise<string>
  sessions(): Promise<SessionRow[]>
  contexts(): Promise<ContextRow[]>
  /** Lists only contexts with this in their name: a long list is drawn in part. */
  filter(text: string): Promise<void>
  counters(): Promise<Record<'verified' | 'pending' | 'rejected' | 'unsigned', number>>
  openContext(about: string, direction: 'to' | 'from'): Promise<void>
  openedContext(): Promise<{
    verdict: string
    title: string
    bodies: string[]
    checks: { name: string; passed: boolean; detail: string }[]
    codes: string[]
    text: string
  }>
  hsm(): Promise<string[]>
  text(): Promise<string>
  /** What is hard to see: text of too little contrast, and whether the page is wider than its window. */
  looks(): Promise<{ pale: string[]; overflowing: boolean }>
  press(label: string): Promise<void>
}
export function panel(page: Page): Panel

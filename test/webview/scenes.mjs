// What there is to see: each view and each of its states, as a name, how it is opened, and what a person does there.
/** @typedef {import('playwright-core').Page} Page */
/** @typedef {import('./stage.mjs').Opened} Opened */
/** @typedef {import('./stage.mjs').OpenOptions & {name: string, act?: (opened: Opened) => Promise<unknown>}} Scene */

const settled = 300

/** @param {string} words */
const row =
  (words) =>
  /** @param {Opened} opened */
  async ({ page }) => {
    await page.locator('.li[role="option"]', { hasText: words }).first().click()
    await page.waitForTimeout(settled)
  }

/** @param {string} selector @param {string} words */
const press =
  (selector, words) =>
  /** @param {Opened} opened */
  async ({ page }) => {
    await page.locator(selector, { hasText: words }).first().click()
    await page.waitForTimeout(settled)
  }

/** @type {Scene[]} */
const contexts = [
  {
    name: 'contexts',
    view: 'contexts',
    act: async ({ page }) => {
      await page.locator('.li[role="option"]:has(.v.verified)').first().click()
      await page.waitForTimeout(settled)
    },
  },
  { name: 'contexts-rejected', view: 'contexts', act: row('rejected') },
  { name: 'contexts-pending', view: 'contexts', act: row('write_file') },
  { name: 'contexts-unsigned', view: 'contexts', act: row('unsigned') },
  { name: 'contexts-hostile', view: 'contexts', act: row('202E') },
  {
    name: 'contexts-folded',
    view: 'contexts',
    act: async (opened) => {
      await row('verified')(opened)
      await opened.page.locator('[role="tree"]').first().focus()
      for (const key of ['ArrowDown', 'ArrowDown', 'ArrowDown', 'ArrowDown', 'ArrowLeft'])
        await opened.page.keyboard.press(key)
    },
  },
  {
    name: 'contexts-bytes',
    view: 'contexts',
    act: async (opened) => {
      await row('verified')(opened)
      for (const at of [0, 1]) await opened.page.locator('.ways .link', { hasText: 'Bytes' }).nth(at).click()
      await opened.page.waitForTimeout(settled)
    },
  },
  {
    name: 'contexts-exact',
    view: 'contexts',
    height: 1300,
    act: async (opened) => {
      await row('verified')(opened)
      for (const at of [0, 1]) await opened.page.locator('summary').nth(at).click()
    },
  },
  {
    name: 'contexts-hold',
    view: 'contexts',
    act: async (opened) => {
      await press('vscode-button', 'Hold')(opened)
      opened.host.bring(7)
      await opened.page.waitForTimeout(1200)
    },
  },
  {
    name: 'contexts-filtered',
    view: 'contexts',
    act: async ({ page }) => {
      await page.locator('.flt input').fill('tool:read tickets')
      await page.waitForTimeout(600)
    },
  },
  {
    name: 'contexts-nomatch',
    view: 'contexts',
    act: async ({ page }) => {
      await page.locator('.flt input').fill('zzz')
      await page.waitForTimeout(600)
    },
  },
  {
    name: 'contexts-journal',
    view: 'contexts',
    scene: 'journal',
    act: async ({ page }) => {
      await page.locator('.flt input').fill('notes-1')
      await page.locator('.journal', { hasText: 'Searching the journal: ' }).waitFor()
    },
  },
  {
    name: 'contexts-searched',
    view: 'contexts',
    scene: 'journal',
    act: async ({ page, host }) => {
      host.finish()
      await page.locator('.flt input').fill('notes-1')
      await page.locator('.journal', { hasText: 'were not searched' }).waitFor()
    },
  },
  { name: 'contexts-broken', view: 'contexts', scene: 'broken', act: row('verified') },
  { name: 'contexts-nothing', view: 'contexts', scene: 'nothing' },
]

/** @type {Scene[]} */
const sessions = [
  { name: 'sessions' },
  { name: 'sessions-reconnecting', act: press('tr', 'warehouse') },
  { name: 'sessions-blocked', act: press('tr', 'billing') },
  { name: 'sessions-classical', act: press('tr', 'tickets') },
  { name: 'first', scene: 'first' },
  { name: 'first-failed', scene: 'first', act: press('vscode-button', 'Connect to Server') },
  { name: 'gone', scene: 'gone' },
]

/** @type {Scene[]} */
const hsm = [
  { name: 'hsm', view: 'hsm' },
  { name: 'hsm-loading', view: 'hsm', scene: 'first' },
  { name: 'hsm-probed', view: 'hsm', act: press('.tr', 'Luna 7') },
  { name: 'hsm-locked', view: 'hsm', act: press('.tr', 'soft2') },
  { name: 'hsm-asking', view: 'hsm', act: press('.tr', 'card-key') },
  { name: 'hsm-slot', view: 'hsm', act: press('.tr', 'soft1') },
  { name: 'hsm-module', view: 'hsm', act: press('.tr', 'cknfast') },
  { name: 'hsm-vault', view: 'hsm', act: press('.tr', 'vault-key') },
]

/** @type {Scene[]} */
const trial = [
  { name: 'trial', view: 'trial', scene: 'trial-done' },
  { name: 'trial-empty', view: 'trial' },
  { name: 'trial-running', view: 'trial', scene: 'trial-running' },
  { name: 'trial-broken', view: 'trial', scene: 'trial-broken' },
  { name: 'trial-cancelled', view: 'trial', scene: 'trial-cancelled' },
  { name: 'trial-failed', view: 'trial', scene: 'trial-failed' },
]

const bundles = ['holds', 'false', 'incomplete', 'stranger', 'working', 'failed'].map((scene) => ({
  name: `bundle-${scene}`,
  of: 'bundle',
  scene,
}))

export const SCENES = [...contexts, ...sessions, ...hsm, ...trial, ...bundles]

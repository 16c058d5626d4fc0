// @ts-check

/** @typedef {import('playwright-core').Page} Page */

/**
 * Asks the editor's agent (the helper extension's scripted one) in agent mode, decides where the editor asks whether the tool
 * may run, and waits for the answer.
 *
 * @param {Page} page
 * @param {import('../helper/client.mjs').Helper} helper
 * @param {string} prompt
 * @param {{ decision?: 'allow' | 'skip', timeout?: number }} [options]
 * @returns {Promise<{ answer: string, asked: string | undefined }>} `answer` as the chat shows it, `asked`: the editor's question
 */
export async function askAgent(page, helper, prompt, { decision = 'allow', timeout = 60_000 } = {}) {
  const before = await helper.answered()
  await helper.command('workbench.action.chat.open', {
    query: prompt,
    mode: 'agent',
    modelSelector: { vendor: 'countersign-test', id: 'scripted' },
  })
  const question = page.locator('.chat-confirmation-widget-buttons:visible').last().locator('xpath=..')
  const button = page
    .getByRole('button')
    .filter({ hasText: decision === 'allow' ? /^(Allow|Continue)/ : /^(Skip|Cancel)/ })
  /** @type {string | undefined} */
  let asked
  for (const deadline = Date.now() + timeout; (await helper.answered()) === before; ) {
    if (Date.now() > deadline) throw new Error('The agent did not answer in time.')
    if (await button.first().isVisible()) {
      asked = (await question.innerText()).trim()
      await button.first().click()
      await button.first().waitFor({ state: 'hidden', timeout: 10_000 })
    }
    await page.waitForTimeout(100)
  }
  return { answer: await lastAnswer(page), asked }
}

/**
 * @param {Page} page
 * @returns {Promise<string>} what the chat shows as the agent's last answer
 */
export async function lastAnswer(page) {
  const response = page.locator('.interactive-response').last()
  await response.locator('.chat-footer-details').waitFor({ timeout: 15_000 })
  return (await response.locator('.chat-markdown-part').last().innerText()).trim()
}

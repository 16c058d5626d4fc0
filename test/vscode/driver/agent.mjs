// @ts-check
import { PATIENCE_MS, until } from '../../demo/waiting.mjs'
import { actUntil } from './acts.mjs'

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
export async function askAgent(page, helper, prompt, { decision = 'allow', timeout = 2 * PATIENCE_MS } = {}) {
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
  await until(
    "the agent's answer",
    async () => {
      const [first] = await button.elementHandles()
      if (first !== undefined && (await first.isVisible())) {
        asked = (await question.allInnerTexts()).join('\n').trim()
        await actUntil(
          'the answer to whether the tool may run',
          // Not with the mouse: toasts lie over the lower end of the chat.
          (timeout) => first.press('Enter', { timeout }),
          async () => !(await first.isVisible()),
        )
      }
      return (await helper.answered()) !== before
    },
    timeout,
  )
  return { answer: await lastAnswer(page), asked }
}

/**
 * @param {Page} page
 * @returns {Promise<string>} what the chat shows as the agent's last answer
 */
export async function lastAnswer(page) {
  const response = page.locator('.interactive-response').last()
  await response.locator('.chat-footer-details').waitFor()
  return (await response.locator('.chat-markdown-part').last().innerText()).trim()
}

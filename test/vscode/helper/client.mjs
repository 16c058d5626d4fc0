// @ts-check
import { readFile } from 'node:fs/promises'
import path from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { PATIENCE_MS, until } from '../../demo/waiting.mjs'

/**
 * @typedef {{ name: string, description: string, tags: string[], inputSchema?: object }} ToolInformation
 */

/**
 * The test's end of the helper extension's control port. Calls wait until the helper is there.
 *
 * @param {string} file what COUNTERSIGN_TEST_HELPER_FILE named
 */
export function helperClient(file) {
  /**
   * @param {string} operation
   * @param {Record<string, unknown>} [argument]
   * @returns {Promise<any>}
   */
  async function call(operation, argument = {}) {
    const { url, token } = await readControlFile(file)
    const response = await fetch(url, {
      method: 'POST',
      headers: { authorization: `Bearer ${token}` },
      body: JSON.stringify({ operation, argument }),
    })
    const body = await response.json()
    if (!response.ok) throw new Error(`${operation}: ${body.error}`)
    return body.result
  }
  return {
    /** @returns {Promise<ToolInformation[]>} all of `lm.tools` */
    tools: () => call('tools'),
    /**
     * Waits until the editor has a tool whose name contains this. With `start` it starts the MCP servers that it knows, as agent
     * mode does by itself.
     *
     * @param {string} part
     * @param {{ start?: boolean, timeout?: number }} [options]
     * @returns {Promise<ToolInformation>}
     */
    async waitForTool(part, { start = false, timeout = 2 * PATIENCE_MS } = {}) {
      for (const deadline = Date.now() + timeout; ; ) {
        // Again and again: it knows a server only after the extension that offers it was activated.
        if (start) {
          await call('command', { command: 'workbench.mcp.startServer', args: ['*', { waitForLiveTools: true }] })
        }
        /** @type {ToolInformation[]} */
        const tools = await call('tools')
        const found = tools.find(({ name }) => name.includes(part))
        if (found !== undefined) return found
        if (Date.now() > deadline) throw new Error(`no tool ${part} among ${tools.map(({ name }) => name).join(', ')}`)
        await sleep(200)
      }
    },
    /** Through `lm.invokeTool`: without readOnlyHint a modal asks first. @param {string} name @param {object} input @returns {Promise<string>} */
    invokeTool: (name, input) => call('invokeTool', { name, input }),
    /** @param {string} command @param {...unknown} args @returns {Promise<unknown>} */
    command: (command, ...args) => call('command', { command, args }),
    /** @param {string} [prefix] @returns {Promise<string[]>} */
    commands: (prefix) => call('commands', { prefix }),
    /** @param {string} id @param {string[]} [path] @returns {Promise<unknown>} a member of the extension's exports, as JSON */
    exports: (id, path) => call('exports', { id, path }),
    /** @param {string} id @param {string[]} path @param {...unknown} args @returns {Promise<unknown>} */
    callExport: (id, path, ...args) => call('exports', { id, path, args }),
    /** @param {string} id @returns {Promise<{ id: string, isActive: boolean, version: string } | null>} */
    extension: (id) => call('extension', { id }),
    /** @param {string} section @param {unknown} value @returns {Promise<void>} */
    updateSetting: (section, value) => call('updateSetting', { section, value }),
    /** What the scripted model does next; `$PROMPT` as a value is the prompt. @param {string} tool @param {Record<string, unknown>} input @returns {Promise<void>} */
    script: (tool, input) => call('script', { tool, input }),
    /** @returns {Promise<string[]>} names of the tools that the model's last request offered it */
    offered: () => call('offered'),
    /** @returns {Promise<number>} how many requests the scripted agent has answered */
    answered: () => call('answered'),
  }
}

/** @typedef {ReturnType<typeof helperClient>} Helper */

/** Where the control file of a profile lies. @param {string} root */
export function controlFile(root) {
  return path.join(root, 'helper.json')
}

/** @param {string} file */
async function readControlFile(file) {
  const text = await until('the helper extension', () => readFile(file, 'utf8').catch(() => undefined), 2 * PATIENCE_MS)
  return JSON.parse(text)
}

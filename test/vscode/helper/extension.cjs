// @ts-check
'use strict'
const fs = require('node:fs')
const http = require('node:http')
const { randomBytes } = require('node:crypto')
const vscode = require('vscode')

const VENDOR = 'countersign-test'
const MODEL = 'scripted'

/**
 * What the model does: it calls the first offered tool whose name contains `tool`, once, then prints its result. `$PROMPT` in
 * the input is what the person asked. `offered` is what the last request offered it.
 *
 * @type {{ tool: string, input: Record<string, unknown> }}
 */
let script = { tool: 'echo', input: { message: '$PROMPT' } }
/** @type {string[]} */
let offered = []
let answered = 0

/** @param {vscode.ExtensionContext} context */
exports.activate = (context) => {
  const file = process.env['COUNTERSIGN_TEST_HELPER_FILE']
  if (file) context.subscriptions.push(openControlPort(file))
  context.subscriptions.push(
    vscode.lm.registerLanguageModelChatProvider(VENDOR, scriptedModel),
    // Last: an editor that does not allow the proposal throws here, and everything else still works.
    vscode.chat.createChatParticipant('countersign-test.agent', answer),
  )
}

// Not in the published types: without it the model picker, and so agent mode, does not offer the model.
const SELECTABLE = { isUserSelectable: true }

/** @type {vscode.LanguageModelChatProvider} */
const scriptedModel = {
  provideLanguageModelChatInformation: () => [
    {
      id: MODEL,
      name: 'Scripted model',
      family: MODEL,
      version: '1',
      maxInputTokens: 100_000,
      maxOutputTokens: 10_000,
      capabilities: { toolCalling: true },
      ...SELECTABLE,
    },
  ],
  provideTokenCount: async () => 1,
  async provideLanguageModelChatResponse(_model, messages, options, progress) {
    offered = (options.tools ?? []).map((tool) => tool.name)
    const last = messages.at(-1)
    const result = last?.content.find((part) => part instanceof vscode.LanguageModelToolResultPart)
    if (result instanceof vscode.LanguageModelToolResultPart) {
      progress.report(new vscode.LanguageModelTextPart(`The tool answered: ${textOf(result.content)}`))
      return
    }
    const name = offered.find((each) => each.includes(script.tool))
    if (name === undefined) {
      progress.report(new vscode.LanguageModelTextPart(`No tool is named like ${script.tool}: ${offered.join(', ')}`))
      return
    }
    const input = JSON.parse(
      JSON.stringify(script.input).replaceAll('"$PROMPT"', () => JSON.stringify(textOf(last?.content ?? []))),
    )
    progress.report(new vscode.LanguageModelToolCallPart(randomBytes(8).toString('hex'), name, input))
  },
}

/** @type {vscode.ChatRequestHandler} */
async function answer(request, _context, stream, token) {
  try {
    await runAgent(request, stream, token)
  } finally {
    answered++
  }
}

/**
 * @param {vscode.ChatRequest} request
 * @param {vscode.ChatResponseStream} stream
 * @param {vscode.CancellationToken} token
 */
async function runAgent(request, stream, token) {
  const tools = vscode.lm.tools.map(({ name, description, inputSchema }) => ({
    name,
    description,
    inputSchema: inputSchema ?? {},
  }))
  const messages = [vscode.LanguageModelChatMessage.User(request.prompt)]
  for (let round = 0; round < 5; round++) {
    const response = await request.model.sendRequest(messages, { tools, justification: 'test' }, token)
    /** @type {vscode.LanguageModelToolCallPart[]} */
    const calls = []
    for await (const part of response.stream) {
      if (part instanceof vscode.LanguageModelTextPart) stream.markdown(part.value)
      if (part instanceof vscode.LanguageModelToolCallPart) calls.push(part)
    }
    if (calls.length === 0) return
    messages.push(vscode.LanguageModelChatMessage.Assistant(calls))
    for (const call of calls) {
      messages.push(
        vscode.LanguageModelChatMessage.User([
          new vscode.LanguageModelToolResultPart(call.callId, await invoke(call, request, token)),
        ]),
      )
    }
  }
}

/**
 * @param {vscode.LanguageModelToolCallPart} call
 * @param {vscode.ChatRequest} request
 * @param {vscode.CancellationToken} token
 */
async function invoke(call, request, token) {
  try {
    const options = { input: call.input, toolInvocationToken: request.toolInvocationToken }
    return (await vscode.lm.invokeTool(call.name, options, token)).content
  } catch (error) {
    return [new vscode.LanguageModelTextPart(`error: ${error instanceof Error ? error.message : String(error)}`)]
  }
}

/** @type {Record<string, (argument: any) => unknown>} */
const operations = {
  tools: () =>
    vscode.lm.tools.map(({ name, description, tags, inputSchema }) => ({ name, description, tags, inputSchema })),
  async invokeTool({ name, input }) {
    const result = await vscode.lm.invokeTool(name, { input, toolInvocationToken: undefined })
    return textOf(result.content)
  },
  command: ({ command, args = [] }) => vscode.commands.executeCommand(command, ...args),
  commands: ({ prefix = '' }) =>
    vscode.commands.getCommands(true).then((all) => all.filter((id) => id.startsWith(prefix))),
  /** Reads a member of an extension's exports, or calls it where `args` are given. */
  async exports({ id, path = [], args }) {
    const extension = vscode.extensions.getExtension(id)
    if (!extension) throw new Error(`no extension ${id}`)
    await extension.activate()
    let owner
    let value = extension.exports
    for (const name of path) [owner, value] = [value, value?.[name]]
    return args === undefined ? value : value.apply(owner, args)
  },
  extension({ id }) {
    const extension = vscode.extensions.getExtension(id)
    return extension && { id: extension.id, isActive: extension.isActive, version: extension.packageJSON.version }
  },
  updateSetting: ({ section, value }) =>
    vscode.workspace.getConfiguration().update(section, value, vscode.ConfigurationTarget.Global),
  script(next) {
    script = next
  },
  offered: () => offered,
  answered: () => answered,
}

/**
 * Only a process that can read `file` knows the token, so no web page can run commands here.
 *
 * @param {string} file
 */
function openControlPort(file) {
  const token = randomBytes(32).toString('hex')
  /** @type {(request: import('node:http').IncomingMessage, response: import('node:http').ServerResponse) => Promise<void>} */
  const serve = async (request, response) => {
    /** @param {number} status @param {unknown} body */
    const reply = (status, body) => {
      response.writeHead(status, { 'content-type': 'application/json' })
      response.end(JSON.stringify(body))
    }
    if (request.headers.authorization !== `Bearer ${token}`) return reply(401, { error: 'token' })
    let body = ''
    for await (const chunk of request.setEncoding('utf8')) body += chunk
    try {
      const { operation, argument = {} } = JSON.parse(body)
      const run = Object.hasOwn(operations, operation) ? operations[operation] : undefined
      if (!run) return reply(404, { error: `no operation ${operation}` })
      reply(200, { result: (await run(argument)) ?? null })
    } catch (error) {
      reply(500, { error: error instanceof Error ? error.message : String(error) })
    }
  }
  const server = http.createServer((request, response) => void serve(request, response))
  server.listen(0, '127.0.0.1', () => {
    const address = server.address()
    if (address === null || typeof address === 'string') return
    fs.writeFileSync(`${file}.next`, JSON.stringify({ url: `http://127.0.0.1:${address.port}/`, token }), {
      mode: 0o600,
    })
    fs.renameSync(`${file}.next`, file)
  })
  return new vscode.Disposable(() => {
    server.closeAllConnections()
    server.close()
    // The window that was loaded again may have written its own by now.
    if (fs.existsSync(file) && fs.readFileSync(file, 'utf8').includes(token)) fs.rmSync(file, { force: true })
  })
}

/** @param {readonly unknown[]} content */
function textOf(content) {
  return content
    .map((part) => (part instanceof vscode.LanguageModelTextPart ? part.value : JSON.stringify(part)))
    .join('')
}

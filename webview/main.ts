/** The panel's entry: wires messages, model and shell. */
// Before all others: see there.
import './language.ts'
import './panel.css'
import { type HostMessage, parseHostMessage } from '../src/contracts/panel.ts'
import type { PanelContexts } from '../src/contracts/panelContexts.ts'
import { PanelCaller } from '../src/contracts/panelRpc.ts'
import { Announcer } from './app/announce.ts'
import { CalmState } from './app/figures.ts'
import { Model } from './app/model.ts'
import { ContextRows } from './app/rows.ts'
import { readSaved } from './app/saved.ts'
import { Shell } from './app/shell.ts'
import { registerToolkit } from './toolkit.ts'

/** When the host has sent nothing for this long, the panel says so. */
const SILENCE = 8000

function start(root: HTMLElement): void {
  registerToolkit()
  const vscode = acquireVsCodeApi()
  const caller = new PanelCaller(vscode.postMessage.bind(vscode))
  const rows = new ContextRows()
  let frame = 0
  const draw = () => {
    if (frame !== 0) return
    frame = requestAnimationFrame(() => {
      frame = 0
      shell.render()
    })
  }
  const saved = readSaved(vscode.getState())
  const model = new Model(
    rows,
    saved,
    (method, params) => caller.call(method, params),
    draw,
    (state) => vscode.setState(state),
  )
  const calm = new CalmState(
    () => performance.now(),
    () => {
      model.state = calm.state
      draw()
    },
  )
  const shell = new Shell(root, model, () => void hello())
  const announcer = new Announcer(document.body)

  let greeting = false
  async function hello(): Promise<void> {
    if (greeting) return
    greeting = true
    model.silent = false
    calm.restart()
    const timer = setTimeout(() => {
      model.silent = true
      draw()
    }, SILENCE)
    try {
      const listed = model.relist()
      const { view } = await caller.call('ready', {})
      if (view !== undefined) model.keep({ view })
      // What is seen after a reload is not known to the host, and decides what it looks after.
      await caller.call('selectView', { view: model.saved.view })
      await listed
    } catch {
      model.silent = model.state === undefined
    } finally {
      greeting = false
      clearTimeout(timer)
      draw()
    }
  }

  function take(contexts: PanelContexts): void {
    rows.change(contexts)
    announcer.rows(contexts.rejected)
    const { selected } = contexts
    // The selected context got its verdict: what is shown of it is old.
    if (selected?.ref === model.saved.context && selected?.verdict !== model.detail?.detail?.row.verdict) {
      void model.load(selected?.ref ?? '', false)
    }
    draw()
  }

  function receive(message: HostMessage): void {
    switch (message.type) {
      case 'state':
        if (calm.accept(message.state)) model.state = calm.state
        draw()
        return
      case 'contexts':
        take(message.contexts)
        return
      case 'trial':
        model.trial = message.trial
        draw()
        return
      case 'reveal':
        model.show(message.view)
        if (message.session !== undefined) model.keep({ session: message.session })
        if (message.context !== undefined) model.select({ ref: message.context })
        return
      case 'reply':
        caller.receive(message)
        return
    }
  }

  window.addEventListener('message', (event: MessageEvent<unknown>) => {
    const message = parseHostMessage(event.data)
    if (message !== undefined) receive(message)
  })
  window.addEventListener('pagehide', () => {
    caller.dispose()
    calm.dispose()
  })
  shell.render()
  void hello()
}

const root = document.getElementById('root')
if (root !== null) start(root)

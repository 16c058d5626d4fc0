// Before all others: see there.
import '../language.ts'
import './bundle.css'
import { type BundleIntent, type BundleMessage, parseBundleMessage } from '../../src/contracts/bundleView.ts'
import { patch } from '../dom/h.ts'
import { registerToolkit } from '../toolkit.ts'
import { strings } from './strings.ts'
import { bundleView } from './view.ts'

/** The editor for bundles: it shows what the host found, and keeps nothing. */
function start(root: HTMLElement): void {
  registerToolkit()
  const vscode = acquireVsCodeApi()
  // The editor's own function of that name, which takes no origin.
  // oxlint-disable-next-line unicorn/require-post-message-target-origin
  const send = (intent: BundleIntent) => vscode.postMessage(intent)
  const said = document.createElement('div')
  said.className = 'hear'
  said.setAttribute('role', 'status')
  const view = document.createElement('div')
  view.className = 'bundle'
  root.append(said, view)

  function receive(message: BundleMessage): void {
    patch(view, [bundleView(message, send)])
    // Only how it ended: progress would talk all the time.
    if (message.type === 'report') said.textContent = strings.ended(strings.verdict[message.report.verdict])
    if (message.type === 'failed') said.textContent = message.sentence
  }

  window.addEventListener('message', (event: MessageEvent<unknown>) => {
    const message = parseBundleMessage(event.data)
    if (message !== undefined) receive(message)
  })
  send({ type: 'ready' })
}

const root = document.getElementById('root')
if (root !== null) start(root)

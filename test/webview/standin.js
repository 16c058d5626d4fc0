// Stands in for what VS Code puts into a webview: acquireVsCodeApi, and messages that arrive as window messages.
{
  const saved = JSON.parse(document.body.dataset.saved ?? 'null')
  let state = saved ?? undefined
  window.acquireVsCodeApi = () => ({
    postMessage: (message) => void window.hostReceive(JSON.stringify(message)),
    getState: () => state,
    setState: (next) => {
      state = next
      window.savedState = next
    },
  })
  window.violations = []
  document.addEventListener('securitypolicyviolation', (event) => {
    window.violations.push(
      `${event.effectiveDirective} ${event.blockedURI} ${event.sourceFile ?? ''}:${event.lineNumber}`,
    )
  })
}

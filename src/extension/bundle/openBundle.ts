import { env, Uri, type WebviewPanel } from 'vscode'
import { panelHtml } from '../../contracts/panelHtml.ts'
import { encodeBase64url } from '../../crypto/encoding.ts'
import { randomBytes } from '../../crypto/random.ts'
import { bundleSource, watchBundle } from './bundleUri.ts'
import { BundleView, type BundleViewPorts } from './bundleView.ts'
import { t } from '../../support/l10n.ts'

export interface OpenBundlePorts extends Pick<BundleViewPorts, 'known' | 'clock' | 'failed'> {
  readonly uri: Uri
  /** What the webview says in the language of the editor, as JSON. */
  readonly words: string
  /** Folder of the webview's bundle: the only one that it may read. */
  readonly folder: string
}

/** Opens an evidence bundle as what it is worth: its verdict, and never a flag that is in it. Until its tab is closed. */
export function openBundle(ports: OpenBundlePorts, panel: WebviewPanel): void {
  const { webview } = panel
  const folder = Uri.file(ports.folder)
  webview.options = { enableScripts: true, localResourceRoots: [folder] }
  const view = new BundleView({
    ...ports,
    source: async (signal) => await bundleSource(ports.uri, signal),
    watch: (changed) => watchBundle(ports.uri, changed),
    post: (message) => {
      // A webview is no window, and has no origin to name.
      // oxlint-disable-next-line unicorn/require-post-message-target-origin
      void webview.postMessage(message)
    },
  })
  webview.onDidReceiveMessage((message: unknown) => view.receive(message))
  panel.onDidDispose(() => view.dispose())
  const file = (name: string) => webview.asWebviewUri(Uri.joinPath(folder, name)).toString()
  webview.html = panelHtml({
    nonce: encodeBase64url(randomBytes(18)),
    cspSource: webview.cspSource,
    scriptUri: file('bundle.js'),
    styleUri: file('bundle.css'),
    title: t('Countersign evidence'),
    language: env.language,
    words: ports.words,
  })
}

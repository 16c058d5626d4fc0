import { type CustomDocument, type CustomReadonlyEditorProvider, Uri, type WebviewPanel, window } from 'vscode'
import { panelHtml } from '../../contracts/panelHtml.ts'
import { encodeBase64url } from '../../crypto/encoding.ts'
import { randomBytes } from '../../crypto/random.ts'
import type { Disposable } from '../../support/disposable.ts'
import type { CountersignError } from '../../support/errors.ts'
import type { BundleViewPorts } from './bundleView.ts'

export const BUNDLE_EDITOR = 'countersign.bundle'

export interface BundleEditorPorts extends Omit<BundleViewPorts, 'post' | 'uri'> {
  /** Folder of the webview's bundle: the only one that it may read. */
  readonly folder: string
  readonly failed: (error: CountersignError) => void
}

/** Opens evidence bundles as what they are worth: their verdict, and never a flag that is in them. */
export class BundleEditor implements Disposable, CustomReadonlyEditorProvider {
  private readonly ports: BundleEditorPorts
  private readonly registration: Disposable

  constructor(ports: BundleEditorPorts) {
    this.ports = ports
    this.registration = window.registerCustomEditorProvider(BUNDLE_EDITOR, this, {
      supportsMultipleEditorsPerDocument: true,
    })
  }

  openCustomDocument(uri: Uri): CustomDocument {
    return { uri, dispose: () => {} }
  }

  async resolveCustomEditor({ uri }: CustomDocument, panel: WebviewPanel): Promise<void> {
    const { webview } = panel
    const folder = Uri.file(this.ports.folder)
    webview.options = { enableScripts: true, localResourceRoots: [folder] }
    // Imported with the first bundle: the verifier is nothing that every window needs.
    const { BundleView } = await import('./bundleView.ts')
    const view = new BundleView({
      ...this.ports,
      uri,
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
      title: 'Countersign evidence',
    })
  }

  dispose(): void {
    this.registration.dispose()
  }
}

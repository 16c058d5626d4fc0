import { env, Uri, ViewColumn, type WebviewPanel, window } from 'vscode'
import type { HostMessage } from '../../contracts/panel.ts'
import { panelHtml } from '../../contracts/panelHtml.ts'
import { type PanelHandlers, PanelResponder } from '../../contracts/panelRpc.ts'
import { encodeBase64url } from '../../crypto/encoding.ts'
import { randomBytes } from '../../crypto/random.ts'
import { type Disposable, DisposableStore } from '../../support/disposable.ts'
import type { CountersignError } from '../../support/errors.ts'
import { PANEL_TYPE, type Reveal } from './lazyPanel.ts'
import type { PanelFeed } from './panelFeed.ts'

export type HostHandlers = Omit<PanelHandlers, 'ready' | 'setFilter' | 'contextRows'>

export interface PanelPorts {
  /** Folder of the webview's bundle: the only one that it may read. */
  readonly folder: string
  readonly icon: string
  /** What the webview says in the language of the editor, as JSON. */
  readonly words: () => Promise<string>
  /** Everything that the webview may ask for, but what its feed answers. */
  readonly handlers: HostHandlers
  readonly feed: (post: (message: HostMessage) => void) => PanelFeed
  readonly onError: (method: string, error: CountersignError) => void
  /** Nobody sees the panel now: it is hidden, or closed. */
  readonly hidden: () => void
}

/** The panel: at most one in a window. What is in it lives in the extension; hiding or reloading it loses nothing. */
export class Panel implements Disposable {
  private readonly ports: PanelPorts
  private readonly owned = new DisposableStore()
  private open: { readonly panel: WebviewPanel; readonly feed: PanelFeed; readonly owned: DisposableStore } | undefined
  private wanted: Extract<HostMessage, { type: 'reveal' }> | undefined

  constructor(ports: PanelPorts) {
    this.ports = ports
  }

  show(reveal?: Reveal): void {
    if (reveal !== undefined) this.wanted = { type: 'reveal', ...reveal }
    if (this.open === undefined) {
      const panel = window.createWebviewPanel(PANEL_TYPE, 'Countersign', ViewColumn.Active, this.options())
      this.adopt(panel)
      return
    }
    this.open.panel.reveal()
    this.revealWanted()
  }

  /** The window was reloaded with the panel in it. */
  restore(panel: WebviewPanel): void {
    this.open?.panel.dispose()
    panel.webview.options = this.options()
    this.adopt(panel)
  }

  /** The row of the contexts that is selected, while the panel is open. */
  get selected(): string | undefined {
    return this.open?.feed.list.selected
  }

  stateChanged(): void {
    this.open?.feed.stateChanged()
  }

  dispose(): void {
    this.open?.panel.dispose()
    this.owned.dispose()
  }

  private options() {
    return { enableScripts: true, localResourceRoots: [Uri.file(this.ports.folder)], enableFindWidget: false }
  }

  private adopt(panel: WebviewPanel): void {
    const { webview } = panel
    const owned = new DisposableStore()
    const post = (message: unknown) => send(panel, message)
    const feed = owned.add(this.ports.feed(post))
    const handlers: PanelHandlers = {
      ...this.ports.handlers,
      ready: async () => {
        // After the reply, so that the webview knows its view before it draws.
        setImmediate(() => this.started(feed))
        return this.wanted === undefined ? {} : { view: this.wanted.view }
      },
      setFilter: async (params) => feed.list.setFilter(params),
      contextRows: async (params) => feed.list.contextRows(params),
    }
    const responder = owned.add(new PanelResponder(handlers, post, this.ports.onError))
    owned.add(webview.onDidReceiveMessage((message: unknown) => void responder.receive(message)))
    // A hidden webview is gone; when it comes back it says `ready`, and which view it shows.
    owned.add(
      panel.onDidChangeViewState(() => {
        if (panel.visible) return
        feed.stop()
        this.ports.hidden()
      }),
    )
    panel.onDidDispose(() => {
      owned.dispose()
      if (this.open?.panel === panel) this.open = undefined
      this.ports.hidden()
    })
    panel.iconPath = Uri.file(this.ports.icon)
    this.open = { panel, feed, owned }
    void this.draw(panel)
  }

  private started(feed: PanelFeed): void {
    if (this.open?.feed !== feed) return
    feed.start()
    this.revealWanted()
  }

  private revealWanted(): void {
    if (this.wanted === undefined) return
    if (this.open !== undefined) send(this.open.panel, this.wanted)
    this.wanted = undefined
  }

  private async draw(panel: WebviewPanel): Promise<void> {
    const words = await this.ports.words()
    if (this.open?.panel === panel) panel.webview.html = this.html(panel, words)
  }

  private html({ webview }: WebviewPanel, words: string): string {
    const file = (name: string) => webview.asWebviewUri(Uri.joinPath(Uri.file(this.ports.folder), name)).toString()
    return panelHtml({
      nonce: encodeBase64url(randomBytes(18)),
      cspSource: webview.cspSource,
      scriptUri: file('panel.js'),
      styleUri: file('panel.css'),
      title: 'Countersign',
      language: env.language,
      words,
    })
  }
}

/** To the one webview of the panel: it is no window, and has no origin to name. What it says is told by its type at each caller. */
function send({ webview }: WebviewPanel, message: unknown): void {
  // oxlint-disable-next-line unicorn/require-post-message-target-origin
  void webview.postMessage(message)
}

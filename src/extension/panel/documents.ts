import { type TextDocumentContentProvider, Uri, window, workspace } from 'vscode'
import type { Disposable } from '../../support/disposable.ts'
import { CountersignError } from '../../support/errors.ts'
import { t } from '../../support/l10n.ts'

const SCHEME = 'countersign-evidence'

/** Evidence as read-only JSON documents. The text is made from the store when the editor asks for it. */
export class EvidenceDocuments implements Disposable, TextDocumentContentProvider {
  private readonly text: (ref: string) => Promise<string>
  private readonly registration: Disposable

  constructor(text: (ref: string) => Promise<string>) {
    this.text = text
    this.registration = workspace.registerTextDocumentContentProvider(SCHEME, this)
  }

  async provideTextDocumentContent(uri: Uri): Promise<string> {
    try {
      return await this.text(uri.query)
    } catch (thrown) {
      // A tab of yesterday's window: its evidence is in the journal and no longer here.
      return thrown instanceof CountersignError ? `// ${t(thrown.sentence)}\n` : `// ${t('not available')}\n`
    }
  }

  async open(ref: string, name: string): Promise<void> {
    const path = `${name.replace(/[^A-Za-z0-9._-]+/g, '-')}.json`
    const document = await workspace.openTextDocument(Uri.from({ scheme: SCHEME, path, query: ref }))
    await window.showTextDocument(document, { preview: true })
  }

  dispose(): void {
    this.registration.dispose()
  }
}

import { window, workspace } from 'vscode'
import { type Disposable, DisposableStore } from '../support/disposable.ts'
import type { Parts } from './parts.ts'

export const CONTEXT_SCHEME = 'countersign-context'
export const BUNDLE_EDITOR = 'countersign.bundle'

/** What the editor opens as a tab and asks us for, also in a window that needed nothing else of us: contexts and bundles. */
export function registerReaders(
  needed: (what: string) => Promise<Pick<Parts, 'documents' | 'openBundle'>>,
): Disposable {
  const owned = new DisposableStore()
  owned.add(
    workspace.registerTextDocumentContentProvider(CONTEXT_SCHEME, {
      provideTextDocumentContent: async ({ query }) => (await needed('document')).documents.text(query),
    }),
  )
  owned.add(
    window.registerCustomEditorProvider(
      BUNDLE_EDITOR,
      {
        openCustomDocument: (uri) => ({ uri, dispose: () => {} }),
        resolveCustomEditor: async ({ uri }, panel) => (await needed('bundle')).openBundle(uri, panel),
      },
      { supportsMultipleEditorsPerDocument: true },
    ),
  )
  return owned
}

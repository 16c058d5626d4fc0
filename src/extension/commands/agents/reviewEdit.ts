import { commands, TabInputTextDiff, Uri, window, workspace } from 'vscode'
import { pickOne } from '../pickOne.ts'
import { t } from '../../../support/l10n.ts'

const SCHEME = 'countersign-agent'
let reviews = 0

export interface Review<T extends string> {
  readonly title: string
  readonly path: string
  readonly before: string
  readonly after: string
  /** What can be done; closing the list does nothing. */
  readonly choices: readonly { readonly choice: T; readonly label: string; readonly detail: string }[]
}

/** Shows what would be written in the editor's own diff, and asks. Undefined: nothing is to be written. */
export async function reviewEdit<T extends string>({
  title,
  path,
  before,
  after,
  choices,
}: Review<T>): Promise<T | undefined> {
  // Of this review and no other: the editor may still have the text of one before, and what is agreed to is what is shown.
  const authority = `review-${++reviews}`
  const side = (which: string) => Uri.from({ scheme: SCHEME, authority, path, query: which })
  const [left, right] = [side('before'), side('after')]
  const provideTextDocumentContent = ({ query }: Uri) => (query === 'after' ? after : before)
  const provider = workspace.registerTextDocumentContentProvider(SCHEME, { provideTextDocumentContent })
  try {
    await commands.executeCommand('vscode.diff', left, right, title, { preview: true })
    const stop = { label: t('$(close) Write nothing'), detail: '', choice: undefined }
    return (await pickOne([...choices, stop], { title, placeHolder: t`The change to ${path} is shown below` }))?.choice
  } finally {
    await closeDiff(right)
    provider.dispose()
  }
}

/** Its documents have no text any more. */
async function closeDiff(right: Uri): Promise<void> {
  const shown = window.tabGroups.all
    .flatMap(({ tabs }) => tabs)
    .filter(({ input }) => input instanceof TabInputTextDiff && input.modified.toString() === right.toString())
  if (shown.length > 0) await window.tabGroups.close(shown)
}
